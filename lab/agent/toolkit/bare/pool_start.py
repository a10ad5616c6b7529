"""Start pools as a user's script would, without importing the lab or anything unneeded."""

import multiprocessing
import os
import sys
import time


def nothing(task):
    pass


class Main:
    def __init__(self, start_method, workers):
        self.context = multiprocessing.get_context(None if start_method == "default" else start_method)
        self.workers = workers

    def first(self):
        return self.batch(1)["start_ready"]

    def batch(self, loops):
        clock = time.perf_counter_ns
        context, workers = self.context, self.workers
        tasks = range(workers)
        ready = constructed = ended = 0
        for _ in range(loops):
            begin = clock()
            pool = context.Pool(workers)
            there = clock()
            pool.map(nothing, tasks, 1)
            answered = clock()
            pool.close()
            pool.join()
            ended += clock() - answered
            ready += answered - begin
            constructed += there - begin
        return {"start_ready": ready, "construct": constructed, "close_join": ended}

    def children(self):
        from serving import describe

        with self.context.Pool(self.workers) as pool:
            workers = pool.starmap(describe, [()] * self.workers, 1)
            count = len({worker.pid for worker in multiprocessing.active_children()})
            pool.close()
            pool.join()
        return {"workers": workers, "parent": os.getpid(), "count": count}


if __name__ == "__main__":
    sys.path.append(sys.argv[2])
    from serving import serve

    serve(Main)
