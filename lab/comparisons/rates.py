"""How often the comparison errs on this machine, by its own selfcheck: what stands beside every comparison.

A run copies it into its manifest when it begins, so that what derives from the run is the same wherever and whenever
that is done: a selfcheck that is made later, or on another machine, changes no report that is there.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.comparisons.pairing import Pair, selfcheck
from lab.model import Manifest, Rates

UNKNOWN = (
    "Noise floor of this machine: not measured, nor how often a comparison here is a false alarm or misses a change; "
    "python -m lab selfcheck --part alarms measures both, for the runs that begin after it"
)


def of_pairs(found: Sequence[Pair]) -> Rates | None:
    """What the runs kept of their machine's selfcheck: NEW's before BASE's; of several machines the largest floor.

    None where a pair has none: then not all of what is compared has a known rate.
    """
    known = [selfcheck(pair.new, pair.new_target) or selfcheck(pair.base, pair.base_target) for pair in found]
    there = [rates for rates in known if rates is not None]
    return max(there, key=lambda rates: rates.floor) if there and len(there) == len(known) else None


def rates_line(manifest: Manifest) -> str:
    """What a run has kept of its machine's selfcheck, in words."""
    return manifest.selfcheck.words if manifest.selfcheck else UNKNOWN
