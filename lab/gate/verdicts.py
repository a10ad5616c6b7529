"""Verdicts by the rules of ``lab compare``, over all functions together, and what a gate of this precision finds.

The ratio of a function is that of head to base, paired by round. All functions are one family: see
``lab.stats.tables.compare`` for the tests and their sources.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lab.gate.measure import Compared, Measured
from lab.stats.intervals import t_interval, t_quantile
from lab.stats.tables.compare import THRESHOLD, judge
from lab.stats.tests import Floats
from lab.tune.choices import Reading

SOUGHT = 0.05  # the slow-down whose detection is reported
DRAWS = 2000


@dataclass(frozen=True, kw_only=True)
class Row:
    """One function's result: the ratio of head to base with its 95% interval, and both sides' costs per pass.

    Wall and CPU time (of all processes) in seconds, geometric means; memory is the largest of all rounds in bytes, 0
    if unknown. ``p_found`` is the probability that this number of rounds, with this scatter, finds a slow-down of
    ``SOUGHT``. Numbers are None where the function was not measured.
    """

    function: str
    verdict: str
    reason: str
    rounds: int
    ratio: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    q_value: float | None = None
    base_s: float | None = None
    head_s: float | None = None
    base_cpu_s: float | None = None
    head_cpu_s: float | None = None
    cpu_ratio: float | None = None
    cpu_ci_low: float | None = None
    cpu_ci_high: float | None = None
    base_memory_bytes: int = 0
    head_memory_bytes: int = 0
    p_found: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_failed(self) -> bool:
        """Whether it should have been measured and was not."""
        return self.verdict == "not measured"


def judged(measured: Measured, *, threshold: float = THRESHOLD) -> tuple[pd.DataFrame, list[Row]]:
    """The frame of compare.csv, and one row per function, the slowest first and what was not measured last."""
    by_label = {one.wanted.label: one for one in measured.functions}
    frame = judge(ratios({label: logs(one) for label, one in by_label.items()}, by_label), threshold=threshold)
    return frame, [_row(record, by_label[record["case"]], threshold) for record in frame.to_dict("records")]


def logs(one: Compared) -> list[tuple[float, float]]:
    """Logarithms of the wall times (ns) of base and head, by round."""
    return [(math.log(base.wall_ns), math.log(head.wall_ns)) for base, head in one.pairs]


def ratios(
    logs_by_label: Mapping[str, Sequence[tuple[float, float]]], compared: Mapping[str, Compared] | None = None
) -> pd.DataFrame:
    """The columns that ``lab.stats.tables.compare.judge`` needs, one row per function."""
    rows = []
    for label, pairs in logs_by_label.items():
        one = (compared or {}).get(label)
        values = np.asarray(pairs, dtype=float).reshape(-1, 2)
        differences = values[:, 1] - values[:, 0]
        count = len(differences)
        missing = one is not None and (bool(one.reason) or one.new)
        rows.append({
            "id": label,
            "base_target": "base",
            "new_target": "head",
            "scenario": f"own.{label.rpartition(':')[2]}",
            "case": label,
            "operation": "pass",
            "metric": "wall_time",
            "unit": "ns",
            "base": math.nan if missing else math.exp(values[:, 0].mean()),
            "new": math.nan if missing else math.exp(values[:, 1].mean()),
            "rounds": pd.NA if missing else count,
            "log_ratio": math.nan if missing else differences.mean(),
            "error": math.nan if missing else differences.std(ddof=1) / math.sqrt(count),
            "degrees": math.nan if missing else count - 1.0,
            "pairing": "paired",
            "measured": not missing,
            "reason": _first_line(one) if one is not None and missing else pd.NA,
        })  # fmt: skip
    return pd.DataFrame(rows).astype({"rounds": "Int64", "reason": "string"})


def p_found(
    scatter: float, rounds: int, *, change: float = SOUGHT, threshold: float = THRESHOLD, seed: int = 0
) -> float:
    """The simulated probability that the interval of a function with a true ``change`` lies beyond the threshold.

    Args:
        scatter: standard deviation of the logarithm of a round's ratio (Gaussian).
        rounds: how many there are.
        change: the true slow-down, as a share.
        threshold: smallest change that matters.
        seed: of the simulation.
    """
    draws = np.random.default_rng(seed).normal(math.log1p(change), scatter, (DRAWS, rounds))
    error: Floats = draws.std(axis=1, ddof=1) / math.sqrt(rounds)
    low = draws.mean(axis=1) - t_quantile(rounds - 1) * error
    return float((low > math.log1p(threshold)).mean())


def share_found(rows: Sequence[Row]) -> float | None:
    """The mean of ``p_found`` over the functions: the share of them in which the slow-down would be found."""
    found = [row.p_found for row in rows if row.p_found is not None]
    return sum(found) / len(found) if found else None


def _row(record: Mapping[Any, Any], one: Compared, threshold: float) -> Row:
    label = one.wanted.label
    if one.new and not one.reason:
        return Row(function=label, verdict="new", reason="the base does not have it", rounds=0, notes=tuple(one.notes))
    if one.reason:
        return Row(function=label, verdict="not measured", reason=one.reason, rounds=0, notes=tuple(one.notes))
    wall = {name: float(str(record[name])) for name in ("ratio", "ci_low", "ci_high", "q_value", "base", "new")}
    pairs = logs(one)
    scatter = float(np.std([head - base for base, head in pairs], ddof=1))
    base, head = ([pair[side] for pair in one.pairs] for side in (0, 1))
    return Row(
        function=label,
        verdict=str(record["verdict"]),
        reason="" if pd.isna(record["reason"]) else str(record["reason"]),
        rounds=len(pairs),
        ratio=wall["ratio"],
        ci_low=wall["ci_low"],
        ci_high=wall["ci_high"],
        q_value=wall["q_value"],
        base_s=wall["base"] / 1e9,
        head_s=wall["new"] / 1e9,
        base_memory_bytes=max(reading.memory_bytes for reading in base),
        head_memory_bytes=max(reading.memory_bytes for reading in head),
        p_found=p_found(scatter, len(pairs), threshold=threshold),
        notes=tuple(one.notes),
        **_cpu(one.pairs),
    )


def _cpu(pairs: Sequence[tuple[Reading, Reading]]) -> dict[str, float | None]:
    """CPU seconds of both sides and their ratio; it informs and decides no verdict."""
    if not all(base.cpu_ns > 0 and head.cpu_ns > 0 for base, head in pairs):
        return {}
    base, head = (np.log([pair[side].cpu_ns for pair in pairs]) for side in (0, 1))
    centre, low, high = t_interval((head - base).tolist())
    return {
        "base_cpu_s": math.exp(base.mean()) / 1e9,
        "head_cpu_s": math.exp(head.mean()) / 1e9,
        "cpu_ratio": math.exp(centre),
        "cpu_ci_low": math.exp(low),
        "cpu_ci_high": math.exp(high),
    }


def _first_line(one: Compared) -> str:
    return one.reason.partition("\n")[0] or "the base does not have it"
