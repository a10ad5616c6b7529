"""Workers that are interpreters: scenarios run them on the Pythons that have them, and say why not elsewhere."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.scenario import load
from lab.targets.interpreters import key_order

if TYPE_CHECKING:
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


def need(found: list[Path], words: str) -> None:
    """Skip without such a Python; CI, which gets the builds in a step of its own, requires them in that step."""
    if not found and os.environ.get("LAB_REQUIRE_BUILDS") == "1":
        pytest.fail(f"LAB_REQUIRE_BUILDS=1, but this machine has no Python {words}")
    if not found:
        pytest.skip(f"this machine has no Python {words}")


@pytest.mark.interpreters
@pytest.mark.parametrize("name", CASES)
def test_interpreters_do_what_the_other_workers_do(name: str, stage: Stage, interpreters: dict[str, Path]) -> None:
    able = [python for key, python in interpreters.items() if key_order(key)[:2] >= SINCE]
    need(able, "3.14 or newer")
    result = stage.run(able[-1], *cells(name))
    assert {(line["status"], line["reason"]) for line in result.of("end")} == {("ok", "")}
    assert {line["cell"] for line in result.of("sample")} == {cell["id"] for cell in cells(name)}
    result.assert_nothing_left()


@pytest.mark.interpreters
@pytest.mark.parametrize("name", CASES)
def test_an_older_python_has_no_interpreters_and_says_since_when_there_are(
    name: str, stage: Stage, interpreters: dict[str, Path]
) -> None:
    old = [python for key, python in interpreters.items() if key_order(key)[:2] < SINCE]
    need(old, "before 3.14")
    for line in stage.run(old[-1], *cells(name)).of("end"):
        assert line["status"] == "unsupported"
        assert "3.14" in line["reason"]
