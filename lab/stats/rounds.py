"""Values of rounds and ratios between them: the one engine of tables, report, advice, claims and comparisons.

The replicate is the round. A round's value is the median of its batches, or the mean of such medians where several
processes of the round measured the cell; under a quota, where short batches are
bimodal, it is the elapsed time over the operations of all its windows. A ratio of two cells is taken within each round,
so that what drifts between rounds cancels; its interval is Student's t on the rounds' log ratios. Where a cell is
bimodal, the median and its order statistics are used instead. Below ``MIN_ROUNDS`` there is an estimate without an
interval, and the reason is the number of rounds (``too_few``). Round k of one run was not measured beside round k of
another, so that cells of two merged runs have no ratio (``Rounds.paired``).

Cells that are divided by each other stand in one block of a round, because what they have in common lasts for seconds
only. Where ``block`` says which, a ratio is taken within each block that has both cells, and a round's is the mean over
its blocks. Cells that share a block in less than half of their common rounds have nothing in common that a pairing
could remove: their ratio is that of two independent means, with Welch's interval (Biometrika 34, 1947). This is decided
by where the cells stood, never by which interval is narrower. Without blocks cells of one run are paired.

There are two ways in, which give the same numbers: tables of thousands of ratios group a frame with one row per cell
and round (``round_logs``, ``geometric_means_by``); whatever asks for one pair at a time looks it up in ``Rounds``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy.special

from lab.stats.intervals import CONFIDENCE, MIN_ROUNDS, median_ranks, t_interval
from lab.stats.tests import p_above

Key = tuple[str, str, str, str]
Cell = tuple[str, str, str]
CELL_COLUMNS = ["target", "scenario", "case"]
KEY_COLUMNS = [*CELL_COLUMNS, "operation"]
BLOCK = "block"  # the block of its round in which a row was measured; not every run has this column
BY_BLOCK = "by_block"  # column beside the logarithm of a round: block -> the logarithm in this block
CENTRED = ["cpu_mode", "round", "process", "value", "loops"]  # the columns that a round's centre comes from


def measured(samples: pd.DataFrame, metric: str | None = None) -> pd.DataFrame:
    """Return the rows of samples.csv that enter an estimate, of one metric or of all."""
    used = (samples["status"] == "ok") & (samples["warmup"] == 0)
    if metric is not None:
        used &= samples["metric"] == metric
    return samples[used].dropna(subset=["value", "round"])


def round_centres(ok: pd.DataFrame) -> pd.DataFrame:
    """Return one row per group and round: ``group``, ``round``, ``centre``.

    Args:
        ok: rows as ``measured`` returns them, with a column ``group``.
    """
    quota = (ok["cpu_mode"] == "quota").to_numpy(dtype=bool, na_value=False)
    parts = [centre(ok[rows]) for centre, rows in ((_medians, ~quota), (_means, quota)) if rows.any()]
    centres: pd.DataFrame = pd.concat(parts).rename("centre").reset_index()
    return centres.sort_values(["group", "round"], ignore_index=True)


def _medians(ok: pd.DataFrame) -> pd.Series[Any]:
    process = ok["process"].fillna(0)
    if not process.any():  # one process per round, as in most cells
        return ok.groupby(["group", "round"], sort=True)["value"].median()
    processes = ok.assign(process=process).groupby(["group", "round", "process"], sort=True)["value"].median()
    return processes.groupby(["group", "round"], sort=True).mean()


def _means(ok: pd.DataFrame) -> pd.Series[Any]:
    loops = ok["loops"].fillna(1).astype("float64")
    sums = ok.assign(loops=loops, total=ok["value"] * loops).groupby(["group", "round"], sort=True)
    return sums["total"].sum() / sums["loops"].sum()


def round_values(samples: pd.DataFrame, keys: list[str], metric: str | None = "wall_time") -> pd.DataFrame:
    """Return one row per group of ``keys`` and round: the keys, ``round``, ``value`` (the round's centre)."""
    rows = measured(samples, metric)[list(dict.fromkeys([*keys, *CENTRED]))]
    if rows.empty:
        return pd.DataFrame(columns=[*keys, "round", "value"])
    rows = rows.assign(group=rows.groupby(keys, dropna=False, sort=False).ngroup())
    groups = rows.drop_duplicates("group")[["group", *keys]]
    centres = round_centres(rows).rename(columns={"centre": "value"})
    return groups.merge(centres, on="group").drop(columns="group")


def round_logs(samples: pd.DataFrame, keys: list[str], metric: str = "wall_time") -> pd.DataFrame:
    """Return ``round_values`` with ``log``, and ``BY_BLOCK`` where known; values of zero and below are left out."""
    return _with_logs(round_values(samples, keys, metric)).pipe(with_blocks, samples, keys, metric)


def _with_logs(values: pd.DataFrame) -> pd.DataFrame:
    values = values[values["value"] > 0]
    return values.assign(log=np.log(values["value"].astype("float64")))


def with_blocks(logs: pd.DataFrame, samples: pd.DataFrame, keys: list[str], metric: str | None) -> pd.DataFrame:
    """Add ``BY_BLOCK`` to the logarithms of rounds of the same samples, if they have blocks.

    Arguments are those of ``round_values``.
    """
    if BLOCK not in samples or samples[BLOCK].isna().all():
        return logs
    place = [*keys, "round"]
    parts = _with_logs(round_values(samples.dropna(subset=[BLOCK]), [*keys, BLOCK], metric))
    found: list[dict[int, float]] = [{} for _ in range(len(logs))]
    rows = parts.merge(logs[place].assign(row=range(len(logs))), on=place)
    for row, block, log in rows[["row", BLOCK, "log"]].itertuples(index=False, name=None):
        found[row][block] = log
    return logs.assign(**{BY_BLOCK: pd.Series(found, index=logs.index, dtype="object")})


def log_ratios(both: pd.DataFrame, one: str, other: str) -> pd.Series[float]:
    """Return the log ratio of each row: ``log`` + ``one`` over ``log`` + ``other``, which are the columns' suffixes.

    It is the mean over the blocks that both sides have, where blocks are known (``with_blocks``) and they share any.
    """
    found = (both[f"log{one}"] - both[f"log{other}"]).astype("float64")
    sides = [both.get(f"{BY_BLOCK}{suffix}") for suffix in (one, other)]
    if sides[0] is None or sides[1] is None:
        return found
    values = found.to_numpy(copy=True)
    for row, (above, below) in enumerate(zip(*sides, strict=True)):
        if isinstance(above, dict) and isinstance(below, dict):
            ratios = [above[block] - below[block] for block in above.keys() & below.keys()]
            values[row] = statistics.fmean(ratios) if ratios else values[row]
    return pd.Series(values, index=both.index)


def means_by(frame: pd.DataFrame, keys: list[str], column: str) -> pd.DataFrame:
    """Return the mean over the rounds of each group: the keys, ``rounds``, ``value``, ``ci_low``, ``ci_high``.

    The ends are those of the 95% t-interval, NaN below ``MIN_ROUNDS``.
    """
    return with_ends(moments_by(frame, keys, column)).drop(columns="deviation")


def moments_by(frame: pd.DataFrame, keys: list[str], column: str = "log") -> pd.DataFrame:
    """Return ``rounds``, ``value`` (the mean) and ``deviation`` (the standard deviation) of each group's column."""
    groups = frame.groupby(keys, dropna=False, sort=False)[column]
    return groups.agg(rounds="count", value="mean", deviation="std").reset_index()


def with_ends(table: pd.DataFrame, outside: float | np.ndarray[Any, Any] = 1 - CONFIDENCE) -> pd.DataFrame:
    """Add the ends of the t-interval to a table of ``rounds``, ``value`` (mean) and ``deviation``.

    Args:
        table: one row per quantity.
        outside: the probability of both tails together, one or one per row.
    """
    count = table["rounds"].to_numpy(dtype=float)
    quantile = scipy.special.stdtrit(np.maximum(count - 1, 1), 1 - outside / 2)
    half = np.where(count >= MIN_ROUNDS, quantile * table["deviation"] / np.sqrt(count), np.nan)
    return table.assign(ci_low=table["value"] - half, ci_high=table["value"] + half)


def geometric_means_by(frame: pd.DataFrame, keys: list[str], column: str = "log") -> pd.DataFrame:
    """Return ``means_by`` of logarithms as values, or as ratios where the logarithms are differences."""
    return exponentials(means_by(frame, keys, column))


def exponentials(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of logarithms as one of values."""
    return table.assign(**{name: np.exp(table[name].astype("float64")) for name in ("value", "ci_low", "ci_high")})


def named(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the table with ``value`` and its ends called ``name``, as the CSVs have them."""
    return table.rename(columns={"value": name, "ci_low": f"{name}_ci_low", "ci_high": f"{name}_ci_high"})


def too_few(rounds: pd.Series[int]) -> pd.Series[str]:
    """Return ``k of 5 rounds`` where an interval is missing for that reason, else a missing value."""
    words = rounds.astype("string") + f" of {MIN_ROUNDS} rounds"
    return words.where(rounds < MIN_ROUNDS)


def welch(variances: tuple[Any, Any], rounds: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the standard error of a difference of two independent means, and its degrees of freedom (Welch 1947).

    Args:
        variances: of the values on either side, numbers or arrays of them.
        rounds: how many values there are on either side.
    """
    first, second = (variance / count for variance, count in zip(variances, rounds, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = (first + second) ** 2 / (first**2 / (rounds[0] - 1) + second**2 / (rounds[1] - 1))
    without_scatter = np.asarray(rounds[0] + rounds[1] - 2, dtype=float)
    return np.sqrt(first + second), np.where(first + second > 0, freedom, without_scatter)


@dataclass(frozen=True)
class LogRatio:
    """The logarithm of a ratio by its rounds, or of a single quantity.

    ``logs``: of each round that both cells have. ``apart``: the logarithms of either cell's rounds, where these are not
    paired. ``bimodal``: whether a cell has two modes, so that the median and its order statistics are used.
    """

    logs: Sequence[float]
    apart: tuple[Sequence[float], Sequence[float]] | None = None
    bimodal: bool = False

    @property
    def rounds(self) -> int:
        """The number of rounds; of cells that are not paired that of the one with fewer."""
        return min(map(len, self.apart)) if self.apart else len(self.logs)

    def estimate(self, confidence: float = CONFIDENCE) -> Estimate:
        """Return the ratio with its interval, which is missing below ``MIN_ROUNDS``."""
        if not self.apart:
            return estimated(self.logs, confidence, bimodal=self.bimodal)
        if self.rounds < MIN_ROUNDS:
            top, bottom = map(statistics.fmean, self.apart)
            return Estimate(math.exp(top - bottom), None, None, self.rounds)
        centre, error, degrees = self._moments()
        half = float(scipy.special.stdtrit(degrees, (1 + confidence) / 2)) * error
        return Estimate(math.exp(centre), math.exp(centre - half), math.exp(centre + half), self.rounds)

    def p_beyond(self, bound: float, *, above: bool) -> float:
        """Return the p of the hypothesis that the logarithm is not above (or below) the bound; 1 below five rounds."""
        sign = 1 if above else -1
        if not self.apart:
            return p_above([sign * value for value in self.logs], sign * bound, bimodal=self.bimodal)
        if self.rounds < MIN_ROUNDS:
            return 1.0
        centre, error, degrees = self._moments()
        beyond = sign * (centre - bound)
        return float(scipy.special.stdtr(degrees, -beyond / error)) if error else float(beyond <= 0)

    def _moments(self) -> tuple[float, float, float]:
        """Return the difference of both means, its standard error and degrees of freedom."""
        top, bottom = (np.asarray(side, dtype=float) for side in self.apart or ())
        error, degrees = welch((top.var(ddof=1), bottom.var(ddof=1)), (len(top), len(bottom)))
        return float(top.mean() - bottom.mean()), float(error), float(degrees)


def _centre_logs(timed: pd.DataFrame) -> Iterator[tuple[Any, int, float]]:
    """Yield group, round and logarithm of each round's centre; a delay can be negative, and then has no logarithm."""
    for group, number, centre in round_centres(timed)[["group", "round", "centre"]].itertuples(index=False, name=None):
        if centre > 0:
            yield group, int(number), math.log(centre)


@dataclass(frozen=True)
class Estimate:
    """A quantity, its 95% interval where there is one, and the number of its rounds.

    ``flag``: why it supports no verdict all the same (``lab.stats.quality.flags``), with the cell's name; else empty.
    """

    value: float
    low: float | None
    high: float | None
    rounds: int
    flag: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether there were enough rounds."""
        return self.low is not None and self.high is not None

    def scaled(self, factor: float) -> Estimate:
        """Return the estimate in another unit."""
        low = None if self.low is None else self.low * factor
        high = None if self.high is None else self.high * factor
        return Estimate(self.value * factor, low, high, self.rounds, self.flag)


class Rounds:
    """For each cell the logarithm of every round's value of one metric, and the run that it was measured in.

    Args:
        logs: key -> round -> logarithm.
        runs: key -> id of the run.
        flags: cell -> why no verdict rests on it; ratios repeat it.
        blocks: key -> round -> block -> logarithm of the block's value, where the blocks are known.
    """

    def __init__(
        self,
        logs: Mapping[Key, Mapping[int, float]],
        runs: Mapping[Key, object],
        flags: Mapping[Cell, str] | None = None,
        blocks: Mapping[Key, Mapping[int, Mapping[int, float]]] | None = None,
    ) -> None:
        self._logs = logs
        self._runs = runs
        self._flags = flags or {}
        self._blocks = blocks or {}

    @classmethod
    def of(cls, samples: pd.DataFrame, metric: str = "wall_time", flags: Mapping[Cell, str] | None = None) -> Rounds:
        """Build it from the rows of samples.csv; values of zero and below have no logarithm and are left out."""
        timed = measured(samples, metric)
        if timed.empty:
            return cls({}, {})
        timed = timed.assign(group=timed.groupby(KEY_COLUMNS, sort=False).ngroup())
        firsts = timed.drop_duplicates("group")
        keys = dict(zip(firsts["group"], firsts[KEY_COLUMNS].itertuples(index=False, name=None), strict=True))
        runs = dict(zip(keys.values(), firsts["run_id"].fillna("").tolist(), strict=True))
        logs: dict[Key, dict[int, float]] = {}
        for group, number, log in _centre_logs(timed):
            logs.setdefault(keys[group], {})[number] = log
        blocks: dict[Key, dict[int, dict[int, float]]] = {}
        for block in timed[BLOCK].dropna().unique().tolist() if BLOCK in timed else ():
            for group, number, log in _centre_logs(timed[timed[BLOCK] == block]):
                blocks.setdefault(keys[group], {}).setdefault(number, {})[block] = log
        return cls(logs, runs, flags, blocks)

    def logs(self, key: Key) -> Mapping[int, float]:
        """Round -> logarithm of the cell's value; empty where it was not measured."""
        return self._logs.get(key, {})

    def flag(self, *keys: Key) -> str:
        """Why no verdict rests on these cells, each with its name; empty where nothing flags them."""
        found = [f"{key[2]} {self._flags[key[:3]]}" for key in keys if key[:3] in self._flags]
        return "; ".join(dict.fromkeys(found))

    def frame(self, keys: Sequence[Key]) -> pd.DataFrame:
        """Return one row per key and round: ``place`` (of the key in the list), ``run_id``, ``round``, ``log``.

        Where blocks are known the rows have ``BY_BLOCK`` as well.
        """
        rows = [
            (place, self._runs.get(key), number, log, self._blocks.get(key, {}).get(number))
            for place, key in enumerate(keys)
            for number, log in self.logs(key).items()
        ]
        return pd.DataFrame(rows, columns=["place", "run_id", "round", "log", BY_BLOCK])

    def paired(self, numerator: Key, denominator: Key) -> list[float]:
        """Return the log ratio of each round that both have; none where two runs measured them."""
        if self._runs.get(numerator) != self._runs.get(denominator):
            return []
        above, below = self.logs(numerator), self.logs(denominator)
        logs = []
        for number in sorted(set(above) & set(below)):
            beside = self._within_blocks(numerator, denominator, number)
            logs.append(above[number] - below[number] if beside is None else beside)
        return logs

    def _within_blocks(self, numerator: Key, denominator: Key, number: int) -> float | None:
        """Return the mean log ratio of the blocks of a round that have both cells; None where none has."""
        above, below = (self._blocks.get(key, {}).get(number, {}) for key in (numerator, denominator))
        ratios = [above[block] - below[block] for block in set(above) & set(below)]
        return statistics.fmean(ratios) if ratios else None

    def log_ratio(self, numerator: Key, denominator: Key, *, bimodal: bool = False) -> LogRatio | None:
        """Return the log ratio of two cells, paired or not by where they stood; None where no round has both."""
        logs = self.paired(numerator, denominator)
        if not logs:
            return None
        common = set(self.logs(numerator)) & set(self.logs(denominator))
        known = [
            number for number in common if all(number in self._blocks.get(key, {}) for key in (numerator, denominator))
        ]
        beside = [number for number in known if self._within_blocks(numerator, denominator, number) is not None]
        if bimodal or 2 * len(beside) >= len(known):
            return LogRatio(logs, bimodal=bimodal)
        return LogRatio(logs, apart=(list(self.logs(numerator).values()), list(self.logs(denominator).values())))

    def ratio(
        self, numerator: Key, denominator: Key, confidence: float = CONFIDENCE, *, bimodal: bool = False
    ) -> Estimate | None:
        """Return how many times the denominator the numerator is, see ``log_ratio``; None where no round has both.

        ``bimodal``: whether one of the two cells is, so that the median and its order statistics are used.
        """
        found = self.log_ratio(numerator, denominator, bimodal=bimodal)
        if found is None:
            return None
        return replace(found.estimate(confidence), flag=self.flag(numerator, denominator))


def estimated(logs: Sequence[float], confidence: float = CONFIDENCE, *, bimodal: bool) -> Estimate:
    """Return the geometric mean with its t-interval, or the median with order statistics where a cell is bimodal.

    Args:
        logs: the rounds' logarithms, at least one. Order statistics enclose the median with 95% from six on.
        confidence: of the interval.
        bimodal: whether a cell has two modes, so that its rounds are far from Gaussian.
    """
    count = len(logs)
    if bimodal:
        ordered = sorted(logs)
        ranks = median_ranks(count, confidence)
        ends = None if ranks is None else (ordered[ranks[0]], ordered[ranks[1]])
        centre = statistics.median(ordered)
    else:
        centre, low, high = t_interval(logs, confidence)
        ends = None if count < MIN_ROUNDS else (low, high)
    if ends is None:
        return Estimate(math.exp(centre), None, None, count)
    return Estimate(math.exp(centre), math.exp(ends[0]), math.exp(ends[1]), count)
