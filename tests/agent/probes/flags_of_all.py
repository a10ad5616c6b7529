"""Tells with which flags each kind of measured process runs, as counts: 1 is isolated, 2 has ``site``."""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING

from lab.agent.scenario import scenario
from lab.agent.toolkit.bare import Bare

if TYPE_CHECKING:
    from lab.agent.case import Case


def flags() -> int:
    return sys.flags.isolated + 2 * ("site" in sys.modules and not sys.flags.no_site)


@scenario(family="probe", question="Is what is measured run as -I?", axes={}, view="", source="")
def flags_of_all(case: Case) -> None:
    case.record("cell", "count", flags())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        case.record("child", "count", pool.apply(flags))
    with Bare("process_start", start_method="spawn") as main:
        arguments = main._process.args
        assert isinstance(arguments, list)
        case.record("bare", "count", int("-I" in arguments) + 2 * int("-S" not in arguments))
