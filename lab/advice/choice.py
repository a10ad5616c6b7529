"""One choice between measured options: the cheapest where it is faster than every other, else "cannot tell".

The options of one run are interleaved, so each is held against the cheapest by the ratio of the two, paired by round
(``lab.stats.ratios``), as claims are: what drifts between rounds cancels, and the two do not contradict each other.
Where no round has both (a run without its samples) their own intervals have to stand apart. The cheapest is chosen on
the same rounds; a ratio to every other at 95 % suffices nevertheless (Gutmann and Maymin, Is the selected population
the best?, Annals of Statistics 15, 1987: the worst case is that of two; simulated in the tests).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from lab.stats.intervals import MIN_ROUNDS
from lab.stats.ratios import Estimate, Key, Rounds

if TYPE_CHECKING:
    from lab.report.data import Row

Verdict = Literal["answered", "cannot tell", "not measured"]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option with its time in nanoseconds and the 95 % interval of it, where there is one.

    ``doubt``: why its cell proves nothing. ``over_cheapest``: how many times as long as the cheapest it takes.
    """

    name: str
    estimate_ns: float
    ci_low_ns: float | None
    ci_high_ns: float | None
    rounds: int
    case: str
    key: Key
    bimodal: bool = False
    doubt: str = ""
    over_cheapest: Estimate | None = None

    @classmethod
    def of(cls, name: str, row: Row, doubts: Mapping[tuple[str, str, str], str]) -> Option:
        """An option out of a row of summary.csv; the row must be measured."""
        assert row.estimate is not None
        found = doubts.get((row.target, row.scenario, row.case))
        return cls(
            name=name,
            estimate_ns=row.estimate,
            ci_low_ns=row.ci_low,
            ci_high_ns=row.ci_high,
            rounds=row.rounds,
            case=f"{row.scenario}/{row.case}",
            key=row.key,
            bimodal=row.stable == "bimodal",
            doubt=f"{row.case} {found}" if found else "",
        )

    def is_dearer(self, cheapest: Option) -> bool:
        """Whether it takes longer than the cheapest, for certain."""
        if self.doubt or cheapest.doubt:
            return False
        if self.over_cheapest is not None:
            return self.over_cheapest.low is not None and self.over_cheapest.low > 1
        return self.ci_low_ns is not None and cheapest.ci_high_ns is not None and self.ci_low_ns > cheapest.ci_high_ns


@dataclass(frozen=True, kw_only=True)
class Lost:
    """An option that has no time at all: its cell failed, ran out of time, is not supported, or was skipped."""

    name: str
    status: str
    reason: str
    case: str

    @classmethod
    def of(cls, name: str, row: Row) -> Lost:
        """It out of a row of summary.csv without an estimate."""
        return cls(name=name, status=row.status, reason=row.reason, case=f"{row.scenario}/{row.case}")

    @property
    def words(self) -> str:
        """``posix_mq: unsupported: a message of 1048576 bytes is beyond the kernel's limit``."""
        return f"{self.name}: {self.status}: {self.reason or 'no reason was given'}"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What came of it: ``best`` only where it was answered; ``as_good`` are those that cannot be told from the best.

    ``lost`` are the options without a time, between which and the others nothing was decided.
    """

    verdict: Verdict
    best: str | None
    as_good: tuple[str, ...]
    options: tuple[Option, ...]
    reason: str
    lost: tuple[Lost, ...] = ()


def choose(options: Sequence[Option], rounds: Rounds, lost: Sequence[Lost] = ()) -> Choice:
    """The option with the least time; ``lost`` are those without one, which stand beside the choice."""
    return replace(_chosen(options, rounds, lost), lost=tuple(sorted(lost, key=lambda option: option.name)))


def _chosen(options: Sequence[Option], rounds: Rounds, lost: Sequence[Lost]) -> Choice:
    ordered = beside_cheapest(sorted(options, key=lambda option: (option.estimate_ns, option.name)), rounds)
    if not ordered:
        nothing = "no such cell has a time" if lost else "this run has no such cell"
        return Choice(verdict="not measured", best=None, as_good=(), options=(), reason=nothing)
    first, *others = ordered
    if not others:
        reason = f"{first.name} is the only one that was measured: there is nothing to compare it with"
        return Choice(verdict="cannot tell", best=None, as_good=(first.name,), options=ordered, reason=reason)
    near = tuple(option for option in others if not option.is_dearer(first))
    if near:
        names = tuple(option.name for option in (first, *near))
        return Choice(verdict="cannot tell", best=None, as_good=names, options=ordered, reason=_why(first, near))
    return Choice(verdict="answered", best=first.name, as_good=(), options=ordered, reason="")


def beside_cheapest(ordered: Sequence[Option], rounds: Rounds) -> tuple[Option, ...]:
    """The options with their ratio to the first of them."""
    return tuple(
        replace(
            option,
            over_cheapest=rounds.ratio(option.key, ordered[0].key, bimodal=option.bimodal or ordered[0].bimodal),
        )
        if place
        else option
        for place, option in enumerate(ordered)
    )


def _why(first: Option, near: Sequence[Option]) -> str:
    """What keeps the first from being the answer: cells in doubt, too few rounds, or intervals that leave it open."""
    names = ", ".join(option.name for option in near)
    words = f"{first.name} took the least by estimate, and what is not told apart from it: {names}"
    for option in (first, *near):
        if option.doubt:
            return f"{option.doubt}; {words}"
    few = min(option.over_cheapest.rounds if option.over_cheapest else option.rounds for option in near)
    if few < MIN_ROUNDS:
        return f"there are no intervals ({few} of {MIN_ROUNDS} rounds); run more rounds"
    return words
