"""Start pools as a user's script would, without importing the lab or anything unneeded.

A pool is ready when each of its workers has taken a task. The first worker could answer any number of tasks while the
others still start, so each worker holds its task until all of them have one. They meet by two semaphores, which an
initializer hands over, because tasks cannot carry them. A deadline ends a pool whose workers do not all come.
"""

import multiprocessing
import os
import sys
import time

DEADLINE_S = 30.0
MEETING = []


def remember(arrived, leave):
    MEETING[:] = arrived, leave


def nothing(task):
    pass


def meet(task):
    arrived, leave = MEETING
    arrived.release()
    leave.acquire()  # without a deadline: a worker that gave up would take another task, and count twice


def introduce(task):
    from serving import describe

    meet(task)
    return describe()


class Main:
    def __init__(self, start_method, workers):
        self.context = multiprocessing.get_context(None if start_method == "default" else start_method)
        self.workers = workers
        self.meeting = ()

    def first(self):
        return self.batch(1)["start_ready"]

    def batch(self, loops):
        clock = time.perf_counter_ns
        tasks = range(self.workers)
        ready = answered = constructed = ended = 0
        for _ in range(loops):
            begin = clock()
            with self.pool() as pool:
                there = clock()
                pool.map(nothing, tasks, 1)
                first = clock()
                self.gather(pool, meet)
                complete = clock()
                pool.close()
                pool.join()
                ended += clock() - complete
            ready += complete - begin
            answered += first - begin
            constructed += there - begin
        return {"start_ready": ready, "first_answer": answered, "construct": constructed, "close_join": ended}

    def pool(self):
        if not self.meeting:  # within the first pool, whose own semaphores start the resource tracker otherwise
            self.meeting = self.context.Semaphore(0), self.context.Semaphore(0)
        return self.context.Pool(self.workers, remember, self.meeting)

    def gather(self, pool, task):
        arrived, leave = self.meeting
        pending = pool.map_async(task, range(self.workers), 1)
        for number in range(self.workers):
            if not arrived.acquire(True, DEADLINE_S):  # the pool's end then terminates the workers that wait
                raise RuntimeError("%d of %d workers took a task within %g s" % (number, self.workers, DEADLINE_S))
        for _ in range(self.workers):
            leave.release()
        return pending.get(DEADLINE_S)

    def children(self):
        with self.pool() as pool:
            workers = self.gather(pool, introduce)
            count = len({worker.pid for worker in multiprocessing.active_children()})
            pool.close()
            pool.join()
        return {"workers": workers, "parent": os.getpid(), "count": count}


if __name__ == "__main__":
    sys.path.append(sys.argv[2])
    from serving import serve

    serve(Main)
