"""Cells without a value (failed, unsupported, skipped, timed out) and the stability of the others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lab.report.pages.table import Table, amount

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row

ORDER = {"failed": 0, "timeout": 1, "unsupported": 2, "skipped": 3}


def problems(rows: Sequence[Row]) -> Table:
    """The table of cells without a value, grouped by status, scenario and reason."""
    cells: dict[tuple[str, str, str], dict[str, set[str]]] = {}
    for row in rows:
        if row.status and row.status != "ok":
            group = cells.setdefault((row.status, row.scenario, row.reason or "no reason was recorded"), {})
            group.setdefault(row.target, set()).add(row.case)
    table = []
    for (status, scenario, reason), group in sorted(
        cells.items(), key=lambda item: (ORDER.get(item[0][0], 9), item[0])
    ):
        count = sum(len(cases) for cases in group.values())
        example = next(f"{scenario}/{min(cases)}" for cases in group.values())
        table.append([status, scenario, amount(str(count), count), ", ".join(group), reason, example])
    heads = ("status", "scenario", "cells", "targets", "reason", "for example")
    return Table(heads=heads, rows=table, numeric=frozenset({2}))


def stability(rows: Sequence[Row]) -> list[str]:
    """How many times are stable, noisy, bimodal or without an interval, one line each."""
    measured = [row for row in rows if row.status == "ok" and row.n and row.metric == "wall_time"]
    words = Counter(row.stable or f"no interval: {row.reason or 'too few rounds'}" for row in measured)
    return [
        f"{count} of {len(measured)} times: {word}"
        for word, count in sorted(words.items(), key=lambda x: (-x[1], x[0]))
    ]
