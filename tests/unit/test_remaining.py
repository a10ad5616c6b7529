"""What a user is told of the time left: from the start, never below nothing, and corrected as cells end."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from lab.model import Cell
from lab.running.eta import Remaining
from lab.running.progress import progress_for
from lab.text import in_words

CELLS = [
    Cell(target="a", scenario="pool.api", case=case, values={}, deadline_s=60, estimate_s=30) for case in ("one", "two")
]


def remaining(budget_s: float = 3600, clock: Callable[[], float] = lambda: 0.0, done: int = 0) -> Remaining:
    return Remaining(
        CELLS, 4, budget_s, done={n: {c.id: 1 for c in CELLS} for n in range(done)}, excluded=(), clock=clock
    )


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "0 s"), (90, "90 s"), (91, "2 min"), (7_800, "2 h 10 min")])
def test_durations_are_written_as_people_say_them(seconds: float, words: str) -> None:
    assert in_words(seconds) == words


def test_before_the_first_cell_has_ended_the_plans_estimate_is_shown() -> None:
    assert remaining().left() == "4 min"
    assert remaining().cells == 8


def test_cells_slower_than_guessed_make_the_rest_longer() -> None:
    now = iter([0.0, 100.0])
    left = remaining(clock=lambda: next(now))
    left.ended(0, CELLS[0], "ok")
    assert left.left() == in_words(7 * 30 * (100 + 20) / (30 + 20))


def test_no_more_is_shown_than_the_budget_leaves() -> None:
    now = iter([0.0, 25.0])
    assert remaining(budget_s=60, clock=lambda: next(now)).left() == "35 s"


def test_a_cell_that_cannot_be_measured_takes_its_later_rounds_with_it() -> None:
    left = remaining()
    left.ended(0, CELLS[0], "unsupported")
    assert left.cells == 5
    assert left.left() == "2 min"


def test_cells_that_the_first_round_has_taken_back_count_with_their_rounds() -> None:
    left = Remaining(CELLS, 4, 3600, done={}, excluded={CELLS[1].id}, clock=lambda: 0.0)
    assert left.cells == 4
    left.ended(0, CELLS[0], "ok")
    left.replan({CELLS[0].id: 1, CELLS[1].id: 2}, {CELLS[1].id})
    assert left.cells == 1 + 3 + 4 * 2
    for number in range(1, 5):
        for _ in range(2):
            left.ended(number, CELLS[1], "ok")
    assert left.cells == 9 + 3
    left.ended(1, CELLS[0], "unsupported")
    assert left.cells == 10, "nothing remains"


def test_of_a_resumed_run_only_the_rest_is_shown() -> None:
    assert remaining(done=3).left() == "60 s"
    assert remaining(done=3).cells == 2


def test_a_cell_that_several_processes_measure_in_a_round_counts_as_often() -> None:
    twice = {CELLS[0].id: 2}
    left = Remaining(CELLS, 4, 3600, done={0: {CELLS[0].id: 1}}, excluded=(), processes=twice, clock=lambda: 0.0)
    assert left.cells == 11
    left.ended(0, CELLS[0], "ok")
    assert (left.cells, left.cells_done) == (11, 1)
    left.ended(1, CELLS[0], "unsupported")
    assert (left.cells, left.cells_done) == (6, 2)


def test_rounds_beyond_the_planned_ones_are_estimated_by_the_budget_alone() -> None:
    left = remaining(done=4)
    left.ended(4, CELLS[0], "ok")
    assert left.left() == "at most 1 h 0 min"


@pytest.mark.parametrize("terminal", [True, False])
def test_a_cell_that_has_ended_is_taken_off_the_time_left(*, terminal: bool) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=120, color_system=None)
    left = remaining()
    progress = progress_for(console, left, quiet=False)
    progress.cell(0, CELLS[0], "ok", "")
    progress.block(0, 1, 3, "py313-linux-c2", CELLS)
    shown = out.getvalue()
    progress.close()
    assert left.cells_done == 1
    assert f"{in_words(7 * 30 * 20 / (30 + 20))} left" in shown
    assert ("1/8" in shown) == terminal


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("columns", [80, 120])
def test_the_first_block_shows_a_time_and_no_line_is_wider_than_the_terminal(*, terminal: bool, columns: int) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=columns, color_system=None)
    progress = progress_for(console, remaining(), quiet=False)
    progress.block(0, 0, 3, "py313-linux-c2", CELLS)
    shown = out.getvalue()
    progress.close()
    assert "4 min left" in shown
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "\n").splitlines()
    assert max(map(len, lines)) <= columns


@pytest.mark.parametrize("quiet", [True, False])
def test_a_failure_and_a_note_are_one_line_each_however_narrow_the_log_and_nothing_in_them_is_markup(
    *, quiet: bool
) -> None:
    """A sentence that is cut into lines cannot be searched for."""
    out = io.StringIO()
    progress = progress_for(Console(file=out, width=20), remaining(), quiet=quiet)
    reason = "the worker [red]ended with code -9 before it had [answered] the first of its questions"
    progress.cell(0, CELLS[0], "ok", "")
    for status in ("failed", "timeout"):
        progress.cell(0, CELLS[0], status, reason)
    progress.note(reason)
    progress.close()
    of_cell = f"{CELLS[0].id}: {reason}"
    assert out.getvalue().splitlines() == [f"failed: {of_cell}", f"timeout: {of_cell}", reason]
