"""Every scenario has a figure, drawn as its declaration says: by its view, or by its axes where it has none."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure as Picture

from lab.agent.scenario import NATURAL, Scenario, View, discover, scenario
from lab.report.drawing import theme
from lab.report.drawing.drawing import Drawing, Figure, Missing, plain_ticks
from lab.report.drawing.lines import MOST_LINES
from lab.report.drawing.views import draw_view
from lab.report.figures import SECTIONS, arranged, figures
from tests.report.measured import measured

TWO_VERSIONS = [("3.9.18", "cpuset", 2.0), ("3.13.0", "cpuset", 2.0)]


@pytest.fixture(autouse=True)
def themed() -> Iterator[None]:
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        yield


def declared(view: Any = (), axes: dict[str, Any] | None = None, **settings: Any) -> Scenario:
    axes = axes or {"mechanism": ("pipe", "queue"), "payload_bytes": (64, 1024), "kind": ("new",)}
    return scenario(family="probe", question="Which is best?", axes=axes, view=view, source="", **settings)(probe)


def probe(_case: Any) -> None:
    """What a scenario is declared for."""


def drawn(found: Scenario, targets: list[tuple[str, str, float]] = TWO_VERSIONS) -> Picture:
    (view,) = found.views
    assert isinstance(view, View)
    picture = draw_view(found, view, measured([found], targets))
    assert isinstance(picture, Drawing), picture
    return picture.figure


def points(figure: Picture) -> list[ErrorbarContainer]:
    return [found for panel in figure.axes for found in panel.containers if isinstance(found, ErrorbarContainer)]


def count(figure: Picture) -> int:
    return sum(np.size(found.lines[0].get_xdata()) for found in points(figure))


def written(figure: Picture) -> list[str]:
    return [" ".join(text.get_text().split()) for text in figure.texts]


def titles(figure: Picture) -> list[str]:
    return [panel.get_title(loc="left").replace("\n", ", ") for panel in figure.axes]


def row_names(figure: Picture) -> list[str]:
    return [label.get_text() for label in figure.axes[0].get_yticklabels()]


@pytest.mark.parametrize("name", discover())
def test_every_scenario_is_drawn_in_a_figure_of_the_page(name: str) -> None:
    found = discover()[name]
    targets = [("3.13.0", "cpuset", 1.0), ("3.13.0", "cpuset", 2.0), ("3.13.0", "quota", 0.5)]
    data = measured([found], targets, most=12)
    for figure in found.figures:
        assert figures()[figure].section in SECTIONS
        picture = figures()[figure].draw(data)
        assert isinstance(picture, Drawing), picture
        assert any(ax.containers or ax.images for ax in picture.figure.axes)


def test_a_scenario_without_a_view_has_a_figure_from_its_axes() -> None:
    figure = drawn(declared(), [*TWO_VERSIONS, ("3.13.0", "quota", 0.5)])
    assert written(figure)[:2] == ["Which is best?", "Wall time per operation. Lower is better."]
    assert titles(figure) == ["container, 2 CPUs", "container, quota of 0.5 CPU"]
    assert row_names(figure) == ["pipe, 64 B", "pipe, 1 KiB", "queue, 64 B", "queue, 1 KiB"], "what varies, in order"
    assert figure.axes[0].get_xlabel() == "µs per operation (log scale)"
    assert count(figure) == 4 * 3
    colours = {found.lines[0].get_color() for found in points(figure)}
    assert colours == {theme.VERSIONS["3.9"].colour, theme.VERSIONS["3.13"].colour}


def test_many_names_become_panels() -> None:
    axes = {"kind": tuple("abcdefgh"), "number": tuple(range(1, 9))}
    figure = drawn(declared(axes=axes), TWO_VERSIONS[:1])
    assert len(figure.axes) == 8
    assert row_names(figure) == [f"number {number}" for number in range(1, 9)]
    assert count(figure) == 64


def test_every_point_has_its_interval() -> None:
    for view in (View(), View("lines", x="payload_bytes", names=("mechanism",))):
        found = points(drawn(declared(view)))
        assert found
        assert all(point.has_xerr or point.has_yerr for point in found)


def test_rows_are_chosen_by_operation_metric_and_axes() -> None:
    view = View(operations=("map",), metrics=("cpu_time",), where={"payload_bytes": (64,)}, unit="per task")
    found = declared(view)
    figure = drawn(found)
    assert row_names(figure) == ["pipe", "queue"]
    assert count(figure) == 2 * 2
    assert figure.axes[0].get_xlabel() == "µs per task (log scale)"
    other = declared(View(operations=("imap",)))
    assert isinstance(draw_view(other, View(operations=("map",)), measured([other])), Missing)


def test_a_missing_figure_gives_the_reason() -> None:
    found = declared()
    missing = draw_view(found, View(), measured([discover()["pool.start"]]))
    assert missing == Missing("probe.probe was not part of this run")
    nowhere = draw_view(found, View(where={"payload_bytes": (1,)}), measured([found]))
    assert nowhere == Missing("probe.probe was not measured with message size 1")


def test_natural_values_are_chosen_and_the_others_are_hollow() -> None:
    axes = {"mechanism": ("pipe", "queue"), "payload": ("bytes", "object")}
    natural = {"pipe": "bytes", "queue": "object"}
    kinds = ("payload", {NATURAL: "as it is", "object": "pickled"})
    for view, expected in (
        (View(where={"payload": (NATURAL,)}, names=("mechanism",)), [2, 0]),
        (View(where={"payload": (NATURAL, "object")}, names=("mechanism",), hollow=kinds), [2, 1]),
    ):
        found = declared(view, axes, natural=lambda _axis, values: natural[values["mechanism"]])
        figure = drawn(found, TWO_VERSIONS[:1])
        faces = [
            item.lines[0].get_markerfacecolor() for item in points(figure) for _ in item.lines[0].get_xdata()  # type: ignore[union-attr]
        ]  # fmt: skip
        assert [len(faces) - faces.count("white"), faces.count("white")] == expected


def test_words_replace_values_and_terms_are_explained_where_they_are_shown() -> None:
    terms = {"tube": "goes one way.", "letter": "is not shown."}
    figure = drawn(declared(View(words={"pipe": "tube", "queue": ""}, terms=terms, note="Always.")))
    assert row_names(figure) == ["tube, 64 B", "tube, 1 KiB", "64 B", "1 KiB"]
    foot = written(figure)[-1]
    assert "tube: goes one way." in foot
    assert "letter" not in foot
    assert "Always." in foot


def test_the_smallest_value_is_on_top_with_order_value() -> None:
    axes = {"kind": tuple("abcdefgh")}
    found = declared(View(order="value"), axes)
    values = {row.variant["kind"]: row.estimate for row in measured([found]).rows}
    assert row_names(drawn(found)) == sorted(values, key=lambda kind: values[kind] or 0)


def test_a_share_is_drawn_in_per_cent_from_0_on() -> None:
    found = declared(View(share_of="tasks", scale="linear", unit="lost"))
    figure = drawn(found)
    assert figure.axes[0].get_xlabel() == "% lost"
    (row, *_) = measured([found], TWO_VERSIONS[:1]).rows
    assert (row.estimate or 0) / 40_000 in [x for item in points(figure) for x in item.lines[0].get_xdata()]  # type: ignore[union-attr]


LINES = View("lines", x="payload_bytes", names=("mechanism",), unit="per message")


def test_lines_have_one_panel_per_version_with_at_most_six_lines() -> None:
    figure = drawn(declared(LINES))
    assert titles(figure) == ["Python 3.9.18, container, 2 CPUs", "Python 3.13.0, container, 2 CPUs"]
    assert [len(panel.containers) for panel in figure.axes] == [2, 2]
    assert figure.axes[0].get_xlabel() == "message size (log scale)"
    assert figure.axes[0].get_ylabel() == "µs per message (log scale)"
    assert count(figure) == 2 * 2 * 2
    axes = {"mechanism": tuple(theme.MECHANISMS), "payload_bytes": (64, 1024)}
    figure = drawn(declared(LINES, axes))
    assert max(len(panel.containers) for panel in figure.axes) <= MOST_LINES
    assert count(figure) == 2 * 2 * len(theme.MECHANISMS)


def test_lines_are_coloured_by_version_and_split_into_panels_where_they_are_many() -> None:
    view = View("lines", x="workers", names=("kind",))
    few = drawn(declared(view, {"kind": ("a", "b"), "workers": (1, 2)}))
    assert [len(panel.containers) for panel in few.axes] == [4]
    many = drawn(declared(view, {"kind": tuple("abcdef"), "workers": (1, 2)}))
    assert [len(panel.containers) for panel in many.axes] == [2] * 6


def test_lines_of_one_point_are_dots_or_left_to_the_figure_that_shows_them() -> None:
    axes = {"mechanism": ("pipe", "queue"), "payload_bytes": (64,)}
    assert row_names(drawn(declared(LINES, axes))) == ["pipe, 64 B", "queue, 64 B"]
    elsewhere = View("lines", x="payload_bytes", names=("mechanism",), lone="other")
    found = declared(elsewhere, axes)
    assert isinstance(draw_view(found, elsewhere, measured([found])), Missing)


def test_a_heat_map_shows_how_much_slower_than_the_best_of_its_row() -> None:
    axes = {"kind": ("a", "b"), "chunksize": (1, 4), "task_ns": (1000, 10_000)}
    found = declared(View("heat", x="chunksize", names=("task_ns",), facets=("kind",)), axes)
    figure = drawn(found, TWO_VERSIONS[:1])
    assert len(figure.axes) == 2
    shown = [text.get_text() for panel in figure.axes for text in panel.texts]
    assert len(shown) == 8
    assert shown.count("1.00") == 4


@pytest.mark.parametrize("workers", [16, 32, 64])
def test_ticks_of_many_workers_do_not_overlap(workers: int) -> None:
    found = declared(
        View("lines", x="workers", names=("kind",)), {"kind": ("a",), "workers": tuple(range(1, workers + 1))}
    )
    figure = drawn(found)
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels() if label.get_text()]
    assert all(after.x0 > before.x1 for before, after in pairwise(boxes))
    assert len(boxes) > 4
    assert str(workers) in [label.get_text() for label in figure.axes[0].get_xticklabels()]


def test_ticks_too_close_for_two_labels_have_one() -> None:
    panel = Picture(figsize=(3, 2)).add_axes((0.1, 0.1, 0.8, 0.8))
    panel.set_xlim(0, 1000)
    plain_ticks(panel, "x", [128, 129], ["128 B", "129 B"])
    assert [label.get_text() for label in panel.get_xticklabels()] == ["128 B"]


@pytest.mark.parametrize("name", discover())
def test_nothing_overlaps_or_is_cut_off_on_many_cpus(name: str) -> None:
    """All cases at 16 CPUs that a figure could have to show, up to 32 workers, by two versions."""
    found = discover()[name]
    data = measured([found], [("3.9.18", "cpuset", 16.0), ("3.13.0", "cpuset", 16.0)], most=64)
    for figure in found.figures:
        picture = figures()[figure].draw(data)
        if isinstance(picture, Missing):
            assert figure in ("pool_heat_map", "quota_cost"), picture
            continue
        sheet = picture.figure
        sheet.draw_without_rendering()
        page = sheet.bbox
        boxes = [text.get_window_extent() for text in sheet.texts]
        boxes += [legend.get_window_extent() for legend in sheet.legends]
        boxes += [box for panel in sheet.axes if (box := panel.get_tightbbox()) is not None]
        assert all(page.x0 <= box.x0 and box.x1 <= page.x1 and page.y0 <= box.y0 and box.y1 <= page.y1 for box in boxes)
        assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
        assert all(len(panel.containers) <= MOST_LINES for panel in sheet.axes if "lines" in kind(found, figure))


def kind(found: Scenario, figure: str) -> str:
    view = found.views[found.figures.index(figure)]
    return view.engine if isinstance(view, View) else ""


def test_a_figure_in_no_section_or_with_the_name_of_another_is_refused() -> None:
    def draw(_data: Any) -> Missing:
        return Missing("")

    good = Figure(name="one", section=SECTIONS[0], place=1, draw=draw)
    with pytest.raises(ValueError, match=r"section of lost is unknown"):
        arranged([good, Figure(name="lost", section="Nowhere", place=1, draw=draw)])
    with pytest.raises(ValueError, match="Two figures have the name one"):
        arranged([good, good])
    assert list(arranged([Figure(name="two", section=SECTIONS[0], place=2, draw=draw), good])) == ["one", "two"]
