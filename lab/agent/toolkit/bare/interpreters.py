"""Start pools of interpreters, or keep one, as a user's script would, without importing the lab or anything unneeded.

As in ``pool_start``, each worker holds its task until all have one. They meet over two pipes, for interpreters of one
process share its file descriptors. To find the tasks, each interpreter runs the top of this program, with its imports.
"""

import concurrent.futures
import os
import sys
import time
from concurrent import interpreters


def nothing(task):
    pass


def meet(arrived, leave):
    os.write(arrived, b"x")
    os.read(leave, 1)
    return interpreters.get_current().id, "lab" in sys.modules


class Main:
    def __init__(self, workers):
        self.workers = workers
        self.arrived, self.leave = os.pipe(), os.pipe()

    def batch(self, loops):
        clock = time.perf_counter_ns
        tasks = range(self.workers)
        ready = answered = constructed = ended = 0
        for _ in range(loops):
            begin = clock()
            pool = self.pool()
            there = clock()
            list(pool.map(nothing, tasks))
            first = clock()
            self.gather(pool)
            complete = clock()
            pool.shutdown()
            ended += clock() - complete
            ready += complete - begin
            answered += first - begin
            constructed += there - begin
        return {"start_ready": ready, "first_answer": answered, "construct": constructed, "close_join": ended}

    def pool(self):
        return concurrent.futures.InterpreterPoolExecutor(self.workers)

    def gather(self, pool):
        pending = [pool.submit(meet, self.arrived[1], self.leave[0]) for _ in range(self.workers)]
        for _ in pending:
            os.read(self.arrived[0], 1)
        os.write(self.leave[1], b"x" * self.workers)
        return [task.result() for task in pending]

    def described(self, pool):
        answers = self.gather(pool)
        main = interpreters.get_current().id
        return {"interpreters": [number for number, _ in answers], "lab": any(lab for _, lab in answers), "main": main}

    def children(self):
        with self.pool() as pool:
            return self.described(pool)

    def ready(self):
        return True

    def start(self):
        self.running = self.pool()
        return self.described(self.running)

    def stop(self):
        self.running.shutdown()


if __name__ == "__main__":
    sys.path.append(sys.argv[2])
    from serving import serve

    serve(Main)
