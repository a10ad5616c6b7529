"""Results that a manifest keeps: the findings of a run, and the error rates of comparisons on its machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType

# Keys of false alarms in selfchecks and manifests of version 1 -> the keys since then.
RENAMED_RATES = {"beside_one": "intervals_without_1", "cannot_tell": "inconclusive"}

FindingKind = Literal["speed-up", "mechanism", "start method", "executor", "crossing", "best workers", "claim"]


class Span(NamedTuple):
    """A quantity with its 95% interval; the limits are None after too few rounds or where a cell is flagged."""

    value: float
    low: float | None
    high: float | None


class Finding(Struct, frozen=True, kw_only=True):
    """One finding of a run.

    Attributes:
        kind: what is found.
        target: the target's id.
        subject: the name of the finding within its kind and target.
        span: the quantity, of ratios and claims.
        word: a claim's verdict, or the fastest worker count of ``best workers``.
        points: the ratios of a curve. Of a crossing: payload size -> ratio to the pipe. Of ``best workers``: worker
            count -> ratio to the fastest count.
        near: of ``best workers``, the counts that may be within 5% of the best (``lab.stats.best``); unset in older
            runs.
    """

    kind: FindingKind
    target: str
    subject: str
    span: Span | None = None
    word: str = ""
    points: Mapping[str, Span] = {}
    near: tuple[str, ...] | UnsetType = UNSET

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, target and subject, by which findings of two runs are matched."""
        return self.kind, self.target, self.subject


class FalseAlarms(Struct, frozen=True, kw_only=True):
    """False alarms of a selfcheck: null comparisons with the verdict slower or faster.

    Attributes:
        comparisons: the number of null comparisons.
        false_alarms: how many of them had the verdict slower or faster.
        upper_limit: the upper 95% limit of the rate.
        rate: ``false_alarms / comparisons``.
        goal: the highest acceptable ``upper_limit``.
        threshold: the smallest relative difference that a verdict requires.
        intervals_without_1: comparisons whose interval alone excludes the ratio 1.
        inconclusive: comparisons without a verdict.
        verdict: whether the goal was reached.
        reason: why the verdict is missing.
    """

    comparisons: int
    false_alarms: int
    upper_limit: float
    rate: float | None = None
    goal: float | None = None
    threshold: float | None = None
    intervals_without_1: int | None = None
    inconclusive: int | None = None
    verdict: str | None = None
    reason: str | None = None


class FoundChange(Struct, frozen=True, kw_only=True):
    """How many cells a selfcheck found slower after all cells had been slowed by ``slowed_percent`` on purpose.

    ``called_slower`` counts the verdicts among all ``cells``. ``found`` counts intervals wholly above 1 among the
    ``precise_cells``, whose interval is narrow enough to show that difference; ``found_of_all`` among all cells.
    """

    slowed_percent: float
    found: int
    precise_cells: int
    cells: int | None = None
    rate: float | None = None
    lower_limit: float | None = None
    found_of_all: int | None = None
    called_slower: int | None = None
    called_faster: int | None = None
    goal: float | None = None
    verdict: str | None = None


class Rates(Struct, frozen=True, kw_only=True):
    """The noise floor of a machine (0.02 is 2%), with the false alarms and found changes of its selfcheck.

    ``floor`` is that of interleaved measurements, ``apart_floor`` that of two sessions, one after the other.
    """

    floor: float
    apart_floor: float | None = None
    finished: str = ""
    false_alarms: FalseAlarms | None = None
    found_changes: tuple[FoundChange, ...] = ()

    def applicable_floor(self, *, interleaved: bool) -> float:
        """The floor for a comparison; that of two sessions is at least as high as the interleaved one."""
        return self.floor if interleaved else max(self.floor, self.apart_floor or 0.0)

    @property
    def words(self) -> str:
        """The rates in words, without a full stop at the end."""
        apart = "" if self.apart_floor is None else f", of sessions apart {self.apart_floor:.1%}"
        parts = [f"noise floor of this machine: {self.floor:.1%}{apart}"]
        if self.false_alarms:
            found = self.false_alarms
            limit = f"upper 95% limit {found.upper_limit:.1%}"
            parts.append(f"false alarms {found.false_alarms} of {found.comparisons} null comparisons ({limit})")
        for row in self.found_changes:
            of_them = f"{row.found} of the {row.precise_cells} cells that are precise enough"
            if row.called_slower is not None and row.cells is not None:
                of_them = f"{row.called_slower} of {row.cells} cells"
            parts.append(f"a slowdown of {row.slowed_percent:g}% found in {of_them}")
        day = f" (selfcheck of {self.finished[:10]})" if self.finished else ""
        return "; ".join(parts) + day
