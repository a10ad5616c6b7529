"""The figures of a report: those that scenarios declare, and those that are modules of this package.

A module of this package holds ``FIGURES``, one or several, so adding a figure is one file. A scenario declares its
figures (``lab.agent.scenario.View``) or names figures of this package.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache, partial
from typing import TYPE_CHECKING

from lab.agent.scenario import View, discover
from lab.report.drawing.drawing import Figure
from lab.report.drawing.views import draw_view

if TYPE_CHECKING:
    from collections.abc import Sequence

# The section of each family of scenarios, in the order of the report; other families are in OTHERS.
FAMILIES = {
    "pool": "Pool scaling",
    "ipc": "IPC cost",
    "process": "Process start and memory",
    "sync": "Synchronisation and shared state",
    "state": "Synchronisation and shared state",
    "model": "Threads, processes, interpreters",
}
OTHERS = "Other scenarios"
SECTIONS = ("Claims at a glance", *dict.fromkeys(FAMILIES.values()), OTHERS, "Comparison", "Bimodal cells")


@cache
def figures() -> dict[str, Figure]:
    """All figures by name, in the order of the report."""
    found: list[Figure] = []
    for module in pkgutil.iter_modules(__path__):
        found += importlib.import_module(f"{__name__}.{module.name}").FIGURES
    for scenario in discover().values():
        found += [
            Figure(
                name=name,
                section=FAMILIES.get(scenario.family, OTHERS),
                place=view.place,
                draw=partial(draw_view, scenario, view),
                scenario=scenario.name,
            )
            for name, view in zip(scenario.figures, scenario.views, strict=True)
            if isinstance(view, View)
        ]
    return arranged(found)


def arranged(found: Sequence[Figure]) -> dict[str, Figure]:
    """The figures by name, sorted by section and place.

    Raises:
        ValueError: two figures have the same name, or the section of a figure is unknown.
    """
    lost = [figure.name for figure in found if figure.section not in SECTIONS]
    if lost:
        raise ValueError(f"The section of {', '.join(lost)} is unknown; name one of {', '.join(SECTIONS)}.")
    ordered = sorted(found, key=lambda figure: (SECTIONS.index(figure.section), figure.place, figure.name))
    named = {figure.name: figure for figure in ordered}
    if len(named) < len(found):
        names = [figure.name for figure in found]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"Two figures have the name {', '.join(twice)}; rename one of them.")
    return named
