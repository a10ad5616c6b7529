"""The run folder of a tune: raw lines of every block, a manifest of what was measured, samples.csv and summary.csv."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from msgspec.structs import replace

from lab.agent.protocol import ProtocolError
from lab.model import Cell, CellRecord, Target
from lab.runs import raw
from lab.runs.folder import RunFolder
from lab.runs.manifest import host, new_manifest
from lab.runs.raw import FactsLine
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from lab.tables.read import read_tables
from lab.tune.choices import Choice
from lab.tune.words import case

PROFILE = "tune"


def begin(folder: RunFolder, targets: Sequence[Target], seed: int, command: str) -> None:
    """Write a manifest without cells: which are measured is known at the end."""
    now = dt.datetime.now(dt.UTC)
    run_id = f"{now:%Y%m%d-%H%M%S}-{PROFILE}-{random.randrange(16**6):06x}"  # noqa: S311 - a label
    folder.write_manifest(
        new_manifest(run_id, now, host=host(), targets=targets, cells=(), profile=PROFILE, seed=seed, command=command)
    )


def keep(folder: RunFolder, target: str, text: str, block: int) -> None:
    """Append a line of the agent to the raw file of its block; what is none of the lab's is left out."""
    written = text.encode()
    try:
        line = raw.decode_stream_line(written)
    except ProtocolError:
        return
    folder.append(target, block, written, line)


def finish(folder: RunFolder, label: str, measured: Mapping[str, Iterable[Choice]]) -> None:
    """Complete the manifest with cells and facts, and write samples.csv and summary.csv.

    Args:
        folder: of the tune.
        label: the scenario, ``own.NAME``.
        measured: target -> the choices in its readings.
    """
    cells = [cell(target, label, choice) for target, choices in measured.items() for choice in sorted(set(choices))]
    facts = {file.target: line.facts for file in folder.raw() for line in file.blocks if isinstance(line, FactsLine)}
    records = tuple(CellRecord.from_cell(each) for each in cells)
    folder.write_manifest(replace(folder.manifest(), cells=records).with_facts(facts))
    read = read_tables(folder)
    read.samples.write(folder.path / "samples.csv")
    csv_files.write(read.conditions, folder.path / "conditions.csv", schema.CONDITIONS)
    summary = summarize(read.samples.frame(), read.conditions, read.samples.groups())
    csv_files.write(summary, folder.path / "summary.csv", schema.SUMMARY)


def cell(target: str, label: str, choice: Choice) -> Cell:
    """The cell of a choice; defaults are left out."""
    values = {name: value for name, value in asdict(choice).items() if value}
    return Cell(target=target, scenario=label, case=case(choice), values=values, deadline_s=0, estimate_s=0)
