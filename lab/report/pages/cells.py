"""All numbers of a run as tables, a table a scenario; and, where several machines were merged, beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report import labels
from lab.report.pages.table import Table, amount, anchor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lab.report.data import Row, RunData

HEADS = ("target", "case", "operation", "metric", "estimate", "95 % interval", "n", "rounds", "stability")


def summary(data: RunData) -> list[tuple[str, Table]]:
    """A table for each scenario, in the order of targets and cases."""
    by_scenario: dict[str, list[Row]] = {}
    for row in data.rows:
        if row.n:
            by_scenario.setdefault(row.scenario, []).append(row)
    return [(scenario, table(rows)) for scenario, rows in sorted(by_scenario.items())]


def table(rows: Sequence[Row]) -> Table:
    """The rows of one scenario."""
    return Table(
        heads=HEADS,
        rows=[line(row) for row in rows],
        numeric=frozenset({4, 5, 6, 7}),
        anchors=unique([anchor(*row.key, row.metric) for row in rows]),
    )


def line(row: Row) -> list[str]:
    """One row of the summary as text; numbers keep what they sort by."""
    return [
        *(row.target, row.case, row.operation, labels.plain(row.metric)),
        amount(labels.quantity(row.estimate, row.unit), row.estimate),
        amount(labels.span(row), row.ci_low),
        *(amount(str(row.n), row.n), amount(str(row.rounds), row.rounds)),
        row.stable or row.reason,
    ]


def unique(anchors: Sequence[str]) -> list[str]:
    """Each once: what is there already gets a number."""
    seen: dict[str, int] = {}
    found = []
    for name in anchors:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return found


def machines(data: RunData) -> list[tuple[str, Table]]:
    """A table a scenario with a column for each machine; empty where all was measured on one.

    What a machine has not measured says so in its cell; numbers of different machines stand beside each other and are
    not put into ratios.
    """
    hosts = data.hosts
    if len(hosts) < 2:  # noqa: PLR2004 -- one machine is no comparison
        return []
    found: dict[str, dict[tuple[str, ...], dict[str, Row]]] = {}
    for row in data.rows:
        names = (data.targets[row.target].label, row.case, row.operation, row.metric)
        if row.metric or row.status != "ok":
            found.setdefault(row.scenario, {}).setdefault(names, {})[row.host] = row
    return [(scenario, beside(lines, hosts)) for scenario, lines in sorted(found.items())]


def beside(lines: dict[tuple[str, ...], dict[str, Row]], hosts: Sequence[str]) -> Table:
    """One scenario's cells, a column a machine."""
    rows = [
        [*names[:3], labels.plain(names[3]), *(cell(by_host.get(host)) for host in hosts)]
        for names, by_host in lines.items()
    ]
    heads = ("target", "case", "operation", "metric", *hosts)
    anchors = unique([anchor("machines", *names) for names in lines])
    return Table(heads=heads, rows=rows, numeric=frozenset(range(4, 4 + len(hosts))), anchors=anchors)


def cell(row: Row | None) -> str:
    """What one machine says of one cell."""
    if row is None:
        return "missing"
    if row.status != "ok" or row.estimate is None:
        return row.status or "missing"
    ends = f" ({labels.span(row)})" if labels.span(row) else ""
    return amount(labels.quantity(row.estimate, row.unit) + ends, row.estimate)
