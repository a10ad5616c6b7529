"""Time batches of one operation: a warm-up, then the batches, each after its untimed loops, as the agent does.

The results are printed as JSON.

The settings are one line on standard input, which comes once this process has been bound to its CPUs.
"""

import contextlib
import importlib
import json
import os
import sys


def read_settings():
    settings = json.loads(sys.stdin.readline())
    for name in settings["imports"]:
        importlib.import_module(name)  # modules that the agent's main program has loaded as well
    if settings["mine"] is not None:
        os.sched_setaffinity(0, settings["mine"])
    return settings


def drive(opened):
    settings = read_settings()
    elapsed_ns = []
    with contextlib.contextmanager(opened)(settings) as batch:
        warmup_ns = batch(settings["loops"])
        for untimed_loops in settings["untimed_loops"]:
            if untimed_loops:
                batch(untimed_loops)
            elapsed_ns.append(batch(settings["loops"]))
    print(json.dumps({"elapsed_ns": elapsed_ns, "warmup_ns": warmup_ns, "modules": len(sys.modules)}))
