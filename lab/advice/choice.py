"""One choice between measured options: the cheapest where its interval stands apart, else "cannot tell"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from lab.stats.summary import MIN_ROUNDS

if TYPE_CHECKING:
    from lab.report.data import Row

Verdict = Literal["answered", "cannot tell", "not measured"]


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option with its time in nanoseconds and the 95 % interval of it, where there is one."""

    name: str
    estimate_ns: float
    ci_low_ns: float | None
    ci_high_ns: float | None
    rounds: int
    case: str

    @classmethod
    def of(cls, name: str, row: Row) -> Option:
        """An option out of a row of summary.csv; the row must be measured."""
        assert row.estimate is not None
        return cls(
            name=name,
            estimate_ns=row.estimate,
            ci_low_ns=row.ci_low,
            ci_high_ns=row.ci_high,
            rounds=row.rounds,
            case=f"{row.scenario}/{row.case}",
        )

    def overlaps(self, other: Option) -> bool:
        """Whether the two cannot be told apart; without an interval nothing can."""
        if None in (self.ci_low_ns, self.ci_high_ns, other.ci_low_ns, other.ci_high_ns):
            return True
        assert self.ci_high_ns is not None
        assert other.ci_low_ns is not None
        assert self.ci_low_ns is not None
        assert other.ci_high_ns is not None
        return self.ci_low_ns <= other.ci_high_ns and other.ci_low_ns <= self.ci_high_ns


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What came of it: ``best`` only where it was answered; ``as_good`` are those that cannot be told from the best."""

    verdict: Verdict
    best: str | None
    as_good: tuple[str, ...]
    options: tuple[Option, ...]
    reason: str


def choose(options: Sequence[Option], nothing: str = "this run has no such cell") -> Choice:
    """The option with the least time; ``nothing`` is the reason where there are none."""
    ordered = tuple(sorted(options, key=lambda option: (option.estimate_ns, option.name)))
    if not ordered:
        return Choice(verdict="not measured", best=None, as_good=(), options=(), reason=nothing)
    first, *others = ordered
    if not others:
        reason = f"{first.name} is the only one that was measured: there is nothing to compare it with"
        return Choice(verdict="cannot tell", best=None, as_good=(first.name,), options=ordered, reason=reason)
    equal = tuple(option.name for option in others if first.overlaps(option))
    if equal:
        names = (first.name, *equal)
        return Choice(verdict="cannot tell", best=None, as_good=names, options=ordered, reason=_why(ordered, names))
    return Choice(verdict="answered", best=first.name, as_good=(), options=ordered, reason="")


def _why(ordered: Sequence[Option], names: Sequence[str]) -> str:
    bare = [option for option in ordered if option.ci_low_ns is None]
    if bare:
        return f"there are no intervals ({bare[0].rounds} of {MIN_ROUNDS} rounds); run more rounds"
    return f"cannot tell; these are as good: {', '.join(names)}"
