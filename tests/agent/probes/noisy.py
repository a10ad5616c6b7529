"""Writes on standard output in every way there is, also from its children."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from lab.agent.scenario import scenario

if TYPE_CHECKING:
    from lab.agent.case import Case


def shout() -> None:
    print('{"kind": "sample"}')
    subprocess.run([sys.executable, "-I", "-c", "print('and I')"], check=True)
    os.write(1, b'{"kind": "end"}\n')


@scenario(
    family="probe", question="Can output damage the channel?", axes={"start_method": ("fork",)}, view="", source=""
)
def noisy(case: Case) -> None:
    shout()
    child = multiprocessing.get_context(case["start_method"]).Process(target=shout)
    child.start()
    child.join()
    os.write(1, b"no end of line")
    case.record("noise", "count", 1)
