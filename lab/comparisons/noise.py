"""The last selfcheck of this machine: the noise floor and the error rates that comparisons show."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from lab.errors import BadFiles
from lab.model import Host, MachineId, Rates
from lab.model.results import RENAMED_RATES

FILE = "selfcheck.json"
KIND = "comparison-lab selfcheck"
VERSION = 1
DEFAULT_RUNS = Path("reports") / "runs"


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a selfcheck found, as it stands in its ``selfcheck.json``."""

    path: Path
    content: Mapping[str, Any]

    @property
    def decides(self) -> bool:
        """Whether it measured enough to decide anything: ``--quick`` does not."""
        return not self.content["quick"]

    def floor(self, placement: str | None = None) -> float | None:
        """The relative difference that 95% of the null comparisons of a placement stay below; 0.02 is 2%.

        Without a placement the largest of all; None where false alarms were not measured.
        """
        rows = [row for row in self.content.get("floor", []) if placement in (None, row["placement"])]
        return max((math.expm1(row["floor_log"]) for row in rows), default=None)

    def entry(self) -> Rates | None:
        """What a run's manifest and a comparison keep of it; None where false alarms were not measured."""
        floor, rates = self.floor(), self.rates() or {}
        if floor is None:
            return None
        changes = [row for row in rates.get("found_changes", []) if "verdict" in row]
        apart = [math.expm1(row["floor_log"]) for row in rates.get("apart_floor", [])]
        kept = {
            "floor": floor,
            "apart_floor": max(apart, default=None),
            "finished": str(self.content["finished"] or ""),
            "false_alarms": rates.get("false_alarms"),
            "found_changes": changes,
        }
        return msgspec.convert(kept, Rates)

    @property
    def machine(self) -> MachineId:
        """The machine that it was made on."""
        return msgspec.convert(self.content["host"], Host).machine

    def rates(self) -> Mapping[str, Any] | None:
        """False alarms and found changes, or None where they were not measured."""
        found: Mapping[str, Any] | None = self.content["parts"].get("alarms")
        return found


def read(path: Path) -> Record:
    """The record of a selfcheck's folder, or of the file itself.

    Raises:
        BadFiles: there is none, or another version of the lab wrote it.
    """
    file = path / FILE if path.is_dir() else path
    try:
        content = json.loads(text_of(file))
    except (OSError, ValueError) as error:
        raise BadFiles(f"{file} cannot be read ({error}); make one with: python -m lab selfcheck") from None
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise BadFiles(f"{file} is not a selfcheck of the lab; make one with: python -m lab selfcheck")
    if content.get("schema_version") != VERSION:
        raise BadFiles(f"{file} was written by another version of the lab; make a new one: python -m lab selfcheck")
    return Record(path=file, content=content)


def text_of(file: Path) -> str:
    """The text of a selfcheck.json, in which the words of older versions are replaced by the current ones."""
    text = file.read_text(encoding="utf-8").replace('"cannot tell"', '"inconclusive"')  # word-ok: of older versions
    for old, new in RENAMED_RATES.items():
        text = text.replace(f'"{old}":', f'"{new}":')
    return text


def last(machine: MachineId, runs: Path = DEFAULT_RUNS) -> Record | None:
    """The newest finished selfcheck of this machine below ``runs`` that measured its rates and decides."""
    found = []
    for file in sorted(runs.glob(f"*/{FILE}")):
        try:
            record = read(file)
        except BadFiles:
            continue  # one damaged folder does not hide the others
        if (
            record.decides
            and record.content["finished"]
            and record.floor() is not None
            and not record.machine.differing_fields(machine)
        ):
            found.append(record)
    return max(found, key=lambda record: str(record.content["finished"]), default=None)
