"""Hand-over between two processes, or two threads of one process, on one CPU."""

from __future__ import annotations

import multiprocessing

from lab.agent.measuring import placement
from lab.agent.scenario import Contrast, View, scenario
from lab.agent.scenarios.process.start_by_parent_size import on_one_cpu
from lab.agent.toolkit.bare import Bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

    from lab.agent.case import Case


def unsupported_reason(values: Dict[str, Any]) -> Optional[str]:
    """Reason why two processes cannot inherit the descriptors here, or None if they can."""
    if values["executor"] == "processes" and "fork" not in multiprocessing.get_all_start_methods():
        return "the two processes inherit pipes and semaphores by fork, which this system does not have"
    return None


@scenario(
    family="process",
    question="What does switching between two processes cost, compared with two threads of one process?",
    axes={
        "executor": ("processes", "threads"),
        "through": ("pipe", "semaphore"),
        "placement": ("same_cpu",),
    },
    view=View(
        measure="Time of half a turn between two sides on one CPU, which is one switch.",
        unit="per handover",
        names=("executor", "through"),
    ),
    source="os.pipe, multiprocessing.Semaphore",
    article="conclusion: switching processes is costly",
    shape=on_one_cpu,
    natural=lambda axis, _values: "same_cpu" if axis == "placement" else None,
    needs=unsupported_reason,
    contrasts=(Contrast("through", "placement", baseline={"executor": ("threads",)}, operations=("handover",)),),
    estimate_s=0.15,
    profiles={
        "smoke": {"through": ["semaphore"]},
        "quick": {"through": ["pipe", "semaphore"]},
    },
)
def switch(case: Case) -> None:
    """``handover``: half a turn, through a byte in a pipe or a semaphore (a futex on Linux).

    Both sides run on one CPU, so that each hand-over is one switch; the context switches are recorded with the time.
    Between threads the GIL changes hands as well.
    """
    executor = case["executor"]
    if executor == "processes":
        case.describe(start_method="fork")
    placement.pin(case.sides()[0])
    with Bare("switch", executor=executor, through=case["through"]) as main:
        who = main.call("who")
        if executor == "processes":
            case.verify(who["pid"] != who["own_pid"], "the other side is not another process")
        else:
            case.verify(who["pid"] == who["own_pid"], "the other side is not a thread of the same process")
            case.verify(who["other_thread"], "the other side is the same thread")
        case.measure("handover", main.batch_of("batch"), step=2)
        case.verify(main.call("stop") == 0, "the other side ended with an error")
