"""Needs what no system has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.agent.case import Unsupported
from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case


@scenario(family="probe", question="Is what cannot run a row?", axes={}, view="", source="")
def missing(case: Case) -> None:
    raise Unsupported(f"this system has no telepathy (round {case.round})")
