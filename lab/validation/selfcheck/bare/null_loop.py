"""Time an empty operation with ``case.measure`` and an empty handwritten loop, one after the other in one process.

Usage: ``null_loop.py STAGE``; STAGE is the folder of the staged agent.
"""

import json
import os
import sys
import time


def empty(loops):
    start = time.perf_counter_ns()
    for _ in range(loops):
        pass
    return time.perf_counter_ns() - start


def nothing():
    pass


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    from lab.agent.case import Case
    from lab.agent.measuring.batches import timed

    settings = json.loads(sys.stdin.readline())
    if settings["mine"] is not None:
        os.sched_setaffinity(0, settings["mine"])
    lines = []
    target = {"round": 0, "batches": settings["batches"], "own_cgroup": False}
    case = Case({"values": {"placement": "same_cpu"}, "seed": 0}, target, lines.append)
    case.measure("null", timed(nothing))
    case.close()
    timed_lines = [line for line in lines if line["kind"] == "sample" and not line["warmup"]]
    loops = timed_lines[0]["loops"]
    empty(loops)
    bare = [empty(loops) for _ in range(settings["batches"])]
    print(json.dumps({"agent_ns": [line["elapsed_ns"] for line in timed_lines], "bare_ns": bare, "loops": loops}))
