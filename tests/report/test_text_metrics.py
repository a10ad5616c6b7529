"""Text on a figure is broken where its line is full, and never cut off."""

from __future__ import annotations

import pytest

from lab.report.drawing.text_metrics import width_inches, wrapped

SIZE = 8.0


def test_no_line_is_wider_than_its_room_and_no_word_is_lost() -> None:
    text = "WWWW iiii MMMM llll " * 6
    broken = wrapped(text, 1.5, SIZE, bold=True)
    assert broken.split() == text.split()
    assert max(width_inches(line, SIZE, bold=True) for line in broken.split("\n")) <= 1.5


def test_a_line_is_filled_before_the_next_one_begins() -> None:
    first, second = wrapped("one two three four five six", 1.0, SIZE).split("\n")[:2]
    assert width_inches(f"{first} {second.split()[0]}", SIZE) > 1.0


@pytest.mark.parametrize("name", ["simple_queue-one_to_many-2-64-cross_cpu", "W" * 60])
def test_a_name_longer_than_its_line_is_broken_without_losing_characters(name: str) -> None:
    lines = wrapped(name, 1.0, SIZE).split("\n")
    assert "".join(lines) == name
    assert all(width_inches(line, SIZE) <= 1.0 for line in lines)
    if "-" in name:
        assert all(line[-1] in "-_" for line in lines[:-1])


def test_existing_line_breaks_are_kept() -> None:
    assert wrapped("a b\nc", 5.0, SIZE) == "a b\nc"


def test_the_width_of_several_lines_is_that_of_the_longest() -> None:
    assert width_inches("i\nWW", SIZE) == width_inches("WW", SIZE) > width_inches("i", SIZE)
    assert width_inches("", SIZE) == 0
