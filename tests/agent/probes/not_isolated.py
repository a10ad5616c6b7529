"""Starts its worker by hand, without the flags that keep a base image's packages out of it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from lab.agent.case import observe
from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case

SAY = (
    "import json, os, sys; print(json.dumps({'pid': os.getpid(), 'ppid': os.getppid(), "
    "'isolation': [sys.flags.isolated, sys.flags.no_site, sys.flags.optimize]}))"
)


@scenario(family="probe", question="Is a worker that sees installed packages found out?", axes={}, view="", source="")
def not_isolated(case: Case) -> None:
    said = json.loads(subprocess.check_output([sys.executable, "-c", SAY]))
    case.verify_workers([{**observe(), **said}], parent=observe()["pid"])
    case.record("never", "count", 1)
