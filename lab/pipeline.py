"""Derive all files of a run folder from its raw lines, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.claims import evaluate
from lab.comparisons.sides import Run
from lab.report.building import Report, build
from lab.report.pages.comparison import write_run
from lab.report.pages.machines import write_machines
from lab.runs.folder import RunFolder
from lab.stats.quality.disturbances import Disturbances, disturbed_cells
from lab.stats.tables.ipc_cost import ipc_cost
from lab.stats.tables.ipc_crossings import ipc_crossings
from lab.stats.tables.ipc_sizes import size_standings
from lab.stats.tables.messages import OPERATIONS
from lab.stats.tables.pool_sizes import pool_sizes
from lab.stats.tables.scaling import scaling
from lab.stats.tables.speedup import speedup
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from lab.tables.read import RunTables, read_tables

if TYPE_CHECKING:
    import pandas as pd


def derive_all(folder: RunFolder, read: RunTables) -> Report:
    """Write all CSVs, the comparisons, the figures and the report.

    The memory of ``read`` is freed here as soon as its rows are in tables, unless the caller holds a reference.

    Raises:
        BadFiles: the manifest is damaged.
    """
    tidied, conditions = read.samples, read.conditions
    tidied.write(folder.path / "samples.csv")
    csv_files.write(conditions, folder.path / "conditions.csv", schema.CONDITIONS)
    csv_files.write(read.canaries, folder.path / "canary.csv", schema.CANARIES)
    samples, groups = tidied.frame(), tidied.groups()
    del read, tidied
    summary = summarize(samples, conditions, groups)
    disturbed = disturbed_cells(conditions)
    del conditions, groups  # the largest objects after the samples, and not needed any more
    csv_files.write(summary, folder.path / "summary.csv", schema.SUMMARY)
    speedups = speedup(samples, disturbed)
    csv_files.write(speedups, folder.path / "speedup.csv", schema.SPEEDUP)
    csv_files.write(scaling(samples, speedups, disturbed), folder.path / "scaling.csv", schema.SCALING)
    machine_cpus = folder.manifest().host.cpus
    claims = evaluate(summary, samples, disturbed, machine_cpus=machine_cpus)
    csv_files.write(claims, folder.path / "claims.csv", schema.CLAIMS)
    run = Run.from_folder(folder, samples, disturbed)
    write_run(run)
    write_machines(run)
    sizes = write_size_tables(samples, disturbed, folder)
    return build(folder, samples, disturbed, sizes)


def write_size_tables(samples: pd.DataFrame, disturbed: Disturbances, folder: RunFolder) -> pd.DataFrame:
    """Write the CSVs about pool sizes and message sizes, and return the table of ``size_standings``."""
    csv_files.write(pool_sizes(samples, disturbed), folder.path / "pool_sizes.csv", schema.POOL_SIZES)
    messages = samples[samples["scenario"].isin(OPERATIONS)]  # selected once for all three tables
    csv_files.write(ipc_cost(messages), folder.path / "ipc_cost.csv", schema.IPC_COST)
    sizes = size_standings(messages, disturbed)
    csv_files.write(sizes, folder.path / "ipc_sizes.csv", schema.IPC_SIZES)
    csv_files.write(ipc_crossings(messages, disturbed), folder.path / "ipc_crossings.csv", schema.IPC_CROSSINGS)
    return sizes


def derive(folder: RunFolder) -> Report:
    """Read the raw files, then write all CSVs, the comparisons, the figures and the report.

    Raises:
        BadFiles: the folder's raw files or manifest are damaged.
    """
    read = [read_tables(folder)]
    return derive_all(folder, read.pop())  # without a name here, so that it is freed as soon as it is used
