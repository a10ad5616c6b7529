"""Round trip of one message between two threads, processes or interpreters, by the queue that each model has."""

from __future__ import annotations

import contextlib
import importlib
import os
import queue as queues
import sys
import threading
import time
from itertools import repeat

from lab.agent.scenario import View, scenario
from lab.agent.toolkit.pool_workers import interpreter, interpreters_unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, Tuple

    from lab.agent.case import Case

    Queues = Tuple[Any, Any]

MESSAGE = b"\1" * 64
JOIN_S = 10.0


def echo(there: Any, back: Any) -> None:
    """Send the process and the interpreter that this runs in, then each message back, until None arrives."""
    back.put((os.getpid(), interpreter()))
    while True:
        message = there.get()
        if message is None:
            return
        back.put(message)


@contextlib.contextmanager
def by_thread(case: Case) -> Iterator[Queues]:  # noqa: ARG001 - as the others
    """An echo in another thread."""
    there: queues.Queue[Any] = queues.Queue()
    back: queues.Queue[Any] = queues.Queue()
    thread = threading.Thread(target=echo, args=(there, back), daemon=True)
    thread.start()
    yield there, back
    there.put(None)
    thread.join(JOIN_S)


@contextlib.contextmanager
def by_process(case: Case) -> Iterator[Queues]:
    """An echo in another process."""
    context = case.context()
    there, back = context.Queue(), context.Queue()
    process: Any = context.Process(target=echo, args=(there, back), daemon=True)  # type: ignore[attr-defined]
    process.start()
    try:
        yield there, back
        there.put(None)
        process.join(JOIN_S)
    finally:
        process.kill()
        process.join()


@contextlib.contextmanager
def by_interpreter(case: Case) -> Iterator[Queues]:  # noqa: ARG001
    """An echo in another interpreter, which has a thread of its own."""
    interpreters: Any = importlib.import_module("concurrent.interpreters")
    there, back = interpreters.create_queue(), interpreters.create_queue()
    other = interpreters.create()
    other.exec("import sys; sys.path[:] = %r" % (sys.path,))
    thread = other.call_in_thread(echo, there, back)
    yield there, back
    there.put(None)
    thread.join(JOIN_S)
    other.close()


ECHOES: Dict[str, Callable[[Case], Any]] = {
    "threads": by_thread,
    "processes": by_process,
    "interpreters": by_interpreter,
}


@scenario(
    family="model",
    question="What does a round trip through each model's own queue cost?",
    axes={"executor": tuple(ECHOES)},
    view=View(
        measure="Time until a message of 64 bytes has been sent to another worker and back.",
        unit="per round trip",
        words={"threads": "queue.Queue", "processes": "multiprocessing.Queue", "interpreters": "interpreters.Queue"},
        terms={"interpreters.Queue": "concurrent.interpreters.Queue, whose blocking calls look every 10 ms."},
        place=30,
    ),
    source="queue.Queue, multiprocessing.Queue, concurrent.interpreters.Queue; CPython issue 143017",
    needs=interpreters_unsupported,
    unsupported="interpreters: before Python 3.14",
    estimate_s=0.5,
    profiles={
        "smoke": {"executor": list(ECHOES)},
        "quick": {"executor": ["interpreters"]},
        "standard": {"executor": list(ECHOES)},
    },
)
def queue(case: Case) -> None:
    """``round_trip``: ``put`` into one queue and ``get`` from another, between which a worker waits in ``get``."""
    with ECHOES[case["executor"]](case) as (there, back):
        mine, theirs = (os.getpid(), interpreter()), back.get()
        apart = (mine[0] != theirs[0], mine[1] != theirs[1])
        expected = (case["executor"] == "processes", case["executor"] == "interpreters")
        case.verify(apart == expected, "the echo runs in process %d, interpreter %d" % theirs)
        there.put(MESSAGE)
        case.verify(back.get() == MESSAGE, "the message came back changed")

        def batch(loops: int) -> int:
            clock = time.perf_counter_ns
            begin = clock()
            for _ in repeat(None, loops):
                there.put(MESSAGE)
                back.get()
            return clock() - begin

        case.measure("round_trip", batch, takes_turns=True)
