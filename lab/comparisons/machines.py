"""Linux containers beside Windows spawn in a merged run: two machines, so ratios are taken within each alone.

Of each scenario and operation the first case (in the order of their names) that both have measured is the reference;
every other case is given as a multiple of the reference of its own machine. No number of one machine is divided by one
of the other, and no verdict is given.
"""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from lab.comparisons.pairing import Pair
from lab.comparisons.sides import Run
from lab.comparisons.within import by_machine, version
from lab.comparisons.within import place as placed
from lab.stats.rounds import Estimate, Rounds
from lab.tables import csv_files, schema


def machine_pairs(run: Run) -> list[Pair]:
    """A Linux container of one machine and native Windows of another, of one minor version with as many CPUs."""
    machines = by_machine(run)
    entries = [(number, entry) for number, group in enumerate(machines) for entry in group]
    return [
        Pair(base=run, new=run, base_target=one.id, new_target=other.id)
        for here, one in entries
        for there, other in entries
        if here != there
        and (one.is_native, placed(one)[1], one.cpu_mode) == (False, ("linux", False), "cpuset")
        and (other.is_native, placed(other)[1]) == (True, ("windows", False))
        and (version(one)[:2], one.build, one.cpus_requested) == (version(other)[:2], other.build, other.cpus_requested)
    ]


def ratios_within(pairs: list[Pair]) -> pd.DataFrame:
    """The table of ``schema.MACHINES``: what each case is to the reference, on either machine for itself."""
    rows = [row for pair in pairs for row in rows_of(pair)]
    return csv_files.conform(pd.DataFrame(rows), schema.MACHINES)


def rows_of(pair: Pair) -> Iterator[dict[str, object]]:
    """The rows of one pair; cells whose start method is each system's own default are not the same and left out."""
    sides = [side[side["start_method"].ne("default").fillna(value=True)] for side in both(pair)]
    rounds = [Rounds.of(side) for side in sides]
    shared = sorted(set.intersection(*(keys(side) for side in sides)))
    references: dict[tuple[str, str], str] = {}
    for scenario, operation, case in shared:
        reference = references.setdefault((scenario, operation), case)
        if case != reference:
            found = [
                logs.ratio((target, scenario, case, operation), (target, scenario, reference, operation))
                for logs, target in zip(rounds, (pair.base_target, pair.new_target), strict=True)
            ]
            yield {
                "scenario": scenario,
                "operation": operation,
                "case": case,
                "reference": reference,
                "base_target": pair.base_target,
                "new_target": pair.new_target,
                **ratio_columns("base", found[0]),
                **ratio_columns("new", found[1]),
            }


def both(pair: Pair) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The timed samples of both sides."""
    one, other = (
        side[(side["metric"] == "wall_time") & (side["status"] == "ok")]
        for side in (pair.base.of(pair.base_target), pair.new.of(pair.new_target))
    )
    return one, other


def keys(side: pd.DataFrame) -> set[tuple[str, str, str]]:
    """Scenario, operation and case of all that a side has measured."""
    found: set[tuple[str, str, str]] = set(
        side[["scenario", "operation", "case"]].drop_duplicates().itertuples(index=False, name=None)
    )
    return found


def ratio_columns(side: str, estimate: Estimate | None) -> dict[str, object]:
    """A ratio with its interval as columns."""
    if estimate is None:
        return {}
    ends = {f"{side}_ci_low": estimate.low, f"{side}_ci_high": estimate.high}
    return {f"{side}_ratio": estimate.value, **ends, f"{side}_rounds": estimate.rounds}
