"""Comparisons within a run, one ratio per scenario: containers and native, versions, builds, quota and cpuset."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.comparisons.noise import rates_line
from lab.report.drawing.drawing import Drawing, Figure, Missing, count_range, distinct, machine_line
from lab.report.drawing.forest import ROWS_PER_PAGE, Branch, draw_pages
from lab.report.drawing.layout import Text
from lab.stats.rounds import Estimate
from lab.stats.tables.compare import THRESHOLD
from lab.text import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lab.report.data import RunData

ENDING = "-by-scenario"
QUESTIONS = {
    "containers-beside-native": "What does the container itself cost?",
    "versions": "What changes from one Python version to the next?",
    "free-threaded-beside-gil": "What does a free-threaded build cost or gain?",
    "quota-beside-cpuset": "What does a quota cost compared with a cpuset of as many CPUs?",
}


def draw(name: str, data: RunData) -> Drawing | Missing:
    """Draw the comparison of this name."""
    every = data.comparisons.get(name + ENDING, ())
    rows = [row for row in every if row["ratio"] is not None and row["ci_low"] is not None]
    if not rows:
        return Missing("too few rounds for an interval" if every else "the run has no pair of targets of this kind")
    shown = largest(rows)
    return Drawing(forest_figure(data, name, shown, len(rows)), alternative(name, rows))


def largest(rows: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The rows with the largest effects, as many as fit on one page, in their order."""
    ranked = sorted(range(len(rows)), key=lambda place: -abs(math.log(rows[place]["ratio"])))
    return [rows[place] for place in sorted(ranked[:ROWS_PER_PAGE])]


def forest_figure(data: RunData, name: str, shown: list[Mapping[str, Any]], count: int) -> Any:  # noqa: ANN401 -- a Figure
    """The forest plot of ``shown``, which are some or all of ``count`` rows."""
    pairs = distinct(pair(row) for row in shown)
    names = short_names(pairs) if len(pairs) > 1 else {}
    reading = (
        "Each row: BASE → NEW. Parts that all target names share are left out."
        if names
        else f"Each row: {' → '.join(pairs[0])} (BASE → NEW)."
    )
    left_out = f" Shown: the {len(shown)} largest of {count} changes." if len(shown) < count else ""
    text = Text(
        title=QUESTIONS[name],
        subtitle="Cost of NEW over cost of BASE: geometric mean of each scenario's cells, paired by round, with its "
        "95% interval. The worst is on top, and below 1 is better." + left_out,
        notes=[
            f"{reading} n: {count_range({row['rounds'] or 0 for row in shown})} rounds per ratio.",
            f"The band is the threshold. All cells and other differences: comparisons/{name}.csv and .html.",
            "Where build classes differ, the ratio compares the images and not the versions.",
            f"{rates_line(data.manifest)}.",
            machine_line(data),
        ],
        legends=[],
    )
    found = [branch(row, names.get(pair(row), "")) for row in shown]
    return draw_pages(found, text, THRESHOLD)[0]


def pair(row: Mapping[str, Any]) -> tuple[str, str]:
    """The two targets of a row."""
    return str(row["base_target"]), str(row["new_target"])


def short_names(pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Pair of targets -> short name as ``py313 → py314, c2``: what changes, and what not every label has.

    Parts of the labels are left out, but never interpreted. Where two short names would be equal, all are in full.
    """
    parts = {both: (both[0].split("-"), both[1].split("-")) for both in pairs}
    everywhere = set.intersection(*(set(side) for sides in parts.values() for side in sides))
    found = {both: short_name(*sides, everywhere) for both, sides in parts.items()}
    apart = len(set(found.values())) == len(found) and all(found.values())
    return found if apart else {both: " → ".join(both) for both in pairs}


def short_name(base: Sequence[str], new: Sequence[str], everywhere: set[str]) -> str:
    """The part that changes, then the rest; empty where more than one part changes."""
    changed = [at for at, (one, other) in enumerate(zip(base, new, strict=False)) if one != other]
    if len(base) != len(new) or len(changed) != 1:
        return ""
    rest = [part for at, part in enumerate(base) if at != changed[0] and part not in everywhere]
    return ", ".join([f"{base[changed[0]]} → {new[changed[0]]}", *rest])


def branch(row: Mapping[str, Any], targets: str) -> Branch:
    """The row of one scenario; ``targets`` names the pair of targets where there are several pairs."""
    metric = "" if row["metric"] == "wall_time" else f" ({str(row['metric']).replace('_', ' ')})"
    return Branch(
        name=f"{row['scenario']}{metric}" + (f", {targets}" if targets else ""),
        value=Estimate(row["ratio"], row["ci_low"], row["ci_high"], row["rounds"] or 0),
        verdict=str(row["verdict"]),
    )


def alternative(name: str, rows: list[Mapping[str, Any]]) -> str:
    """The alternative text: how often each verdict occurs."""
    words: dict[str, int] = {}
    for row in rows:
        words[str(row["verdict"])] = words.get(str(row["verdict"]), 0) + 1
    counts = ", ".join(f"{count} {word}" for word, count in words.items())
    pairs = plural(len(rows), "pair")
    return f"{QUESTIONS[name]} Of {pairs} of targets and scenarios: {counts}."


FIGURES = tuple(
    Figure(name=name.replace("-", "_"), section="Comparison", place=place, draw=partial(draw, name))
    for place, name in enumerate(QUESTIONS)
)
