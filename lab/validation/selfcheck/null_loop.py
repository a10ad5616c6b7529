"""What the agent's own loop adds to an operation: an empty one through ``case.measure`` against an empty bare loop."""

from __future__ import annotations

import json
import statistics

from lab.stats.intervals import t_interval
from lab.targets.request import BATCHES
from lab.validation.selfcheck.setup import Bench, Lines
from lab.validation.selfcheck.variants import FAILURES, run_script

ALLOWED_NS = 100.0
RAW = "null_loop.jsonl"


def measure(bench: Bench, *, processes: int) -> dict[str, object]:
    """Nanoseconds an operation that the agent's loop and its call of the operation add, with the 95 % interval.

    It is more than an operation timed in place pays, whose batch has a loop of its own: the call counts as added.
    """
    runner = bench.runner()
    stage = runner.stage(bench.interpreter)
    raw = Lines(bench.folder / "raw" / RAW)
    added_ns, reason = [], ""
    for number in range(processes):
        cpus = runner.cpus_for(bench.target(1), number)
        settings: dict[str, object] = {"mine": cpus, "batches": BATCHES}
        try:
            text, _ = run_script(str(bench.interpreter.executable), ["null_loop.py", str(stage)], cpus, settings)
            told = json.loads(text)
        except FAILURES as failure:
            reason = str(failure)
            continue
        raw.add(told)
        added_ns.append((statistics.median(told["agent_ns"]) - statistics.median(told["bare_ns"])) / told["loops"])
    return judged(added_ns, reason)


def judged(added_ns: list[float], reason: str = "") -> dict[str, object]:
    """The mean of the processes with its interval, held against what is allowed."""
    if not added_ns:
        return {"added_ns": None, "processes": 0, "allowed_ns": ALLOWED_NS, "verdict": "cannot tell", "reason": reason}
    mean, low, high = t_interval(added_ns)
    verdict = "reached" if high <= ALLOWED_NS else "missed" if low > ALLOWED_NS else "cannot tell"
    return {
        "added_ns": mean,
        "ci_low": low,
        "ci_high": high,
        "processes": len(added_ns),
        "allowed_ns": ALLOWED_NS,
        "verdict": verdict,
        "reason": reason,
    }
