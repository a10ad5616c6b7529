"""One queue with several processes at one end: many producers, or many consumers."""

from __future__ import annotations

import time
from itertools import repeat

from lab.agent.case import observe
from lab.agent.measuring import placement
from lab.agent.scenario import TWICE_N, Contrast, View, scenario
from lab.agent.toolkit.channels.queues import SharedQueue
from lab.agent.toolkit.teams import Team
from lab.agent.toolkit.watch import Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Tuple

    from lab.agent.case import Case

QUEUES = ("queue", "simple_queue", "joinable_queue", "manager_queue")
CHECKED = 50  # messages per process
END = b""


def put(loops: int, index: int, queue: SharedQueue, content: bytes) -> None:  # noqa: ARG001 - every share has this shape
    """Put the message ``loops`` times."""
    send = queue.put
    for _ in repeat(None, loops):
        send(content)


def put_numbered(loops: int, index: int, queue: SharedQueue) -> None:
    """Put messages that hold the producer's index and a serial number."""
    for number in range(loops):
        queue.put((index, number))


def get(loops: int, index: int, queue: SharedQueue) -> None:  # noqa: ARG001
    """Get messages until the end marker."""
    receive = queue.getter()
    while receive() != END:
        pass


def get_and_report(loops: int, index: int, queue: SharedQueue, reports: Any) -> None:  # noqa: ARG001
    """Get messages until the end marker, then put all of them as one list into ``reports``."""
    receive = queue.getter()
    seen = []
    message = receive()
    while message != END:
        seen.append(message)
        message = receive()
    reports.put(seen)


@scenario(
    family="ipc",
    question="What does a message cost through one queue with several processes at one end?",
    axes={
        "mechanism": QUEUES,
        "direction": ("many_to_one", "one_to_many"),
        "workers": (2, TWICE_N),
        "payload_bytes": (64, 65_536),
        "placement": ("same_cpu", "free"),
    },
    view=View(
        measure="Time until all messages are received, divided by their number: many producers and one consumer, and "
        "one producer and many consumers.",
        unit="per message",
        targets="largest",
        names=("mechanism", "direction", "workers"),
        facets=("payload_bytes", "placement"),
        place=31,
    ),
    source="multiprocessing.Queue, SimpleQueue, JoinableQueue, Manager().Queue",
    article="3 Queue: several producers and consumers",
    contrasts=(Contrast("direction", "workers", "payload_bytes", "placement", baseline={"mechanism": ("queue",)}),),
    estimate_s=0.2,
    profiles={
        "smoke": {"workers": [2], "only": "queue-*-2-64-same_cpu manager_queue-many_to_one-2-64-same_cpu"},
        "quick": {"workers": [2], "only": "queue-many_to_one-2-64-same_cpu"},
        "standard": {"workers": [2], "payload_bytes": [64], "placement": ["same_cpu", "cross_cpu"]},
    },
)
def fan(case: Case) -> None:
    """``message``: time from the first put to the last get, divided by the number of messages."""
    mine, _ = case.sides()
    context: Any = case.context()
    placement.pin(mine)
    content = bytes(case["payload_bytes"])
    queue = SharedQueue(case["mechanism"], context)
    try:
        run = gather if case["direction"] == "many_to_one" else scatter
        run(case, context, queue, content, mine)
    except BaseException:
        queue.abandon()
        raise
    queue.close()


def gather(case: Case, context: Any, queue: SharedQueue, content: bytes, cpus: Any) -> None:
    """Verify and time many producers with this process as the consumer."""
    workers = case["workers"]
    receive = queue.getter()
    with Team(context, workers, put_numbered, (queue,), cpus) as team, Watch(team.processes):
        team.begin(CHECKED)
        arrived: List[Tuple[int, int]] = [receive() for _ in range(workers * CHECKED)]
        team.finish()
    for index in range(workers):
        own = [number for producer, number in arrived if producer == index]
        case.verify(own == list(range(CHECKED)), "messages of one producer were lost or arrived out of order")

    with Team(context, workers, put, (queue, content), cpus) as team:
        case.verify_workers(team.observe(), parent=observe()["pid"])

        def batch(loops: int) -> int:
            start = time.perf_counter_ns()
            team.begin(loops // workers)
            for _ in repeat(None, loops):
                receive()
            elapsed_ns = time.perf_counter_ns() - start
            team.finish()
            return elapsed_ns

        with Watch(team.processes):
            case.measure("message", batch, step=workers, takes_turns=True)


def scatter(case: Case, context: Any, queue: SharedQueue, content: bytes, cpus: Any) -> None:
    """Verify and time many consumers with this process as the producer."""
    workers = case["workers"]
    reports = context.SimpleQueue()
    with Team(context, workers, get_and_report, (queue, reports), cpus) as team, Watch(team.processes):
        team.begin(1)
        for number in [*range(workers * CHECKED), *[END] * workers]:
            queue.put(number)
        seen = [reports.get() for _ in range(workers)]
        team.finish()
    reports.close()
    arrived = sorted(number for each in seen for number in each)
    case.verify(arrived == list(range(workers * CHECKED)), "not every message arrived exactly once")
    case.verify(all(each == sorted(each) for each in seen), "a process got a later message before an earlier one")

    with Team(context, workers, get, (queue,), cpus) as team:
        case.verify_workers(team.observe(), parent=observe()["pid"])

        def batch(loops: int) -> int:
            send = queue.put
            team.begin(loops)
            start = time.perf_counter_ns()
            for _ in repeat(None, loops):
                send(content)
            for _ in repeat(None, workers):
                send(END)
            team.finish()
            return time.perf_counter_ns() - start

        with Watch(team.processes):
            case.measure("message", batch, takes_turns=True)
