"""A worker of pyperf over the very batch that is timed by hand: ``by_pyperf.py SCRIPT FOLDER`` and a worker's options.

FOLDER holds pyperf and nothing else; it comes onto the path late, so that a spawned child, which imports this file
again, imports no more than one of the bare scripts does.
"""

import os
import sys

if __name__ == "__main__":
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    script, folder = sys.argv[1:3]
    del sys.argv[1:3]
    import contextlib
    import importlib

    from drive import read_settings

    told = read_settings()
    sys.path.append(folder)
    import pyperf

    opened = contextlib.contextmanager(importlib.import_module(script).opened)
    with opened(told) as batch:
        runner = pyperf.Runner()
        runner.bench_time_func("operation", lambda loops: batch(loops) / 1e9)
