"""How often the comparison errs on this machine, by its own selfcheck: what stands beside every comparison.

A run copies it into its manifest when it begins, so that what derives from the run is the same wherever and whenever
that is done: a selfcheck that is made later, or on another machine, changes no report that is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.comparisons.pairing import Pair, selfcheck

UNKNOWN = (
    "A/A floor of this machine: not measured; how often a comparison here is a false alarm or misses a change is not "
    "known: python -m lab selfcheck --part alarms finds it, for the runs that begin after it"
)


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The A/A floor (0.02 is 2 %) and, where a selfcheck measured them, its false alarms and found changes.

    ``apart_floor`` is that of two passes after each other, for what was not interleaved.
    """

    floor: float
    apart_floor: float | None = None
    finished: str = ""
    false_alarms: Mapping[str, Any] | None = None
    found_changes: Sequence[Mapping[str, Any]] = ()

    @classmethod
    def of(cls, entry: Mapping[str, Any] | None) -> Rates | None:
        """From what a manifest keeps of a selfcheck (``lab.comparisons.noise.Record.entry``), if it does."""
        return cls(**{name: entry[name] for name in cls.__dataclass_fields__ if name in entry}) if entry else None

    def floor_of(self, *, interleaved: bool) -> float:
        """The floor of a comparison; two sessions differ at least as much as two halves of one."""
        return self.floor if interleaved else max(self.floor, self.apart_floor or 0.0)

    @property
    def words(self) -> str:
        """All of it in one sentence without its end."""
        apart = "" if self.apart_floor is None else f", of sessions apart {self.apart_floor:.1%}"
        parts = [f"A/A floor of this machine: {self.floor:.1%}{apart}"]
        if self.false_alarms:
            told = self.false_alarms
            limit = f"upper 95 % limit {told['upper_limit']:.1%}"
            parts.append(f"false alarms {told['false_alarms']} of {told['comparisons']} null comparisons ({limit})")
        for row in self.found_changes:
            of_them = f"{row['found']} of the {row['precise_cells']} cells that are precise enough"
            parts.append(f"slowed by {row['slowed_percent']:g} % found in {of_them}")
        day = f" (selfcheck of {self.finished[:10]})" if self.finished else ""
        return "; ".join(parts) + day


def of_pairs(found: Sequence[Pair]) -> Rates | None:
    """What the runs kept of their machine's selfcheck: NEW's before BASE's; of several machines the largest floor.

    None where a pair has none: then not all of what is compared has a known rate.
    """
    known = [Rates.of(selfcheck(pair.new, pair.new_target) or selfcheck(pair.base, pair.base_target)) for pair in found]
    there = [rates for rates in known if rates is not None]
    return max(there, key=lambda rates: rates.floor) if there and len(there) == len(known) else None


def rates_line(manifest: Mapping[str, Any]) -> str:
    """What a run has kept of its machine's selfcheck, in words."""
    rates = Rates.of(manifest.get("selfcheck"))
    return rates.words if rates else UNKNOWN
