"""Hand over back and forth between this process and another one, or between two of its threads."""

import multiprocessing
import os
import sys
import threading
import time
from itertools import repeat

WORD_BYTES = 8


class Pipes:
    """One byte through one pipe per direction."""

    def __init__(self, context):
        self.there, self.back = os.pipe(), os.pipe()

    def lead(self, turns):
        read, write, out, into = os.read, os.write, self.there[1], self.back[0]
        for _ in repeat(None, turns):
            write(out, b".")
            read(into, 1)

    def follow(self, turns):
        read, write, into, out = os.read, os.write, self.there[0], self.back[1]
        for _ in repeat(None, turns):
            read(into, 1)
            write(out, b".")


class Semaphores:
    """A pair of multiprocessing semaphores (futexes on Linux), for processes and for threads."""

    def __init__(self, context):
        self.there, self.back = context.Semaphore(0), context.Semaphore(0)

    def lead(self, turns):
        release, acquire = self.there.release, self.back.acquire
        for _ in repeat(None, turns):
            release()
            acquire()

    def follow(self, turns):
        acquire, release = self.there.acquire, self.back.release
        for _ in repeat(None, turns):
            acquire()
            release()


WAYS = {"pipe": Pipes, "semaphore": Semaphores}


def follow(way, orders, answers):
    """Run the other side: send its ids, then take as many turns as each order says, until an order of 0."""
    words = [os.getpid(), threading.get_ident() & 0xFFFFFFFF]
    os.write(answers, b"".join(word.to_bytes(WORD_BYTES, "little") for word in words))
    while True:
        turns = int.from_bytes(os.read(orders, WORD_BYTES), "little")
        if not turns:
            return
        way.follow(turns)
        os.write(answers, turns.to_bytes(WORD_BYTES, "little"))


class Main:
    def __init__(self, executor, through):
        context = multiprocessing.get_context("fork" if executor == "processes" else None)
        self.way = WAYS[through](context)
        (their_orders, self.orders), (self.answers, their_answers) = os.pipe(), os.pipe()
        kind = context.Process if executor == "processes" else threading.Thread
        self.other = kind(target=follow, args=(self.way, their_orders, their_answers), daemon=True)
        self.other.start()

    def who(self):
        found = os.read(self.answers, 2 * WORD_BYTES)
        pid, thread = (int.from_bytes(found[at : at + WORD_BYTES], "little") for at in (0, WORD_BYTES))
        mine = threading.get_ident() & 0xFFFFFFFF
        return {"pid": pid, "own_pid": os.getpid(), "other_thread": thread != mine}

    def batch(self, loops):
        turns = loops // 2
        os.write(self.orders, turns.to_bytes(WORD_BYTES, "little"))
        start = time.perf_counter_ns()
        self.way.lead(turns)
        elapsed = time.perf_counter_ns() - start
        done = int.from_bytes(os.read(self.answers, WORD_BYTES), "little")
        if done != turns:
            raise RuntimeError("the other side took %d turns of %d" % (done, turns))
        return elapsed

    def stop(self):
        os.write(self.orders, (0).to_bytes(WORD_BYTES, "little"))
        self.other.join()
        return getattr(self.other, "exitcode", 0)


if __name__ == "__main__":
    sys.path.append(sys.argv[2])
    from serving import serve

    serve(Main)
