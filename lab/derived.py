"""Every derived file of a run folder in its order; ``lab.derive`` is where others ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import schema, tables
from lab.claims import evaluate
from lab.comparisons.sides import Run
from lab.conditions import conditions
from lab.report.building import Report, build
from lab.report.comparison import write_run
from lab.report.machines import write_machines
from lab.second_process import have_imported, is_there
from lab.stats.conditions import disturbed_cells
from lab.stats.ipc_cost import ipc_cost
from lab.stats.ipc_crossings import ipc_crossings
from lab.stats.ipc_sizes import ipc_sizes
from lab.stats.messages import OPERATIONS
from lab.stats.pool_sizes import pool_sizes
from lab.stats.scaling import scaling
from lab.stats.speedup import speedup
from lab.stats.summary import summarize
from lab.store import RunFolder
from lab.tidy import Samples, tidy
from lab.written_beside import Begun, begin_write, begin_write_repeated

if TYPE_CHECKING:
    import pandas as pd

    from lab.rawpass import Read


def derive_all(folder: RunFolder, read: Read) -> Report:
    """Write all CSVs (of samples, conditions, estimates, laws, claims), the comparisons, the figures and the report.

    ``read`` is given up here as soon as its rows are in tables: whoever calls should not hold it.

    Raises:
        BadFiles: the manifest is damaged.
    """
    tidied, around = read.samples, read.around
    begun = begin_large(tidied, around, folder) if is_there() else write_large(tidied, around, folder)
    tables.write(read.canaries, folder.path / "canary.csv", schema.CANARIES)
    samples, groups = tidied.frame(), tidied.groups()
    del read, tidied
    summary = summarize(samples, around, groups)
    disturbed = disturbed_cells(around)
    del around, groups  # the largest next to the samples, and read no more
    tables.write(summary, folder.path / "summary.csv", schema.SUMMARY)
    speedups = speedup(samples, disturbed)
    tables.write(speedups, folder.path / "speedup.csv", schema.SPEEDUP)
    tables.write(scaling(samples, speedups, disturbed), folder.path / "scaling.csv", schema.SCALING)
    machine_cpus = (folder.manifest().get("host") or {}).get("cpus")
    claims = evaluate(summary, samples, disturbed, machine_cpus=machine_cpus)
    tables.write(claims, folder.path / "claims.csv", schema.CLAIMS)
    run = Run(path=folder.path, manifest=folder.manifest(), given=samples, given_disturbed=disturbed)
    write_run(run)
    write_machines(run)
    # No page and no figure is made of these: while they are made, the second process draws.
    report = build(folder.path, samples, disturbed, meanwhile=lambda: write_sizes(samples, disturbed, folder))
    for table in begun:  # nothing has read them
        table.finish()
    return report


def write_sizes(samples: pd.DataFrame, disturbed: pd.DataFrame, folder: RunFolder) -> None:
    """Write what is told of pools' sizes and of messages."""
    tables.write(pool_sizes(samples, disturbed), folder.path / "pool_sizes.csv", schema.POOL_SIZES)
    messages = samples[samples["scenario"].isin(OPERATIONS)]  # once for all three, which read no other rows
    tables.write(ipc_cost(messages), folder.path / "ipc_cost.csv", schema.IPC_COST)
    tables.write(ipc_sizes(messages, disturbed), folder.path / "ipc_sizes.csv", schema.IPC_SIZES)
    tables.write(ipc_crossings(messages, disturbed), folder.path / "ipc_crossings.csv", schema.IPC_CROSSINGS)


def write_large(samples: Samples, around: pd.DataFrame, folder: RunFolder) -> list[Begun]:
    """Write samples.csv and conditions.csv; nothing is left to be finished."""
    tables.write_repeated(samples.identities, samples.codes, samples.own, folder.path / "samples.csv")
    tables.write(around, folder.path / "conditions.csv", schema.CONDITIONS)
    return []


def begin_large(samples: Samples, around: pd.DataFrame, folder: RunFolder) -> list[Begun]:
    """Let the second process write them; the rows of conditions.csv first, for they are given up first."""

    def conditions_again() -> None:
        tables.write(conditions(folder), folder.path / "conditions.csv", schema.CONDITIONS)

    def samples_again() -> None:
        tables.write(tidy(folder), folder.path / "samples.csv", schema.SAMPLES)

    written = [
        begin_write(around, folder.path / "conditions.csv", schema.CONDITIONS, conditions_again),
        begin_write_repeated(
            samples.identities, samples.codes, samples.own, folder.path / "samples.csv", samples_again
        ),
    ]
    have_imported("lab.report.save")
    return written
