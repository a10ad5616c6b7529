"""A search that was stopped continues from its journal, and ends as if it had not been stopped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from lab.errors import BadFiles
from lab.tune.choices import Choice, Reading
from lab.tune.journal import Journal
from lab.tune.search import Found, search
from tests.tune.simulated import Machine
from tests.tune.test_search import compute


class Stopped(KeyboardInterrupt):
    """The user's Ctrl-C."""


class Breaking(Machine):
    """A machine on which the user presses Ctrl-C at a block."""

    stop_at = 12

    def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
        if round_index == self.stop_at:
            raise Stopped
        return super().measure(choices, round_index, count=count)


def machine(kind: type[Machine] = Machine) -> Machine:
    return kind(job_s=compute, process_noise=0.02, seed=3)


def journalled(path: Path, bench: Machine) -> Found:
    journal = Journal(bench, path, now=bench.clock)
    return search(journal, 120, journal.clock, 3)


def test_a_stopped_search_continues_and_ends_as_if_it_had_not_been_stopped(tmp_path: Path) -> None:
    whole = journalled(tmp_path / "whole.jsonl", machine())
    stopped = machine(Breaking)
    with pytest.raises(Stopped):
        journalled(tmp_path / "part.jsonl", stopped)
    resumed = machine()
    resumed.random, resumed.now_s = stopped.random, 1000.0  # the machine goes on; its clock has another start
    again = journalled(tmp_path / "part.jsonl", resumed)
    assert (again.search, again.final, again.stopped) == (whole.search, whole.final, whole.stopped)
    assert again.spent_s == pytest.approx(whole.spent_s)


def test_a_finished_search_is_read_from_its_journal_alone(tmp_path: Path) -> None:
    whole = journalled(tmp_path / "tune.jsonl", machine())
    nothing = Breaking(job_s=compute, now_s=7.0)
    nothing.stop_at = 0
    assert journalled(tmp_path / "tune.jsonl", nothing).final == whole.final


def test_a_torn_last_line_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / "tune.jsonl"
    with pytest.raises(Stopped):
        journalled(path, machine(Breaking))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert journalled(path, machine()).final


def test_a_damaged_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tune.jsonl"
    journalled(path, machine())
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"{broken}\n", *lines[2:]]))
    with pytest.raises(BadFiles, match="line 2 is damaged"):
        journalled(path, machine())


def test_a_journal_of_another_search_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tune.jsonl"
    journalled(path, machine())
    bench = machine()
    journal = Journal(bench, path, now=bench.clock)
    with pytest.raises(BadFiles, match="another version of the search"):
        search(journal, 120, journal.clock, 4)
