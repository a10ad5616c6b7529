"""Start and join of a process that does nothing, as one would write it by hand."""

import multiprocessing
import os
import sys
import time
from itertools import repeat


def nothing():
    pass


def opened(told):
    context = multiprocessing.get_context(told["start_method"])

    def batch(loops):
        start = time.perf_counter_ns()
        for _ in repeat(None, loops):
            process = context.Process(target=nothing)
            process.start()
            process.join()
        return time.perf_counter_ns() - start

    batch(1)  # the first one starts forkserver's server
    yield batch


if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from drive import drive

    drive(opened)
