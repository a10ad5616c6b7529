"""All values of a run, one table per scenario; the cells without a value; in a merged run the machines in columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.pages.table import Table, amount, anchor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData

HEADS = ("target", "case", "operation", "metric", "estimate", "95% interval", "n", "rounds", "stability")


def summary(data: RunData) -> list[tuple[str, Table]]:
    """Scenario and table of all its values, sorted by scenario."""
    by_scenario: dict[str, list[Row]] = {}
    for row in data.rows:
        if row.n:
            by_scenario.setdefault(row.scenario, []).append(row)
    return [(scenario, table(rows)) for scenario, rows in sorted(by_scenario.items())]


def table(rows: Sequence[Row]) -> Table:
    """The table of one scenario."""
    return Table(
        heads=HEADS,
        rows=[line(row) for row in rows],
        numeric=frozenset({4, 5, 6, 7}),
        anchors=unique([anchor(*row.key, row.metric) for row in rows]),
    )


def line(row: Row) -> list[str]:
    """One row of the summary as text; amounts keep the numbers that they sort by."""
    return [
        *(row.target, row.case, row.operation, labels.plain(row.metric)),
        amount(labels.quantity(row.estimate, row.unit), row.estimate),
        amount(labels.span(row), row.ci_low),
        *(amount(str(row.n), row.n), amount(str(row.rounds), row.rounds)),
        row.stable or row.reason,
    ]


def unique(anchors: Sequence[str]) -> list[str]:
    """The anchors without duplicates: a repeated one gets a number as suffix."""
    seen: dict[str, int] = {}
    found = []
    for name in anchors:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return found


def machines(data: RunData) -> list[tuple[str, Table]]:
    """Scenario and table with one column per machine; empty where the run has one machine only.

    A cell that a machine did not measure says so. No ratio is taken between machines.
    """
    hosts = data.hosts
    if len(hosts) < 2:  # noqa: PLR2004 -- one machine needs no such table
        return []
    found: dict[str, dict[tuple[str, ...], dict[str, Row]]] = {}
    for row in data.rows:
        names = (data.targets[row.target].label, row.case, row.operation, row.metric)
        if row.metric or row.status != "ok":
            found.setdefault(row.scenario, {}).setdefault(names, {})[row.host] = row
    return [(scenario, machines_table(lines, hosts)) for scenario, lines in sorted(found.items())]


def machines_table(lines: dict[tuple[str, ...], dict[str, Row]], hosts: Sequence[str]) -> Table:
    """One scenario's cells, with one column per machine."""
    rows = [
        [*names[:3], labels.plain(names[3]), *(cell(by_host.get(host)) for host in hosts)]
        for names, by_host in lines.items()
    ]
    heads = ("target", "case", "operation", "metric", *hosts)
    anchors = unique([anchor("machines", *names) for names in lines])
    return Table(heads=heads, rows=rows, numeric=frozenset(range(4, 4 + len(hosts))), anchors=anchors)


def cell(row: Row | None) -> str:
    """One machine's value of one cell, or why there is none."""
    if row is None:
        return "missing"
    if row.status != "ok" or row.estimate is None:
        return row.status or "missing"
    ends = f" ({labels.span(row)})" if labels.span(row) else ""
    return amount(labels.quantity(row.estimate, row.unit) + ends, row.estimate)


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
