"""Tuning on several targets, each by itself."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console

from lab.errors import Interrupted, TargetUnsupported, UsageError
from lab.runs.folder import RunFolder
from lab.tune import page
from lab.tune.choices import Choice, Reading
from lab.tune.display import Display
from lab.tune.job import Tuned, tune
from tests.tune.simulated import Machine
from tests.tune.test_answer import JOB
from tests.tune.test_search import compute


@pytest.fixture(autouse=True)
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures have tests of their own."""
    monkeypatch.setattr(page, "pictures", lambda *_: [])


class Simulated:
    """A place with a simulated machine, whose journal's clock is the real one: a search ends by its looks."""

    def __init__(self, target: str, machine: Machine | None) -> None:
        self.target = target
        self.machine = machine

    @contextlib.contextmanager
    def open(self, folder: RunFolder) -> Iterator[Machine]:
        del folder
        if self.machine is None:
            raise TargetUnsupported("quotas need a writable control group")
        yield self.machine


class Stopping(Machine):
    """A machine at which the user presses Ctrl-C."""

    def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
        if round_index == 9:
            raise KeyboardInterrupt
        return super().measure(choices, round_index, count=count)


def run(places: Sequence[Simulated], folder: Path, *, quiet: bool = False) -> tuple[Tuned, str]:
    console = Console(file=io.StringIO(), width=200)
    found = tune("work.py:double", places, JOB, RunFolder(folder), console, budget_s=120, seed=0, quiet=quiet)
    assert isinstance(console.file, io.StringIO)
    return found, console.file.getvalue()


def test_each_target_is_tuned_by_itself_and_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    places = [Simulated("c4", Machine(job_s=compute)), Simulated("q0.5", None)]
    found, shown = run(places, tmp_path)
    assert [result.target for result in found.answers] == ["c4"]
    assert found.failed == {"q0.5": "quotas need a writable control group"}
    assert found.has_failures
    assert "c4 executors: " in shown
    assert "c4 final phase: " in shown


def test_a_terminal_gets_a_bar_with_stage_and_time_left() -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=True)
    with Display(console, "c4", 120, quiet=False) as display:
        display("workers", 7, 30)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "workers: 7 options" in shown
    assert "90 s left" in shown


def test_quiet_shows_nothing(tmp_path: Path) -> None:
    found, shown = run([Simulated("c4", Machine(job_s=compute))], tmp_path, quiet=True)
    assert shown == ""
    assert not found.has_failures


def test_one_target_that_is_not_there_is_the_error_itself(tmp_path: Path) -> None:
    with pytest.raises(TargetUnsupported, match="writable control group"):
        run([Simulated("q0.5", None)], tmp_path)


def test_all_targets_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"q0.5: quotas .*; q2: quotas "):
        run([Simulated("q0.5", None), Simulated("q2", None)], tmp_path)


def test_a_tune_that_was_stopped_says_how_it_continues_and_does(tmp_path: Path) -> None:
    with pytest.raises(Interrupted, match=f"continue with: python -m lab tune --resume {tmp_path}"):
        run([Simulated("c4", Stopping(job_s=compute))], tmp_path)
    noted = (tmp_path / "c4.jsonl").read_bytes()
    found, _ = run([Simulated("c4", Machine(job_s=compute))], tmp_path)
    assert found.answers
    assert (tmp_path / "c4.jsonl").read_bytes().startswith(noted)
