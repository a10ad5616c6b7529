"""Computes for ever in a child, for which its parent waits; or has it only keep a CPU awake."""

from __future__ import annotations

import multiprocessing
import os
from typing import TYPE_CHECKING

from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case


def spin(policy: str) -> None:
    if policy == "idle":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while True:
        pass


@scenario(family="probe", question="Is a hang told from work?", axes={"policy": ("normal",)}, view="", source="")
def busy(case: Case) -> None:
    child = multiprocessing.get_context("fork").Process(target=spin, args=(case["policy"],))
    child.start()
    child.join()
