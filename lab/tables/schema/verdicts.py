"""Columns of estimates and verdicts: summary, claims, comparisons."""

from __future__ import annotations

from lab.tables.schema.columns import Dtype, columns
from lab.tables.schema.measured import IDENTITY

SUMMARY = (
    *IDENTITY,
    *columns(
        ("n", "Int64", "number of batches that were used for the estimate"),
        ("rounds", "Int64", "number of rounds that were used for the estimate"),
        (
            "estimate",
            "float64",
            "geometric mean over the rounds' medians (under a quota: means); counts: arithmetic; bimodal: median",
        ),
        ("ci_low", "float64", "lower end of the 95% interval over rounds; empty below five rounds"),
        ("ci_high", "float64", "upper end of that interval"),
        ("batch_p95", "float64", "95th percentile of the batches' values; it is not a latency percentile"),
        ("cv", "float64", "coefficient of variation of the rounds' values"),
        ("stable", "string", "stable, noisy or bimodal; empty below five rounds"),
        ("status", "string", "ok, failed, timeout, unsupported or skipped"),
        ("reason", "string", "why the status is not ok, why the interval is missing, or the likely cause of noise"),
    ),
)

CLAIMS = columns(
    ("target", "string", "label of the target; empty where no target measured the claim"),
    ("claim", "string", "name of the claim"),
    ("source", "string", "where the claim is made"),
    ("verdict", "string", "holds, fails, inconclusive or not measured"),
    ("value", "float64", "the quantity that is judged; of several pairs the one most adverse to the claim"),
    (
        "ci_low",
        "float64",
        "lower end of its 95% interval (of an exact count: the worst sample); empty without an interval",
    ),
    ("ci_high", "float64", "upper end of that interval"),
    ("threshold", "float64", "the threshold that the interval is compared with"),
    ("unit", "string", "unit of value and threshold: ratio, count, bytes or ns"),
    (
        "reason",
        "string",
        "the cells that were compared and how many rounds they have, or why the claim is inconclusive or not measured",
    ),
    (
        "q_value",
        "float64",
        "smallest false discovery rate at which the verdict is significant among all of the run; else empty",
    ),
)

COMPARE = columns(
    (
        "id",
        "string",
        "label of the row: case, operation and metric; where there are several pairs of targets, the pair follows @",
    ),
    ("base_target", "string", "label of the baseline target"),
    ("new_target", "string", "label of the target that is compared with the baseline"),
    ("scenario", "string", "name of the scenario, as family.name"),
    ("case", "string", "label of the case, made of its axis values; do not parse it"),
    ("operation", "string", "name of the operation that is timed"),
    ("metric", "string", "what the values measure"),
    ("unit", "string", "unit of base and new"),
    ("base", "float64", "value of base_target: geometric mean over the rounds of the ratio"),
    ("new", "float64", "value of new_target: geometric mean over the rounds of the ratio"),
    ("ratio", "float64", "cost of new divided by cost of base, for rates base divided by new: above 1 is worse"),
    ("ci_low", "float64", "lower end of its 95% interval over rounds; empty below five rounds"),
    ("ci_high", "float64", "upper end of that interval"),
    ("rounds", "Int64", "number of rounds of the ratio; where the sides have separate rounds, the smaller number"),
    ("pairing", "string", "paired (by round, measured together) or apart (separate rounds, Welch's test)"),
    ("p_value", "float64", "p-value of the hypothesis that the true ratio is within the threshold"),
    ("q_value", "float64", "p_value, adjusted for the number of comparisons (false discovery rate)"),
    ("verdict", "string", "slower, faster, same, inconclusive or not measured"),
    ("reason", "string", "why the verdict is inconclusive or not measured"),
)

_RATIO: tuple[tuple[str, Dtype, str], ...] = (
    ("ratio", "float64", "time of the case divided by the time of the reference"),
    ("ci_low", "float64", "lower end of its 95% interval over rounds; empty below five rounds"),
    ("ci_high", "float64", "upper end of that interval"),
    ("rounds", "Int64", "number of rounds of the ratio"),
)
MACHINES = columns(
    ("scenario", "string", "name of the scenario, as family.name"),
    ("operation", "string", "name of the operation that is timed"),
    ("case", "string", "label of the case"),
    ("reference", "string", "label of the case that it is compared with on the same machine"),
    ("base_target", "string", "label of the target on the one machine"),
    ("new_target", "string", "label of the target on the other machine"),
    *(
        (f"{side}_{name}", dtype, f"of {side}_target: {meaning}")
        for side in ("base", "new")
        for name, dtype, meaning in _RATIO
    ),
)
