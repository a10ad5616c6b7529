"""Calls of a pool, a manager's dict, a Value and a Lock, as one would write them by hand; the loop is timeit's."""

import multiprocessing
import os
import sys
import time
from itertools import repeat

sys.path.append(os.path.dirname(os.path.abspath(__file__)))
from trivial import identity

TASKS = 100
context = multiprocessing.get_context("fork")


def pool_apply(_told):
    with context.Pool(1) as pool:

        def batch(loops):
            start = time.perf_counter_ns()
            for _ in repeat(None, loops):
                pool.apply(identity, (7,))
            return time.perf_counter_ns() - start

        yield batch
        pool.close()
        pool.join()


def pool_map(_told):
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


def manager_dict_set(_told):
    with context.Manager() as manager:
        shared = manager.dict()
        shared.update(dict.fromkeys(range(TASKS), 7))

        def batch(loops):
            start = time.perf_counter_ns()
            for _ in repeat(None, loops):
                shared[0] = 7
            return time.perf_counter_ns() - start

        yield batch


def set_again(loops, one):
    for _ in repeat(None, loops):
        one.value = 7


def value_set(_told):
    value = context.Value("q", 0)

    def batch(loops):
        start = time.perf_counter_ns()
        set_again(loops, value)
        return time.perf_counter_ns() - start

    yield batch


def take_and_give_back(loops, one):
    for _ in repeat(None, loops):
        one.acquire()
        one.release()


def lock(_told):
    one = context.Lock()

    def batch(loops):
        start = time.perf_counter_ns()
        take_and_give_back(loops, one)
        return time.perf_counter_ns() - start

    yield batch


CALLS = {call.__name__: call for call in (pool_apply, pool_map, manager_dict_set, value_set, lock)}


def opened(told):
    yield from CALLS[told["call"]](told)


if __name__ == "__main__":
    from drive import drive

    drive(opened)
