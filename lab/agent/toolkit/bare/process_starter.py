"""Start and join processes whose targets are functions of the main program, ``process_start.py``.

This code is outside of the main program to keep that as small as a user's script: each spawned child compiles and runs
the main program again.
"""

import multiprocessing
import multiprocessing.util
import os
import sys
import time

import untimed

main = sys.modules["__main__"]
BLOCK_BYTES = 1 << 20  # the size of the arenas of Python's allocator


class Main:
    def __init__(self, start_method, parent_bytes=0, payload_bytes=0, pycache_prefix=""):
        self.context = multiprocessing.get_context(None if start_method == "default" else start_method)
        self.ballast = [b"\1" * BLOCK_BYTES for _ in range(parent_bytes // BLOCK_BYTES)]
        self.payload = b"\1" * payload_bytes
        self.args = (self.payload,) if payload_bytes else ()
        if pycache_prefix:
            flags = multiprocessing.util._args_from_interpreter_flags
            more = ["-B", "-X", "pycache_prefix=" + pycache_prefix]
            multiprocessing.util._args_from_interpreter_flags = lambda: flags() + more

    def first(self):
        return self.batch(1)["start_join"]

    def batch(self, loops):
        clock = time.perf_counter_ns
        context, args, nothing = self.context, self.args, main.nothing
        started = joined = 0
        for _ in range(loops):
            begin = clock()
            process = context.Process(target=nothing, args=args)
            process.start()
            returned = clock()
            process.join()
            joined += clock() - begin
            started += returned - begin
        return {"start_join": joined, "start": started, "join": joined - started}

    def first_instruction(self, loops):
        clock = time.perf_counter_ns
        context = self.context
        mine, theirs = context.Pipe(duplex=False)
        elapsed = 0
        for _ in range(loops):
            begin = clock()
            process = context.Process(target=main.stamp, args=(theirs,))
            process.start()
            elapsed += mine.recv() - begin
            process.join()
        mine.close()
        theirs.close()
        return elapsed

    def child_modules(self, path):
        process = self.context.Process(target=untimed.count_modules, args=(path,))
        process.start()
        process.join()
        with open(path) as file:
            return int(file.read())

    def child(self):
        from serving import send_description

        child, process = self.ask(send_description)
        return {"child": child, "pid": process.pid, "parent": os.getpid(), "exitcode": process.exitcode}

    def delivered(self):
        return self.ask(untimed.take, self.payload)[0]

    def ask(self, target, *args):
        mine, theirs = self.context.Pipe()
        process = self.context.Process(target=target, args=(theirs, *args))
        process.start()
        theirs.close()
        answer = mine.recv()
        process.join()
        mine.close()
        return answer, process

    def resident_bytes(self):
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
