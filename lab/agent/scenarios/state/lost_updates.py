"""``value += 1`` on one shared Value by several processes, with and without its lock."""

from __future__ import annotations

from lab.agent.scenario import TWICE_N, scenario
from lab.agent.team import Team

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lab.agent.case import Case

INCREMENTS = 20_000


def unlocked(loops: int, index: int, value: Any) -> None:  # noqa: ARG001 - every share of a Team has this shape
    """Read, add, write: three steps between which another process may write."""
    for _ in range(loops):
        value.value += 1


def locked(loops: int, index: int, value: Any) -> None:  # noqa: ARG001
    """The same under the value's own lock."""
    lock = value.get_lock()
    for _ in range(loops):
        with lock:
            value.value += 1


SHARES = {"no_lock": unlocked, "get_lock": locked}


@scenario(
    family="state",
    question="How many of N processes' increments of one Value are lost?",
    axes={"locking": tuple(SHARES), "workers": (2, TWICE_N)},
    view="lost_updates",
    source="multiprocessing.Value",
    article="data sharing: Value and Array are process-safe",
    estimate_s=0.8,
)
def lost_updates(case: Case) -> None:
    """``lost``: of ``tasks`` increments; ``increment``: time of one, as seen by all writers together.

    On one CPU a process is seldom interrupted between reading and writing: no loss there proves nothing.
    """
    workers = case["workers"]
    context = case.context()
    value = context.Value("q", 0)
    case.describe(tasks=workers * INCREMENTS)
    with Team(context, workers, SHARES[case["locking"]], (value,)) as team:
        case.verify_workers(team.observe(), parent=None)
        team.batch(1)
        case.verify(0 < value.value <= workers, "one increment a worker gave %d of %d" % (value.value, workers))
        for index in range(3):
            value.value = 0
            elapsed_ns = team.batch(INCREMENTS)
            lost = workers * INCREMENTS - value.value
            case.verify(lost >= 0, "more increments arrived than were made")
            case.verify(case["locking"] == "no_lock" or lost == 0, "%d increments were lost under the lock" % lost)
            case.record("lost", "count", lost, index=index)
            case.record_time("increment", elapsed_ns, loops=workers * INCREMENTS, index=index)
