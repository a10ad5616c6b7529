"""conditions.csv -> which cells were disturbed, by what, and what to do about it.

Idle and stolen time are counted in ticks of 10 ms, so a window of one batch may be off by one tick per CPU. Such an
error has a standard deviation of 0.41 ticks (the difference of two uniform ones). Shares are sums over all batches of a
cell, and twice the error's standard deviation is subtracted before a share is compared with its bound.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from lab.stats.rounds import CELL_COLUMNS, Cell

TICK_NS = 10_000_000
TICK_ERROR = 1 / math.sqrt(6)  # of a difference of two readings, each rounded down to whole ticks
ERRORS_OFF = 2.0

# Others that take a tenth of the CPUs move a time by about a tenth: three times the half-width at which a cell is
# called stable. A busy loop on one of two CPUs takes half of one CPU, or a quarter of two.
OTHERS_SHARE = 0.10
STEAL_SHARE = 0.02  # less than the half-width of a stable cell (3%), more than ticks alone can produce
THROTTLED_SHARE = 0.01  # without a requested quota, any throttling comes from another limit
MEMORY_SHARE = 0.02  # tasks wait for memory a fiftieth of the time: the machine reclaims or swaps

# Beside noise these are its likely cause; alone they make no cell noisy, for a cell may cause them itself.
FREQUENCY_SPREAD = 0.05
FAULTS_A_BATCH = 1.0
MIGRATIONS_A_BATCH = 1.0
IO_SHARE = 0.10
CPU_PRESSURE_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A cause of noise.

    ``words`` has a place for the share. ``disturbs``: whether it alone makes a cell noisy.
    """

    bound: float
    words: str
    remedy: str
    disturbs: bool = False


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


class Disturbance(NamedTuple):
    """A cause that was seen in a cell: a key of ``CAUSES``, and its part of the CPUs' time."""

    cause: str
    share: float

    @property
    def words(self) -> str:
        """``steal took 7% of the CPUs``."""
        return CAUSES[self.cause].words.format(share=self.share)

    @property
    def sentence(self) -> str:
        """``steal took 7% of the CPUs: move to a dedicated machine``."""
        return f"{self.words}: {CAUSES[self.cause].remedy}"


Disturbances = Mapping[Cell, Disturbance]
UNDISTURBED: Disturbances = {}


def disturbed_cells(conditions: pd.DataFrame) -> dict[Cell, Disturbance]:
    """Return the cells that were disturbed while they were measured, each with the cause that exceeds its bound most.

    No verdict rests on such a cell.

    Args:
        conditions: columns of ``schema.CONDITIONS``.
    """
    found = seen_causes(conditions)
    found = found[found["cause"].map(_disturbs).astype(bool)].drop_duplicates(CELL_COLUMNS)
    return {
        (str(target), str(scenario), str(case)): Disturbance(cause, share)
        for target, scenario, case, cause, share in found.itertuples(index=False, name=None)
    }


def seen_causes(conditions: pd.DataFrame) -> pd.DataFrame:
    """Return every cause that exceeded its bound: ``target, scenario, case, cause, share``.

    The causes of one cell are in order: those that disturb come first, and among them the one that exceeds most.
    """
    amounts = cell_amounts(conditions)
    parts = [
        amounts[CELL_COLUMNS].assign(cause=name, share=amounts[name], excess=amounts[f"{name} certain"] / cause.bound)
        for name, cause in CAUSES.items()
    ]
    found = pd.concat(parts, ignore_index=True)
    found = found[found["excess"] > 1].assign(weak=lambda rows: ~rows["cause"].map(_disturbs).astype(bool))
    order = [*CELL_COLUMNS, "weak", "excess"]
    ordered = found.sort_values(order, ascending=[True, True, True, True, False], kind="stable")
    return ordered[[*CELL_COLUMNS, "cause", "share"]].reset_index(drop=True)


def likely_causes(conditions: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell whose likely cause is known: ``target, scenario, case, cause_words, disturbed``."""
    found = seen_causes(conditions).drop_duplicates(CELL_COLUMNS).reset_index(drop=True)
    words = [Disturbance(cause, share).sentence for cause, share in zip(found["cause"], found["share"], strict=True)]
    return found[CELL_COLUMNS].assign(
        cause_words=pd.Series(words, index=found.index, dtype="string"),
        disturbed=found["cause"].map(_disturbs).astype(bool),
    )


def cell_amounts(conditions: pd.DataFrame) -> pd.DataFrame:
    """Return one row per cell: each cause's amount, and in ``NAME certain`` what rounding to ticks cannot explain.

    An amount is NaN where the system does not report it.
    """
    measured = conditions[conditions["warmup"] == 0]
    numbers = measured[CELL_COLUMNS].join(measured.select_dtypes("number").astype("float64"))
    numbers = numbers.assign(
        cpu_window_ns=numbers["window_ns"] * numbers["cpus_used"],
        limited=(measured["cpu_mode"] == "quota").astype("float64"),
    )
    groups = numbers.groupby(CELL_COLUMNS, sort=True)
    # min_count: a sum over batches without any value is unknown, and not 0.
    totals = groups[[name for name in numbers if name not in CELL_COLUMNS]].sum(min_count=1)
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
    """Return the standard deviation of each cell's sum of ticks.

    The batches of one process follow each other, so that their errors cancel except for the first and the last.
    """
    widths = measured.groupby([*CELL_COLUMNS, "round"], sort=True)["cpus_used"].max().astype("float64")
    return widths.groupby(CELL_COLUMNS, sort=True).sum(min_count=1).pow(0.5) * TICK_ERROR * TICK_NS


def _disturbs(cause: str) -> bool:
    return CAUSES[cause].disturbs
