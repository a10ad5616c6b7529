"""Code that the main programs share: the loop that serves calls, and the description of a process.

It is imported only where it is needed, so that timed children never load it.
"""

import json
import os
import sys


def describe():
    uncached = []
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        cached = getattr(spec, "cached", None)
        if cached and name != "__mp_main__" and spec.origin.endswith(".py") and not os.path.exists(cached):
            uncached.append(name)
    return {
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "modules": len(sys.modules),
        "lab": "lab" in sys.modules,
        "uncached": uncached,
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "isolation": (sys.flags.isolated, sys.flags.no_site, sys.flags.optimize),
        "cpus": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
    }


def send_description(end):
    end.send(describe())


def serve(main):
    """Create ``main`` with the settings on the command line, then call the method that each line of input names."""
    subject = main(**json.loads(sys.argv[1]))
    for line in sys.stdin.buffer:
        name, *args = json.loads(line)
        try:
            answer = {"result": getattr(subject, name)(*args)}
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
