"""Dies in the middle, after a sample and a word on standard error."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case


@scenario(family="probe", question="Is a death a row?", axes={"by": ("exit", "kill")}, view="", source="")
def die(case: Case) -> None:
    case.measure("job", lambda loops: 1_000_000 * loops)
    print("these are my last words", file=sys.stderr, flush=True)
    if case["by"] == "exit":
        os._exit(7)
    os.kill(os.getpid(), signal.SIGKILL)
