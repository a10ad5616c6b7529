"""conditions.csv -> which cells were disturbed, by what, and what helps.

Idle and stolen time are counted in ticks of 10 ms, so a window of one batch may be off by one tick a CPU. Such an error
has a standard deviation of 0.41 ticks (the difference of two uniform ones); shares are sums over all of a cell's
batches, and twice the error's standard deviation is taken off before a share is held against its bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

CELL = ["target", "scenario", "case"]
DISTURBED = [*CELL, "cause", "share"]

TICK_NS = 10_000_000
TICK_ERROR = 1 / math.sqrt(6)  # of a difference of two readings, each rounded down to whole ticks
ERRORS_OFF = 2.0

# Others that take a tenth of the CPUs move a time by about a tenth: three times the half-width at which a cell is
# called stable. A busy loop on one of two CPUs takes half of one CPU, a quarter of two.
OTHERS_SHARE = 0.10
STEAL_SHARE = 0.02  # less than the half-width of a stable cell (3 %), more than any tick can make
THROTTLED_SHARE = 0.01  # where no quota was asked for, being stopped at all is the doing of another limit
MEMORY_SHARE = 0.02  # tasks that wait for memory a fiftieth of the time: the machine reclaims or swaps

# Seen beside noise, these are its likely cause; alone they make no cell noisy: it may bring them about by itself.
FREQUENCY_SPREAD = 0.05
FAULTS_A_BATCH = 1.0
MIGRATIONS_A_BATCH = 1.0
IO_SHARE = 0.10
CPU_PRESSURE_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What disturbs: its words with the share in them, and the remedy. ``disturbs``: it alone makes a cell noisy."""

    bound: float
    words: str
    remedy: str
    disturbs: bool = False

    def sentence(self, share: float) -> str:
        """``steal took 7 % of the CPUs: move to a dedicated machine``."""
        return f"{self.words.format(share=share)}: {self.remedy}"


CAUSES: Mapping[str, Cause] = {
    "steal": Cause(
        bound=STEAL_SHARE,
        words="steal took {share:.0%} of the CPUs",
        remedy="move to a dedicated machine",
        disturbs=True,
    ),
    "load of others": Cause(
        bound=OTHERS_SHARE,
        words="other processes took {share:.0%} of its CPUs",
        remedy="end them, or measure on a machine that does nothing else",
        disturbs=True,
    ),
    "throttling": Cause(
        bound=THROTTLED_SHARE,
        words="it was throttled for {share:.0%} of the time though no quota was asked for",
        remedy="raise the CPU limit of the group that the lab runs in",
        disturbs=True,
    ),
    "memory pressure": Cause(
        bound=MEMORY_SHARE,
        words="tasks waited for memory {share:.0%} of the time",
        remedy="free memory, or give the machine more",
        disturbs=True,
    ),
    "frequency": Cause(
        bound=FREQUENCY_SPREAD,
        words="the CPUs' frequency differed by {share:.0%} between batches",
        remedy="set the governor to performance and switch turbo off",
    ),
    "page faults": Cause(
        bound=FAULTS_A_BATCH,
        words="{share:.0f} page faults a batch went to a disk",
        remedy="free memory, or switch swap off",
    ),
    "migrations": Cause(
        bound=MIGRATIONS_A_BATCH,
        words="its processes changed CPUs {share:.0f} times a batch",
        remedy="choose a placement other than free, or fewer CPUs",
    ),
    "pressure": Cause(
        bound=CPU_PRESSURE_SHARE,
        words="tasks, its own among them, waited for a CPU {share:.0%} of the time",
        remedy="where the case does not put more tasks than CPUs there itself, end other processes",
    ),
    "input and output": Cause(
        bound=IO_SHARE,
        words="tasks waited for input or output {share:.0%} of the time",
        remedy="end what writes to the disk",
    ),
}


def disturbed_cells(conditions: pd.DataFrame) -> pd.DataFrame:
    """``target, scenario, case, cause, share``: one row a cell that was disturbed while it was measured.

    ``conditions`` has the columns of ``schema.CONDITIONS``. ``cause`` is a key of ``CAUSES``, the one that exceeds its
    bound by most; ``share`` is its part of the CPUs' time. A verdict about such a cell is not to be trusted.
    """
    found = seen_causes(conditions)
    found = found[found["cause"].map(_disturbs).astype(bool)]
    return found.drop_duplicates(CELL)[DISTURBED].reset_index(drop=True)


def in_words(disturbed: pd.DataFrame) -> pd.Series[str]:
    """What disturbed each row of ``disturbed_cells``, with the remedy."""
    words = [CAUSES[cause].sentence(share) for cause, share in zip(disturbed["cause"], disturbed["share"], strict=True)]
    return pd.Series(words, index=disturbed.index, dtype="string")


def seen_causes(conditions: pd.DataFrame) -> pd.DataFrame:
    """``target, scenario, case, cause, share``: all that exceeded its bound, what disturbs first, the worst first."""
    amounts = cell_amounts(conditions)
    parts = [
        amounts[CELL].assign(cause=name, share=amounts[name], excess=amounts[f"{name} certain"] / cause.bound)
        for name, cause in CAUSES.items()
    ]
    found = pd.concat(parts, ignore_index=True)
    found = found[found["excess"] > 1].assign(weak=lambda rows: ~rows["cause"].map(_disturbs).astype(bool))
    ordered = found.sort_values([*CELL, "weak", "excess"], ascending=[True, True, True, True, False], kind="stable")
    return ordered[DISTURBED].reset_index(drop=True)


def reasons(conditions: pd.DataFrame) -> pd.DataFrame:
    """``target, scenario, case, cause_words, disturbed``: one row a cell whose likely cause is known."""
    found = seen_causes(conditions).drop_duplicates(CELL).reset_index(drop=True)
    return found[CELL].assign(
        cause_words=in_words(found),
        disturbed=found["cause"].map(_disturbs).astype(bool),
    )


def cell_amounts(conditions: pd.DataFrame) -> pd.DataFrame:
    """One row a cell: each cause's amount, and, in ``NAME certain``, what no rounding to ticks can explain.

    An amount is NaN where the system does not tell.
    """
    measured = conditions[conditions["warmup"] == 0]
    numbers = measured[CELL].join(measured.select_dtypes("number").astype("float64"))
    numbers = numbers.assign(
        cpu_window_ns=numbers["window_ns"] * numbers["cpus_used"],
        limited=(measured["cpu_mode"] == "quota").astype("float64"),
    )
    groups = numbers.groupby(CELL, sort=True)
    # min_count: a sum over batches of which none has a value is unknown, and not 0.
    totals = groups[[name for name in numbers if name not in CELL]].sum(min_count=1)
    batches = groups.size().astype("float64")
    error = ERRORS_OFF * _tick_error_ns(measured) / totals["cpu_window_ns"]
    others_ns = totals["cpu_window_ns"] - totals["idle_ns"] - totals["steal_ns"].fillna(0) - totals["own_cpu_ns"]
    frequencies = groups["frequency_khz"]
    amounts = {
        "steal": totals["steal_ns"] / totals["cpu_window_ns"],
        "load of others": others_ns.clip(lower=0) / totals["cpu_window_ns"],
        "throttling": (totals["throttled_ns"] / totals["window_ns"]).where(totals["limited"] == 0),
        "memory pressure": totals["pressure_memory_some_ns"] / totals["window_ns"],
        "frequency": 1 - frequencies.min() / frequencies.max(),
        "page faults": totals["major_faults"] / batches,
        "migrations": totals["migrations"].fillna(totals["moved_processes"]) / batches,
        "pressure": totals["pressure_cpu_some_ns"] / totals["window_ns"],
        "input and output": totals["pressure_io_some_ns"] / totals["window_ns"],
    }
    ticked = ("steal", "load of others")
    certain = {f"{name} certain": amounts[name] - (error if name in ticked else 0) for name in CAUSES}
    return pd.DataFrame({**amounts, **certain}, index=totals.index).reset_index()


def _tick_error_ns(measured: pd.DataFrame) -> pd.Series[float]:
    """Standard deviation of a cell's sum of ticks.

    The batches of one process follow each other, so that their errors cancel but for the first and the last.
    """
    widths = measured.groupby([*CELL, "round"], sort=True)["cpus_used"].max().astype("float64")
    return widths.groupby(CELL, sort=True).sum(min_count=1).pow(0.5) * TICK_ERROR * TICK_NS


def _disturbs(cause: str) -> bool:
    return CAUSES[cause].disturbs
