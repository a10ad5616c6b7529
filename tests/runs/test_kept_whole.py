"""A run is resumed only where it began, and what a round has measured cannot be lost unnoticed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import BadFiles, Interrupted
from lab.planning.limits import parse_limit
from lab.planning.plan import Options
from lab.planning.survey import Wanted
from lab.running.job import resume, run
from lab.runs.folder import RunFolder
from tests.fake_machines import FakeMachine, quiet_console, signals_kept
from tests.fake_runs import Answer, FakeRunner

kept = pytest.fixture(autouse=True)(signals_kept)


def begin(out: Path, **fields: Any) -> None:
    wanted = Wanted(user_images={}, engine="none", cpus=(parse_limit("2"),), pythons=("3.13",))
    usual: dict[str, Any] = {"profile": "quick", "scenarios": ("pool.scaling/*pure_python*",), "seed": 3}
    run(Options(wanted=wanted, out=out, **{**usual, **fields}), quiet_console()[0])


def stopped(out: Path, monkeypatch: pytest.MonkeyPatch, after: int = 2) -> FakeMachine:
    left = [after]

    def script(_number: int, _cell: str) -> Answer:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return Answer()

    machine = FakeMachine(runner=FakeRunner(script=script)).becomes(monkeypatch)
    with pytest.raises(Interrupted):
        begin(out)
    machine.runner = FakeRunner()
    return machine


def change_manifest(out: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = out / "manifest.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    path.write_text(json.dumps(found), encoding="utf-8")


def upgraded(machine: FakeMachine, monkeypatch: pytest.MonkeyPatch, patch: str) -> None:
    """The machine's interpreters get another patch version."""
    before = machine.interpreters()
    monkeypatch.setattr(machine, "interpreters", lambda: tuple(replace(each, patch=patch) for each in before))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("label", "elsewhere", "the machine's name was elsewhere"),
        ("cpu_model", "Another CPU", "the CPU was Another CPU"),
        ("kernel", "2.6.32", "the kernel was 2.6.32"),
    ],
)
def test_another_machine_or_kernel_is_refused_with_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, value: str, words: str
) -> None:
    out = tmp_path / "run"
    machine = stopped(out, monkeypatch)
    before = {path.name: path.read_bytes() for path in (out / "raw").iterdir()}
    change_manifest(out, lambda found: found["host"].update({field: value}))
    with pytest.raises(BadFiles, match="cannot be resumed here") as refused:
        resume(out, quiet_console()[0], quiet=True)
    assert words in str(refused.value)
    assert machine.runner.asked() == []
    assert {path.name: path.read_bytes() for path in (out / "raw").iterdir()} == before


def test_another_patch_version_of_python_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    machine = stopped(out, monkeypatch)
    upgraded(machine, monkeypatch, "3.13.99")
    with pytest.raises(BadFiles, match=r"ran on Python 3\.13\.\d+, and this machine has 3\.13\.99"):
        resume(out, quiet_console()[0], quiet=True)


def test_what_has_measured_nothing_yet_may_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    machine = stopped(out, monkeypatch, after=0)
    for path in (out / "raw").iterdir():
        path.unlink()
    upgraded(machine, monkeypatch, "3.13.99")
    resume(out, quiet_console()[0], quiet=True)
    assert machine.runner.asked()


def test_the_same_place_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    machine = stopped(out, monkeypatch)
    resume(out, quiet_console()[0], quiet=True)
    assert machine.runner.asked()


@pytest.fixture
def finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    FakeMachine().becomes(monkeypatch)
    begin(tmp_path / "run")
    return tmp_path / "run"


def read(out: Path) -> None:
    list(RunFolder.existing(out).raw())


def test_every_raw_file_of_a_finished_run_is_recorded(finished: Path) -> None:
    read(finished)
    recorded = json.loads((finished / "manifest.json").read_text(encoding="utf-8"))["raw_files"]
    assert recorded.keys() == {path.name for path in (finished / "raw").glob("*.jsonl")}
    assert all(recorded[path.name]["bytes"] == path.stat().st_size for path in (finished / "raw").glob("*.jsonl"))


@pytest.mark.parametrize("torn", [False, True])
def test_a_file_that_was_cut_short_is_reported_with_its_line(finished: Path, torn: bool) -> None:  # noqa: FBT001
    path = max((finished / "raw").iterdir())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]) + (lines[5][:20] if torn else b""))
    with pytest.raises(BadFiles, match=rf"{path.name} ends after line 5, and the manifest records {len(lines)} lines"):
        read(finished)


def test_a_file_that_is_missing_is_reported(finished: Path) -> None:
    path = min((finished / "raw").iterdir())
    path.unlink()
    with pytest.raises(BadFiles, match=f"{path.name} is missing, of which manifest.json records"):
        read(finished)


def test_a_whole_line_that_was_taken_out_is_noticed(finished: Path) -> None:
    path = min((finished / "raw").iterdir())
    lines = path.read_bytes().splitlines(keepends=True)
    samples = [number for number, line in enumerate(lines) if b'"kind":"sample"' in line]
    path.write_bytes(b"".join(lines[: samples[0]] + lines[samples[0] + 1 :] + [lines[samples[1]]]))
    with pytest.raises(BadFiles, match="was changed after its round had ended"):
        read(finished)


def test_a_file_may_grow_when_the_run_is_resumed(finished: Path) -> None:
    path = min((finished / "raw").iterdir())
    lines = path.read_bytes().splitlines(keepends=True)
    starts = [line for line in lines if b'"kind":"start"' in line]
    path.write_bytes(path.read_bytes() + starts[0])
    read(finished)


def test_a_round_that_was_interrupted_is_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    stopped(out, monkeypatch)
    assert "raw_files" not in json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    path = next(iter((out / "raw").iterdir()))
    path.write_bytes(path.read_bytes()[:-20])
    read(out)
