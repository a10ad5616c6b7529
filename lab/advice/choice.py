"""One choice between measured options: the best where it is confirmed, otherwise those that are as good.

Which option is best is decided by the rule of the CSVs (``lab.stats.best``), from the ratios of the options within
rounds. Where no round has both an option and the fastest (a run without its samples), their own intervals must not
overlap.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lab.stats.best import NEAR, OPEN, Standing, cell_standings
from lab.stats.intervals import MIN_ROUNDS
from lab.stats.rounds import Estimate, Key, Rounds

if TYPE_CHECKING:
    from lab.report.data import Row

Verdict = Literal["answered", "inconclusive", "not measured"]
Criterion = Literal["slower", "near best"]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option with its time in nanoseconds and the 95% interval of it, where there is one.

    ``flag``: why no verdict rests on its cell. ``over_fastest``: how many times as long as the fastest it takes.
    """

    name: str
    estimate_ns: float
    ci_low_ns: float | None
    ci_high_ns: float | None
    rounds: int
    case: str
    key: Key
    bimodal: bool = False
    flag: str = ""
    over_fastest: Estimate | None = None

    @classmethod
    def of(cls, name: str, row: Row, flags: Mapping[tuple[str, str, str], str]) -> Option:
        """Take it from a row of summary.csv, which must be measured."""
        assert row.estimate is not None
        found = flags.get((row.target, row.scenario, row.case))
        return cls(
            name=name,
            estimate_ns=row.estimate,
            ci_low_ns=row.ci_low,
            ci_high_ns=row.ci_high,
            rounds=row.rounds,
            case=f"{row.scenario}/{row.case}",
            key=row.key,
            bimodal=row.stable == "bimodal",
            flag=f"{row.case} {found}" if found else "",
        )


@dataclass(frozen=True, kw_only=True)
class Lost:
    """An option without any time: its cell failed, ran out of time, is not supported, or was skipped."""

    name: str
    status: str
    reason: str
    case: str

    @classmethod
    def of(cls, name: str, row: Row) -> Lost:
        """Take it from a row of summary.csv without an estimate."""
        return cls(name=name, status=row.status, reason=row.reason, case=f"{row.scenario}/{row.case}")

    @property
    def words(self) -> str:
        """``posix_mq: unsupported: a message of 1048576 bytes is beyond the kernel's limit``."""
        return f"{self.name}: {self.status}: {self.reason or 'no reason was given'}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The result: ``best`` only where it was answered; otherwise ``as_good`` are the fastest and those as good as it.

    ``options`` are in order, the fastest first. ``lost`` are the options without a time, which were not compared.
    """

    verdict: Verdict
    best: str | None
    as_good: tuple[str, ...]
    options: tuple[Option, ...]
    reason: str
    lost: tuple[Lost, ...] = ()


def choose(
    options: Sequence[Option],
    rounds: Rounds,
    lost: Sequence[Lost] = (),
    *,
    standings: Mapping[Key, Standing] | None = None,
    criterion: Criterion = "slower",
) -> Choice:
    """Choose the option with the least time.

    Args:
        options: those that have a time.
        rounds: the rounds of the run.
        lost: options without a time, which are listed beside the choice.
        standings: how the options stand; without it they are compared with each other alone.
        criterion: what an option must be for the choice to pass it over: slower than the fastest, or not within 5% of
            the best (``near_best``).
    """
    if standings is None:
        bimodal = {option.key for option in options if option.bimodal}
        standings = cell_standings(rounds, [option.key for option in options], bimodal=bimodal)
    chosen = _chosen(_in_order(options, rounds, standings), standings, criterion, has_lost=bool(lost))
    return replace(chosen, lost=tuple(sorted(lost, key=lambda option: option.name)))


def _in_order(options: Sequence[Option], rounds: Rounds, standings: Mapping[Key, Standing]) -> tuple[Option, ...]:
    """Return the options with the fastest first, each other one with its ratio to it."""
    if not options:
        return ()
    fastest = {key for key, standing in standings.items() if standing.fastest}
    first, *others = sorted(options, key=lambda option: (option.key not in fastest, option.estimate_ns, option.name))
    return first, *(
        replace(option, over_fastest=rounds.ratio(option.key, first.key, bimodal=option.bimodal or first.bimodal))
        for option in others
    )


def _chosen(
    ordered: tuple[Option, ...], standings: Mapping[Key, Standing], criterion: Criterion, *, has_lost: bool
) -> Choice:
    if not ordered:
        reason = "no such cell has a time" if has_lost else "this run has no such cell"
        return Choice(verdict="not measured", best=None, as_good=(), options=(), reason=reason)
    first, *others = ordered
    if not others:
        reason = f"{first.name} is the only one that was measured, so there is nothing to compare it with"
        return Choice(verdict=OPEN, best=None, as_good=(first.name,), options=ordered, reason=reason)
    near = tuple(option for option in others if not _is_passed_over(option, first, standings, criterion))
    if near:
        names = tuple(option.name for option in (first, *near))
        reason = _why(first, near, criterion)
        return Choice(verdict=OPEN, best=None, as_good=names, options=ordered, reason=reason)
    return Choice(verdict="answered", best=first.name, as_good=(), options=ordered, reason="")


def _is_passed_over(option: Option, first: Option, standings: Mapping[Key, Standing], criterion: Criterion) -> bool:
    """Whether the option is certainly not as good as the fastest."""
    if option.flag or first.flag:
        return False
    standing = standings.get(option.key)
    if standing is not None and standing.paired:
        return standing.slower if criterion == "slower" else standing.near_best is False
    return option.ci_low_ns is not None and first.ci_high_ns is not None and option.ci_low_ns > first.ci_high_ns


def _why(first: Option, near: Sequence[Option], criterion: Criterion) -> str:
    """What prevents an answer: flagged cells, too few rounds, or ratios that leave it open."""
    names = ", ".join(option.name for option in near)
    open_ones = "not distinguishable from it" if criterion == "slower" else f"perhaps within {NEAR - 1:.0%} of the best"
    words = f"{first.name} is the fastest (estimate); {open_ones}: {names}"
    for option in (first, *near):
        if option.flag:
            return f"{option.flag}; {words}"
    few = min(option.over_fastest.rounds if option.over_fastest else option.rounds for option in near)
    if few < MIN_ROUNDS:
        return f"{few} of {MIN_ROUNDS} rounds are too few for an interval; run more rounds"
    return words
