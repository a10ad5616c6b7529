"""Gives a time and is found to be wrong afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case


@scenario(family="probe", question="Does a wrong result have a time?", axes={}, view="", source="")
def wrong(case: Case) -> None:
    case.measure("job", lambda loops: 1_000_000 * loops)
    case.verify(correct=2 + 2 == 5, complaint="two and two are not five")
