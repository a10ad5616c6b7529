"""Read raw files as samples, conditions and canaries, in one pass that decodes each line once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from lab.runs.raw import finished_processes
from lab.tables import csv_files, schema
from lab.tables.conditions import ConditionBuilder, canary_rows
from lab.tables.samples import SampleBuilder, Samples, identity_rows, missing_reasons

if TYPE_CHECKING:
    from lab.runs.folder import RunFolder


@dataclass(frozen=True, kw_only=True)
class RunTables:
    """The rows of samples.csv, conditions.csv and canary.csv.

    ``unfinished`` is the number of attempts without an end, which stay in the raw files and have no rows. ``rounds`` is
    the number of rounds with a raw file.
    """

    samples: Samples
    conditions: pd.DataFrame
    canaries: pd.DataFrame
    unfinished: int
    rounds: int


def read_tables(folder: RunFolder) -> RunTables:
    """Read the rows of a run in the order of its raw files; planned cells without any attempt come last.

    Raises:
        BadFiles: the manifest or a raw file is damaged.
    """
    manifest = folder.manifest()
    cases = {(cell.case_key, cell.target): (cell.target, cell.scenario, cell.case) for cell in manifest.cells}
    samples, conditions = SampleBuilder(identity_rows(manifest)), ConditionBuilder(cases)
    canaries: list[dict[str, str | int]] = []
    unfinished, rounds = 0, set()
    for raw in folder.raw():
        rounds.add(raw.round)
        finished = []
        for cell, tries in raw.attempts.items():
            unfinished += sum(attempt.end is None for attempt in tries)
            if (cell, raw.target) in cases:
                finished += [((cell, raw.target), attempt) for attempt in finished_processes(tries)]
        samples.add_round(raw.round, finished)
        conditions.add_round(raw.round, finished)
        canaries += canary_rows(raw)
    samples.add_unmeasured(missing_reasons(manifest))
    modes = {target.id: target.cpu_mode for target in manifest.targets}
    load = conditions.frame(modes)
    return RunTables(
        samples=samples.build(),
        conditions=load,
        canaries=csv_files.conform(pd.DataFrame.from_records(canaries), schema.CANARIES),
        unfinished=unfinished,
        rounds=len(rounds),
    )
