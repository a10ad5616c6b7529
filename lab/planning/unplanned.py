"""The declared axis values that a plan leaves out, so that the user learns what a profile does not measure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lab.agent.scenario import Scenario
from lab.model import Cell, Target
from lab.text import plural

Unplanned = Mapping[str, Mapping[str, Sequence[Any]]]
MOST_SCENARIOS, MOST_VALUES = 3, 4  # per line: a profile leaves out values of nearly all scenarios


def unplanned_values(scenarios: Iterable[Scenario], targets: Iterable[Target], cells: Iterable[Cell]) -> Unplanned:
    """Scenario -> axis -> values that a case on these targets could have and no cell of the plan has.

    Scenarios with all values planned have no entry.
    """
    counts = sorted({target.cpus_visible for target in targets})
    planned: dict[str, list[Mapping[str, Any]]] = {}
    for cell in cells:
        planned.setdefault(cell.scenario, []).append(cell.values)
    found: dict[str, dict[str, list[Any]]] = {}
    for scenario in scenarios:
        declared = [values for cpus in counts for values in scenario.cases({}, cpus).values()]
        for axis in scenario.axes:
            offered = dict.fromkeys(values.get(axis) for values in declared)
            used = {values.get(axis) for values in planned.get(scenario.name, ())}
            missing = [value for value in offered if value is not None and value not in used]
            if missing:
                found.setdefault(scenario.name, {})[axis] = missing
    return found


def unplanned_sentence(found: Unplanned, profile: str) -> str:
    """One sentence about the values left out, empty without any; of several scenarios it names the first few."""
    if not found:
        return ""
    most = None if len(found) == 1 else MOST_VALUES
    parts = [f"{name}: {_listed(axes, most)}" for name, axes in list(found.items())[:MOST_SCENARIOS]]
    if len(found) > MOST_SCENARIOS:
        parts.append(f"and {plural(len(found) - MOST_SCENARIOS, 'more scenario')}; see all of one with --scenario NAME")
    return f"declared but not planned by {profile}: {'; '.join(parts)}"


def _listed(axes: Mapping[str, Sequence[Any]], most: int | None) -> str:
    return ", ".join(f"{axis} {_in_words(values, most)}" for axis, values in axes.items())


def _in_words(values: Sequence[Any], most: int | None) -> str:
    shown = values[:most]
    more = f" and {len(values) - len(shown)} more" if len(shown) < len(values) else ""
    return ", ".join(map(str, shown)) + more
