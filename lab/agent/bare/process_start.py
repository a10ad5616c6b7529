"""Starts processes as a user's script would: it imports nothing of the lab, and only what it needs."""

import json
import multiprocessing
import os
import sys
import time


def nothing():
    pass


def tell(end):
    uncached = []
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        cached = getattr(spec, "cached", None)
        if cached and name != "__mp_main__" and spec.origin.endswith(".py") and not os.path.exists(cached):
            uncached.append(name)
    end.send(
        {
            "pid": os.getpid(),
            "ppid": os.getppid(),
            "modules": len(sys.modules),
            "lab": "lab" in sys.modules,
            "uncached": uncached,
            "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
            "cpus": sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        }
    )


class Main:
    def __init__(self, start_method):
        self.context = multiprocessing.get_context(None if start_method == "default" else start_method)

    def first(self):
        clock = time.perf_counter_ns
        start = clock()
        process = self.context.Process(target=nothing)
        process.start()
        process.join()
        return clock() - start

    def batch(self, loops):
        clock = time.perf_counter_ns
        context = self.context
        started = joined = 0
        for _ in range(loops):
            begin = clock()
            process = context.Process(target=nothing)
            process.start()
            returned = clock()
            process.join()
            joined += clock() - begin
            started += returned - begin
        return {"start_join": joined, "start": started}

    def child(self):
        mine, theirs = self.context.Pipe()
        process = self.context.Process(target=tell, args=(theirs,))
        process.start()
        told = mine.recv()
        process.join()
        return {"child": told, "pid": process.pid, "parent": os.getpid(), "exitcode": process.exitcode}


def main():
    subject = Main(**json.loads(sys.argv[1]))
    for line in sys.stdin.buffer:
        name, *args = json.loads(line)
        try:
            answer = {"result": getattr(subject, name)(*args)}
        except Exception as error:
            answer = {"error": "%s: %s" % (type(error).__name__, error)}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
