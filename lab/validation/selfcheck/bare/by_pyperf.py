"""Time the batch of a bare script with a worker of pyperf: ``by_pyperf.py SCRIPT FOLDER`` and a worker's options.

FOLDER contains pyperf alone. It is added to the path late, so that a spawned child, which imports this file again,
imports no more than with a bare script.
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

    settings = read_settings()
    sys.path.append(folder)
    import pyperf

    opened = contextlib.contextmanager(importlib.import_module(script).opened)
    with opened(settings) as batch:
        runner = pyperf.Runner()
        runner.bench_time_func("operation", lambda loops: batch(loops) / 1e9)
