"""Columns of estimates and of what is said by them: summary, claims, comparisons."""

from __future__ import annotations

from lab.tables.schema.columns import Dtype, columns
from lab.tables.schema.measured import IDENTITY

SUMMARY = (
    *IDENTITY,
    *columns(
        ("n", "Int64", "batches that entered the estimate"),
        ("rounds", "Int64", "rounds that entered the estimate"),
        (
            "estimate",
            "float64",
            "geometric mean over the rounds' medians (under a quota: means); counts: arithmetic; bimodal: median",
        ),
        ("ci_low", "float64", "lower end of the 95 % interval over rounds; empty below five rounds"),
        ("ci_high", "float64", "upper end"),
        ("batch_p95", "float64", "95th percentile of the batches' values; not a latency percentile"),
        ("cv", "float64", "coefficient of variation of the rounds' values"),
        ("stable", "string", "stable, noisy or bimodal; empty below five rounds (too few)"),
        ("status", "string", "ok, failed, timeout, unsupported or skipped"),
        ("reason", "string", "why the status is not ok, why there is no interval, or the likely cause of noise"),
    ),
)

CLAIMS = columns(
    ("target", "string", "label of the target; empty where no target has measured it"),
    ("claim", "string", "name of the claim"),
    ("source", "string", "who says so"),
    ("verdict", "string", "holds, fails, undecided or not measured"),
    ("value", "float64", "the quantity that decides; of several pairs the one most adverse to the claim"),
    (
        "ci_low",
        "float64",
        "lower end of its 95 % interval (of an exact count: of the range of all rounds); empty where it has none",
    ),
    ("ci_high", "float64", "upper end"),
    ("threshold", "float64", "what the interval is held against"),
    ("unit", "string", "unit of value and threshold; ratio where it is one"),
    ("reason", "string", "why the verdict is what it is"),
    (
        "q_value",
        "float64",
        "smallest false discovery rate at which the verdict stands among all of the run; empty where undecided",
    ),
)

COMPARE = columns(
    (
        "id",
        "string",
        "label of the row: case, operation and metric; the pair of targets behind @ where there are several",
    ),
    ("base_target", "string", "label of the target that is compared with"),
    ("new_target", "string", "label of the target that is judged"),
    ("scenario", "string", "family.name"),
    ("case", "string", "label of the case: its axis values; never to be parsed"),
    ("operation", "string", "what one operation is"),
    ("metric", "string", "what the values are"),
    ("unit", "string", "unit of base and new"),
    ("base", "float64", "geometric mean of base over the rounds that enter the ratio"),
    ("new", "float64", "the same of new"),
    ("ratio", "float64", "cost of new over cost of base: above 1 is worse; of rates base over new"),
    ("ci_low", "float64", "lower end of its 95 % interval over rounds; empty below five rounds"),
    ("ci_high", "float64", "upper end"),
    ("rounds", "Int64", "rounds that enter the ratio; where they are apart, the smaller number"),
    ("pairing", "string", "paired (by round, measured together) or apart (Welch's test)"),
    ("p_value", "float64", "p of the hypothesis that the true ratio is within the threshold"),
    ("q_value", "float64", "the same held against the number of comparisons (false discovery rate)"),
    ("verdict", "string", "slower, faster, same, cannot tell or not measured"),
    ("reason", "string", "why it cannot be told, or was not measured"),
)

_RATIO: tuple[tuple[str, Dtype, str], ...] = (
    ("ratio", "float64", "time of the case over time of the reference"),
    ("ci_low", "float64", "lower end of its 95 % interval over rounds; empty below five rounds"),
    ("ci_high", "float64", "upper end"),
    ("rounds", "Int64", "rounds that enter the ratio"),
)
MACHINES = columns(
    ("scenario", "string", "family.name"),
    ("operation", "string", "what one operation is"),
    ("case", "string", "label of the case"),
    ("reference", "string", "label of the case that it is held against, on the same machine"),
    ("base_target", "string", "label of the target on the one machine"),
    ("new_target", "string", "label of the target on the other machine"),
    *(
        (f"{side}_{name}", dtype, f"of {side}_target: {meaning}")
        for side in ("base", "new")
        for name, dtype, meaning in _RATIO
    ),
)
