"""Raw files -> samples, conditions and canaries, in one pass that decodes each line once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from lab.runs.raw import last_finished
from lab.tables import csv_files, schema
from lab.tables.conditions import Conditions, canary_rows
from lab.tables.samples import Gathered, Samples, identity_rows, missing_reasons

if TYPE_CHECKING:
    from lab.runs.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class Read:
    """The rows of samples.csv, conditions.csv and canary.csv.

    ``unfinished`` attempts at cells were begun and never ended; they stay in raw and do not enter samples.csv.
    """

    samples: Samples
    conditions: pd.DataFrame
    canaries: pd.DataFrame
    unfinished: int
    rounds: int


def read_once(folder: RunFolder) -> Read:
    """The rows of a run, in the order of the raw files; planned cells that no round has come to stand last.

    Raises:
        BadFiles: the manifest or a raw file is damaged.
    """
    manifest = folder.manifest()
    cases = {(cell.case_key, cell.target): (cell.target, cell.scenario, cell.case) for cell in manifest.cells}
    samples, conditions = Gathered(identity_rows(manifest)), Conditions(cases)
    canaries: list[dict[str, str | int]] = []
    unfinished, rounds = 0, set()
    for raw in folder.raw():
        rounds.add(raw.round)
        finished = []
        for cell, tries in raw.attempts.items():
            unfinished += sum(attempt.end is None for attempt in tries)
            counts = last_finished(tries)
            if counts is not None and (cell, raw.target) in cases:
                finished.append(((cell, raw.target), counts))
        samples.take(raw.round, finished)
        conditions.take(raw.round, finished)
        canaries += canary_rows(raw)
    samples.take_unmeasured(missing_reasons(manifest))
    modes = {target.id: target.cpu_mode for target in manifest.targets}
    around = conditions.frame(modes)
    return Read(
        samples=samples.joined(),
        conditions=around,
        canaries=csv_files.conform(pd.DataFrame.from_records(canaries), schema.CANARIES),
        unfinished=unfinished,
        rounds=len(rounds),
    )
