"""Gives a time and is found to be wrong afterwards."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case


def wait(loops: int) -> int:
    """A millisecond for each loop."""
    began = time.perf_counter_ns()
    while time.perf_counter_ns() < began + loops * 1_000_000:
        pass
    return time.perf_counter_ns() - began


@scenario(family="probe", question="Does a wrong result have a time?", axes={}, view="", source="")
def wrong(case: Case) -> None:
    case.measure("job", wait)
    case.verify(correct=2 + 2 == 5, complaint="two and two are not five")
