"""Measure one cell in a fresh interpreter: read its request from standard input, write its lines to standard output."""

from __future__ import annotations

import json
import os
import sys
import time

from lab.agent import scenario
from lab.agent.case import Case, Unsupported, VerificationError
from lab.agent.cleanup.semaphores import name_by
from lab.agent.facts.build import gil_enabled, is_free_threaded
from lab.agent.protocol import encode_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Tuple

    from lab.agent.scenario import Scenario


def run_from_stdin() -> None:
    """Read the cell's request, run the cell, and write all its lines at once after it has ended.

    Descriptor 1 is redirected to standard error first, so that output of a scenario or a child never mixes with the
    sample lines.
    """
    entered_ns = time.perf_counter_ns()
    channel = os.dup(1)
    os.dup2(2, 1)
    request = json.loads(sys.stdin.buffer.read())
    if request.get("semaphores"):
        name_by(request["semaphores"])
    lines, status, reason, split = measure(request["cell"], request["target"])
    split["entered_ns"] = entered_ns
    for line in lines:
        line["cell"] = request["cell"]["id"]
    end = {"kind": "end", "cell": request["cell"]["id"], "status": status, "reason": reason, "split": split}
    lines.append({**end, "lines": len(lines)})
    with os.fdopen(channel, "w", encoding="utf-8", newline="\n") as out:
        out.write("".join(map(encode_line, lines)))


def measure(cell: Dict[str, Any], target: Dict[str, Any]) -> Tuple[List[Dict[str, Any]], str, str, Dict[str, int]]:
    """Run a cell of a scenario, or of a function of the user's own."""
    if "own" in cell:
        from lab.agent.own.measure import run_cell as run_own_cell

        return run_own_cell(cell, target)
    return run_cell(cell, target)


def run_cell(cell: Dict[str, Any], target: Dict[str, Any]) -> Tuple[List[Dict[str, Any]], str, str, Dict[str, int]]:
    """Run one cell; return its lines, its status, the reason (empty for ``ok``) and the split of its time in ns."""
    lines: List[Dict[str, Any]] = []
    started_ns = time.perf_counter_ns()
    timed_ns, status, reason = 0, "ok", ""
    parts: Dict[str, int] = {}
    try:
        case = Case(cell, target, lines.append)
        try:
            run_scenario(scenario.load(cell["scenario"]), case)
        finally:
            timed_ns, parts = case.timed_ns, case.untimed.parts
            case.close()
    except Unsupported as error:
        status, reason = "unsupported", str(error)
    except VerificationError as error:
        status, reason = "failed", "wrong result: %s" % error
    except Exception as error:  # any exception of a scenario fails this cell alone and becomes a row
        import traceback

        traceback.print_exc()
        status, reason = "failed", "%s: %s" % (type(error).__name__, error)
    total_ns = time.perf_counter_ns() - started_ns
    if status != "ok":  # times taken before a failed check do not belong to a correct case
        lines = [line for line in lines if line["kind"] == "calibration"]
    return lines, status, reason, {"timed_ns": timed_ns, "warmup_ns": total_ns - timed_ns, **parts}


def run_scenario(declared: Scenario, case: Case) -> None:
    """Run the scenario.

    Raises:
        Unsupported: the scenario's ``needs`` returned a reason why it cannot run here.
        VerificationError: an extension module that the cell imported has switched the GIL of a free-threaded build on.
    """
    reason = declared.needs(case.values) if declared.needs else None
    if reason:
        raise Unsupported(reason)
    declared.run(case)
    case.verify(
        not (gil_enabled() and is_free_threaded()), "an imported extension module has switched the GIL of this build on"
    )
