"""Estimates as gauges in the OpenMetrics text format, version 1.0 (the specification of the Prometheus project)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from lab.exports.estimates import LABELS, Estimate, estimates

if TYPE_CHECKING:
    from lab.comparisons.sides import Side

# A unit of the lab -> the base unit that OpenMetrics asks for, and its factor.
BASE_UNITS = {"ns": ("seconds", 1e-9), "bytes": ("bytes", 1.0), "bytes/s": ("bytes_per_second", 1.0)}
BASE_UNITS |= {"ops/s": ("operations_per_second", 1.0), "count": ("", 1.0)}


def encode(side: Side) -> bytes:
    """One gauge per metric: the estimate, and the ends of its interval with the label ``bound``.

    Raises:
        BadFiles: summary.csv is missing or damaged.
        UsageError: nothing was measured.
    """
    families: dict[tuple[str, str], list[Estimate]] = {}
    for row in estimates(side):
        families.setdefault((row.metric, row.unit), []).append(row)
    lines: list[str] = []
    for (metric, unit), rows in sorted(families.items()):
        base, factor = BASE_UNITS[unit]
        name = "_".join(part for part in ("comparison_lab", metric, base) if part)
        lines += [f"# TYPE {name} gauge", *([f"# UNIT {name} {base}"] if base else [])]
        lines.append(f"# HELP {name} {metric} of one operation: estimate, and the ends of its 95% interval.")
        for row in rows:
            lines += _samples(name, row, factor)
    return "\n".join([*lines, "# EOF", ""]).encode()


def _samples(name: str, row: Estimate, factor: float) -> Iterable[str]:
    labels = ",".join(f'{label}="{_escaped(getattr(row, label))}"' for label in LABELS)
    bounds = {"estimate": row.value, "ci_low": row.ci_low, "ci_high": row.ci_high}
    for bound, value in bounds.items():
        if value is not None:
            yield f'{name}{{{labels},bound="{bound}"}} {value * factor!r}'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
