"""State, sync and model: every kind once, on the oldest and the newest Python; nothing is left, even after a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.scenario import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import Result, Stage

OLDEST = "3.9"
INTERPRETERS_SINCE = (3, 14)

# One cell of every container, primitive and executor; what takes two CPUs is left to the run in containers.
PATTERNS: dict[str, dict[str, list[Any]]] = {
    "state.update": {"workers": [2], "operation": ["update"]},
    "state.lost_updates": {"workers": [2]},
    "state.manager": {"placement": ["same_cpu"], "operation": ["set", "get_batch"]},
    "state.manager_remote": {"placement": ["same_cpu"], "operation": ["set"], "reach": ["loopback"]},
    "sync.primitives": {"placement": ["same_cpu"], "workers": [2]},
    "model.compare": {"work": ["pure_python", "io"], "workers": [2]},
    "model.shared": {"object": ["counter"], "workers": [2]},
}


def cells(name: str) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}/{case}",
            "scenario": name,
            "case": case,
            "values": values,
            "seed": 1,
            "deadline_s": 60.0,
        }
        for case, values in load(name).cases(PATTERNS[name], 2).items()
    ]


@pytest.fixture(params=["oldest", "newest"])
def python(request: pytest.FixtureRequest, interpreters: dict[str, Path], newest: Path) -> Path:
    if request.param == "newest":
        return newest
    if OLDEST not in interpreters:
        pytest.skip(f"no Python {OLDEST} on this machine")
    return interpreters[OLDEST]


def outcome(result: Result) -> dict[str, tuple[str, str]]:
    return {line["cell"]: (line["status"], line["reason"]) for line in result.of("end")}


def values_of(result: Result, operation: str) -> list[float]:
    return [line["value"] for line in result.of("sample") if line["operation"] == operation]


@pytest.mark.interpreters
@pytest.mark.parametrize("name", ["state.update", "state.manager", "state.manager_remote", "sync.primitives"])
def test_every_kind_works_and_leaves_nothing(name: str, stage: Stage, python: Path) -> None:
    asked = cells(name)
    result = stage.run(python, *asked)
    assert outcome(result) == {cell["id"]: ("ok", "") for cell in asked}, result.stderr
    result.assert_nothing_left()
    if name == "state.manager":
        assert set(values_of(result, "types_verified")) == {4}


@pytest.mark.interpreters
def test_lost_updates_say_under_what_contention(stage: Stage, python: Path) -> None:
    result = stage.run(python, *cells("state.lost_updates"))
    assert set(outcome(result).values()) == {("ok", "")}, result.stderr
    assert len(values_of(result, "switches")) == len(values_of(result, "lost")) == 4 * 3
    assert all(0 < value < 2.2 for value in values_of(result, "writers_at_once"))
    result.assert_nothing_left()


@pytest.mark.interpreters
def test_one_counter_is_shared_by_threads_and_by_processes(stage: Stage, python: Path) -> None:
    result = stage.run(python, *cells("model.shared"))
    assert set(outcome(result).values()) == {("ok", "")}
    result.assert_nothing_left()


@pytest.mark.interpreters
def test_every_model_runs_or_says_why_not(stage: Stage, python: Path) -> None:
    result = stage.run(python, *cells("model.compare"))
    version = tuple(map(int, result.of("facts")[0]["facts"]["python"].split(".")[:2]))
    for cell, (status, reason) in outcome(result).items():
        if "interpreters" in cell and version < INTERPRETERS_SINCE:
            words = f"InterpreterPoolExecutor needs Python 3.14 or newer, but this is Python {version[0]}.{version[1]}"
            assert (status, reason) == ("unsupported", words)
        else:
            assert (status, reason) == ("ok", ""), (cell, result.stderr)
    serial = [line for line in result.of("sample") if line["cell"].endswith("io-serial-1") and "loops" in line]
    assert serial
    assert all(line["elapsed_ns"] / line["loops"] >= 16 * 2_000_000 for line in serial), "16 answers after 2 ms each"
    result.assert_nothing_left()


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("state.manager_remote", {"operation": ["set"], "reach": ["loopback"], "placement": ["free"]}),
        ("state.update", {"container": ["shareable_list"], "operation": ["update"], "workers": [2]}),
        ("sync.primitives", {"primitive": ["barrier"], "contention": ["contended"], "workers": [2]}),
        ("model.compare", {"work": ["io"], "executor": ["processes"], "workers": [2]}),
    ],
)
def test_a_cell_that_is_killed_at_its_deadline_leaves_nothing(
    name: str, chosen: dict[str, list[Any]], stage: Stage, newest: Path
) -> None:
    case, values = next(iter(load(name).cases(chosen, 2).items()))
    endless = dict.fromkeys(("set", "update", "wait", "job"), 10**9)
    cell = {"id": f"{name}/{case}", "scenario": name, "case": case, "values": values, "seed": 1, "loops": endless}
    result = stage.run(newest, {**cell, "deadline_s": 1.5})
    assert result.end["status"] == "timeout", result.end
    result.assert_nothing_left()


def test_without_a_second_container_the_network_is_unsupported(stage: Stage, newest: Path) -> None:
    values = {"operation": "set", "reach": "private_network", "placement": "free"}
    cell = {"id": "a/b", "scenario": "state.manager_remote", "case": "b", "values": values, "seed": 1}
    result = stage.run(newest, {**cell, "deadline_s": 30.0})
    assert result.end["status"] == "unsupported"
    assert "second container" in result.end["reason"]


@pytest.mark.parametrize(
    "name", ["state.update", "state.lost_updates", "state.manager", "sync.primitives", "model.compare"]
)
def test_what_runs_by_fork_runs_by_spawn(name: str, stage: Stage, newest: Path) -> None:
    """As on Windows and macOS: every argument is pickled, and opened by its name while the parent still holds it."""
    asked = [cell for cell in cells(name) if not {"threads", "interpreters"} & set(cell["values"].values())]
    for cell in asked:
        cell["values"] = {**cell["values"], "start_method": "spawn"}
    result = stage.run(newest, *asked)
    assert outcome(result) == {cell["id"]: ("ok", "") for cell in asked}, result.stderr
    result.assert_nothing_left()
