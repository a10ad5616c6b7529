"""Handwritten loops, as in timeit, over calls of a pool, a manager's dict, a Value and a Lock."""

import multiprocessing
import os
import sys
import time
from itertools import repeat

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from trivial import identity

TASKS = 100
context = multiprocessing.get_context("fork")


def pool_apply(_settings):
    with context.Pool(1) as pool:

        def batch(loops):
            start = time.perf_counter_ns()
            for _ in repeat(None, loops):
                pool.apply(identity, (7,))
            return time.perf_counter_ns() - start

        yield batch
        pool.close()
        pool.join()


def pool_map(_settings):
    with context.Pool(1) as pool:
        tasks = range(TASKS)

        def batch(loops):
            start = time.perf_counter_ns()
            for _ in repeat(None, loops // TASKS):
                pool.map(identity, tasks)
            return time.perf_counter_ns() - start

        yield batch
        pool.close()
        pool.join()


def manager_dict_set(_settings):
    with context.Manager() as manager:
        shared = manager.dict()
        shared.update(dict.fromkeys(range(TASKS), 7))

        def batch(loops):
            start = time.perf_counter_ns()
            for _ in repeat(None, loops):
                shared[0] = 7
            return time.perf_counter_ns() - start

        yield batch


def set_repeatedly(loops, one):
    for _ in repeat(None, loops):
        one.value = 7


def value_set(_settings):
    value = context.Value("q", 0)

    def batch(loops):
        start = time.perf_counter_ns()
        set_repeatedly(loops, value)
        return time.perf_counter_ns() - start

    yield batch


def acquire_and_release(loops, one):
    for _ in repeat(None, loops):
        one.acquire()
        one.release()


def lock(_settings):
    one = context.Lock()

    def batch(loops):
        start = time.perf_counter_ns()
        acquire_and_release(loops, one)
        return time.perf_counter_ns() - start

    yield batch


CALLS = {call.__name__: call for call in (pool_apply, pool_map, manager_dict_set, value_set, lock)}


def opened(settings):
    yield from CALLS[settings["call"]](settings)


if __name__ == "__main__":
    from drive import drive

    drive(opened)
