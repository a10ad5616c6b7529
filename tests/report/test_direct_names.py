"""Lines are named at their ends where the names have room, else by a legend; an axis of ratios names 1."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from lab.report.drawing.forest import few_ticks
from lab.report.drawing.lines import LineEnd, can_be_named, write_names


@pytest.mark.parametrize(
    ("values", "scale", "expected"),
    [
        ([10.0, 50.0, 90.0], "linear", "named"),
        ([10.0, 11.0, 90.0], "linear", "legend"),  # one over the other
        ([10.0, 11.0, 90.0], "log", "legend"),
        ([1.0, 3.0, 9.0], "log", "named"),  # near each other on a linear axis only
        ([5.0, 20.0, 35.0, 50.0, 65.0, 80.0], "linear", "legend"),  # too many
    ],
)
def test_lines_are_named_where_they_end_apart(values: list[float], scale: str, expected: str) -> None:
    ends = [LineEnd(name="any", at=64, value=value) for value in values]
    assert can_be_named(ends, (0.5, 100.0), 2.2, log=scale == "log") == (expected == "named")


def test_a_line_that_ends_early_is_not_named_at_its_end() -> None:
    ends = [LineEnd(name="any", at=at, value=value) for at, value in ((64, 10.0), (32, 90.0))]
    assert not can_be_named(ends, (0.5, 100.0), 2.2)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_names_are_inside_the_panel_right_of_their_points(scale: str) -> None:
    figure = Figure(figsize=(4, 3))
    panel = figure.add_axes((0.1, 0.1, 0.8, 0.8))
    panel.set_xscale(scale)
    panel.plot([1, 64], [1.0, 2.0])
    panel.plot([1, 64], [2.0, 4.0])
    names = [LineEnd(name=name, at=64, value=value) for name, value in (("pipe", 2.0), ("queue", 4.0))]
    write_names(panel, names)
    figure.draw_without_rendering()
    box = panel.get_window_extent()
    boxes = [text.get_window_extent() for text in panel.texts]
    point = panel.transData.transform((64, 2.0))[0]
    assert len(boxes) == 2
    assert all(point < text.x0 and text.x1 <= box.x1 for text in boxes)
    assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize(("low", "high"), [(0.97, 2.6), (0.9, 1.1), (0.3, 0.99), (1.01, 5.0)])
def test_an_axis_of_ratios_always_names_1(low: float, high: float) -> None:
    ticks = few_ticks(low, high)
    assert 1.0 in ticks
    assert len(ticks) == len(set(ticks)) > 2
