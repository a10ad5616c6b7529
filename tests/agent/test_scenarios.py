"""Every scenario's smallest cases run on the newest interpreter, leave nothing behind, and give sane numbers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.scenario import discover, expand
from lab.tables import schema
from lab.validation.bench.synthetic import timed_operation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import Stage

CPUS = min(2, len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else 1

# Two moments of different processes: an overtaking task would be a finding, with its sign.
SIGNED = {"after_first_end"}


def smallest_cases(name: str) -> dict[str, dict[str, Any]]:
    """One case a start method: the first value of every other axis."""
    scenario = discover()[name]
    chosen = {
        axis: values if axis == "start_method" else expand(values, CPUS)[:1] for axis, values in scenario.axes.items()
    }
    found = scenario.cases(chosen, CPUS)
    assert found, f"{name} has no case of the first values of its axes"
    return found


@pytest.mark.parametrize("name", discover())
def test_the_smallest_cases_run(name: str, stage: Stage, newest: Path) -> None:
    cells = [
        {"id": f"{name}/{case}", "scenario": name, "case": case, "values": values, "seed": 1, "deadline_s": 60.0}
        for case, values in smallest_cases(name).items()
    ]
    result = stage.run(newest, *cells)
    assert {line["cell"]: (line["status"], line["reason"]) for line in result.of("end")} == {
        cell["id"]: ("ok", "") for cell in cells
    }
    result.assert_nothing_left()
    timed = {line["operation"] for line in result.of("sample") if "elapsed_ns" in line}
    assert not timed or timed_operation(name) in {*timed, "operation"}, "the bench would name another operation"
    for cell in cells:
        assert_sane([line for line in result.of("sample") if line["cell"] == cell["id"]])


def assert_sane(samples: list[dict[str, Any]]) -> None:
    assert samples, "a cell that is ok has samples"
    for sample in samples:
        assert sample["sample"] >= 0
        assert sample["warmup"] in (0, 1)
        if "value" in sample:
            assert sample["value"] >= 0
            assert sample["metric"] in schema.UNITS
            continue
        assert isinstance(sample["loops"], int)
        assert isinstance(sample["elapsed_ns"], int), "raw times are integers of nanoseconds"
        assert sample["loops"] > 0
        assert sample["elapsed_ns"] > 0 or sample["operation"] in SIGNED
        assert all(spent >= 0 for spent in sample.get("spent", {}).values())
