"""Times batches of one operation by hand: warm-up, then so many batches; the numbers go to standard output as JSON.

The settings are one line on standard input, which comes once this process has been bound to its CPUs.
"""

import contextlib
import importlib
import json
import os
import sys


def read_settings():
    told = json.loads(sys.stdin.readline())
    for name in told["imports"]:
        importlib.import_module(name)  # what the main program of the other arm has loaded as well
    if told["mine"] is not None:
        os.sched_setaffinity(0, told["mine"])
    return told


def drive(opened):
    told = read_settings()
    with contextlib.contextmanager(opened)(told) as batch:
        warmup_ns = batch(told["loops"])
        elapsed_ns = [batch(told["loops"]) for _ in range(told["batches"])]
    print(json.dumps({"elapsed_ns": elapsed_ns, "warmup_ns": warmup_ns, "modules": len(sys.modules)}))
