"""Workers that are interpreters: scenarios run them on the Pythons that have them, and say why not elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.scenario import load
from lab.targets.interpreters import key_order

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.agent.conftest import Stage

SINCE = (3, 14)
CASES = {
    "pool.scaling": ["pure_python-interpreters-2"],
    "pool.api": ["interpreters_submit-2", "interpreters_map-2", "executor_map_buffered-fork-2"],
    "pool.start": ["2-interpreters"],
    "pool.grain": ["1000-8-2-interpreters"],
    "pool.payload": ["argument-64-2-interpreters"],
    "process.memory": ["2-interpreters"],
    "model.queue": ["interpreters"],
}


def cells(name: str) -> list[dict[str, Any]]:
    found = load(name).cases({}, 2)
    return [
        {"id": f"{name}/{case}", "scenario": name, "case": case, "values": found[case], "seed": 1, "deadline_s": 60.0}
        for case in CASES[name]
    ]


@pytest.mark.interpreters
@pytest.mark.parametrize("name", CASES)
def test_interpreters_do_what_the_other_workers_do(
    name: str, stage: Stage, interpreters: dict[str, Path], require: Callable[[bool, str], None]
) -> None:
    able = [python for key, python in interpreters.items() if key_order(key)[:2] >= SINCE]
    require(bool(able), "this machine has no Python 3.14 or newer")
    result = stage.run(able[-1], *cells(name))
    assert {(line["status"], line["reason"]) for line in result.of("end")} == {("ok", "")}
    assert {line["cell"] for line in result.of("sample")} == {cell["id"] for cell in cells(name)}
    result.assert_nothing_left()


@pytest.mark.interpreters
@pytest.mark.parametrize("name", CASES)
def test_an_older_python_has_no_interpreters_and_says_since_when_there_are(
    name: str, stage: Stage, interpreters: dict[str, Path], require: Callable[[bool, str], None]
) -> None:
    old = [python for key, python in interpreters.items() if key_order(key)[:2] < SINCE]
    require(bool(old), "this machine has no Python before 3.14")
    for line in stage.run(old[-1], *cells(name)).of("end"):
        assert line["status"] == "unsupported"
        assert "3.14" in line["reason"]
