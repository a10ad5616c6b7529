"""What a manifest keeps of results: its findings, and how often comparisons err on the machine of the run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from msgspec import UNSET, Struct, UnsetType

FindingKind = Literal["speed-up", "mechanism", "start method", "executor", "crossing", "best workers", "claim"]


class Span(NamedTuple):
    """A quantity and its 95% interval, None where there were too few rounds, or a cell is flagged."""

    value: float
    low: float | None
    high: float | None


class Finding(Struct, frozen=True, kw_only=True):
    """One finding. ``subject`` names it within its kind and target.

    ``span`` is a ratio's or a claim's quantity; ``word`` a claim's verdict. ``points`` are the ratios of a curve: to
    the pipe by payload size (a crossing), or to the fastest worker count, which is ``word``, by worker count; then
    ``near`` are the counts that may be within 5% of the best (``lab.stats.best``; unset in older runs).
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
        """What it is compared by."""
        return self.kind, self.target, self.subject


class FalseAlarms(Struct, frozen=True, kw_only=True):
    """How many of a selfcheck's null comparisons were called slower or faster, with the 95% upper limit of the rate."""

    comparisons: int
    false_alarms: int
    upper_limit: float
    rate: float | None = None
    goal: float | None = None
    threshold: float | None = None
    beside_one: int | None = None
    cannot_tell: int | None = None
    verdict: str | None = None
    reason: str | None = None


class FoundChange(Struct, frozen=True, kw_only=True):
    """How many of the cells that are precise enough a selfcheck found slower when all were slowed by so much."""

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
    """A machine's noise floor (0.02 is 2%) and, where a selfcheck measured them, its false alarms and found changes.

    ``apart_floor`` is that of two passes after each other, for what was not interleaved.
    """

    floor: float
    apart_floor: float | None = None
    finished: str = ""
    false_alarms: FalseAlarms | None = None
    found_changes: tuple[FoundChange, ...] = ()

    def floor_of(self, *, interleaved: bool) -> float:
        """The floor of a comparison; two sessions differ at least as much as two halves of one."""
        return self.floor if interleaved else max(self.floor, self.apart_floor or 0.0)

    @property
    def words(self) -> str:
        """All of it in one sentence without its end."""
        apart = "" if self.apart_floor is None else f", of sessions apart {self.apart_floor:.1%}"
        parts = [f"A/A floor of this machine: {self.floor:.1%}{apart}"]
        if self.false_alarms:
            found = self.false_alarms
            limit = f"upper 95 % limit {found.upper_limit:.1%}"
            parts.append(f"false alarms {found.false_alarms} of {found.comparisons} null comparisons ({limit})")
        for row in self.found_changes:
            of_them = f"{row.found} of the {row.precise_cells} cells that are precise enough"
            parts.append(f"slowed by {row.slowed_percent:g} % found in {of_them}")
        day = f" (selfcheck of {self.finished[:10]})" if self.finished else ""
        return "; ".join(parts) + day
