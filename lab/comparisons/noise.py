"""How often comparisons err on this machine, by its last selfcheck: the noise floor and the rates that they show.

A run copies them into its manifest when it begins, so that what derives from the run is the same wherever and whenever
that is done: a selfcheck that is made later, or on another machine, changes no report that is there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec

from lab.comparisons.pairing import Pair, selfcheck
from lab.errors import BadFiles
from lab.model import Host, MachineId, Manifest, Rates
from lab.model.results import RENAMED_RATES, FalseAlarms, FoundChange

FILE = "selfcheck.json"
KIND = "comparison-lab selfcheck"
VERSION = 1
LARGEST_LOG = 100.0  # of a ratio; its exponential is still a float
DEFAULT_RUNS = Path("reports") / "runs"
MAKE_ONE = "make one with: python -m lab selfcheck"
UNKNOWN = (
    "Noise floor of this machine: not measured, nor how often a comparison here is a false alarm or misses a change; "
    "python -m lab selfcheck --part alarms measures both, for the runs that begin after it"
)


class Floor(msgspec.Struct, frozen=True):
    """The logarithm of the ratio that 95% of the null comparisons of a placement stay below."""

    floor_log: Annotated[float, msgspec.Meta(ge=-LARGEST_LOG, le=LARGEST_LOG)]


class Alarms(msgspec.Struct, frozen=True):
    """What is read of the part about false alarms and missed changes."""

    false_alarms: FalseAlarms | None = None
    found_changes: tuple[FoundChange, ...] = ()
    apart_floor: tuple[Floor, ...] = ()


class Parts(msgspec.Struct, frozen=True):
    """The parts that are read; the others are ignored."""

    alarms: Alarms | None = None


class Record(msgspec.Struct, frozen=True):
    """What is read of ``selfcheck.json``."""

    kind: str
    schema_version: int
    quick: bool
    host: Host
    finished: str | None = None
    floor: tuple[Floor, ...] = ()
    parts: Parts = Parts()

    @property
    def rates(self) -> Rates | None:
        """What a run's manifest and a comparison keep of it; None where false alarms were not measured."""
        if not self.floor:
            return None
        alarms = self.parts.alarms or Alarms()
        return Rates(
            floor=_largest(self.floor),
            apart_floor=_largest(alarms.apart_floor) if alarms.apart_floor else None,
            finished=self.finished or "",
            false_alarms=alarms.false_alarms,
            found_changes=tuple(row for row in alarms.found_changes if row.verdict),
        )


def _largest(floors: Sequence[Floor]) -> float:
    """The largest floor of all placements as a relative difference; 0.02 is 2%."""
    return max(math.expm1(floor.floor_log) for floor in floors)


def read(path: Path) -> Record:
    """The record of a selfcheck's folder, or of the file itself.

    Raises:
        BadFiles: there is none, or another version of the lab wrote it.
    """
    file = path / FILE if path.is_dir() else path
    try:
        found = msgspec.json.decode(text_of(file), type=Record)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise BadFiles(f"{file} cannot be read ({why}); {MAKE_ONE}") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadFiles(f"{file} is not a selfcheck of the lab ({error}); {MAKE_ONE}") from None
    if found.kind != KIND or found.schema_version != VERSION:
        raise BadFiles(f"{file} is not a selfcheck, or is one of another version of the lab; {MAKE_ONE}")
    return found


def text_of(file: Path) -> str:
    """The text of a selfcheck.json, in which the words of older versions are replaced by the current ones."""
    text = file.read_text(encoding="utf-8").replace('"cannot tell"', '"inconclusive"')  # word-ok: of older versions
    for old, new in RENAMED_RATES.items():
        text = text.replace(f'"{old}":', f'"{new}":')
    return text


def last(machine: MachineId, runs: Path = DEFAULT_RUNS) -> Rates | None:
    """The rates of the newest finished selfcheck of this machine below ``runs`` that measured them, not ``--quick``."""
    found = []
    for file in sorted(runs.glob(f"*/{FILE}")):
        try:
            record = read(file)
        except BadFiles:
            continue  # one damaged folder does not hide the others
        is_here = not record.host.machine.differing_fields(machine)
        if record.rates and record.finished and is_here and not record.quick:
            found.append(record.rates)
    return max(found, key=lambda rates: rates.finished, default=None)


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
