"""A handwritten loop over the start and join of a process that does nothing."""

import multiprocessing
import os
import sys
import time
from itertools import repeat


def nothing():
    pass


def opened(settings):
    context = multiprocessing.get_context(settings["start_method"])

    def batch(loops):
        start = time.perf_counter_ns()
        for _ in repeat(None, loops):
            process = context.Process(target=nothing)
            process.start()
            process.join()
        return time.perf_counter_ns() - start

    batch(1)  # the first start also starts the fork server
    yield batch


if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    from drive import drive

    drive(opened)
