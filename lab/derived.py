"""Every derived file of a run folder in its order; ``lab.derive`` is where others ask for them."""

from __future__ import annotations

from lab import schema, tables
from lab.claims import evaluate
from lab.comparisons.sides import Run
from lab.rawpass import read_once
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


def derive_all(folder: RunFolder) -> Report:
    """Write all CSVs (of samples, conditions, estimates, laws, claims), the comparisons, the figures and the report.

    Raises:
        BadFiles: the folder's raw files or manifest are damaged.
    """
    read = read_once(folder)
    if is_there():
        have_imported("lab.report.save")
    tidied, around = read.samples, read.around
    tables.write_repeated(tidied.identities, tidied.codes, tidied.own, folder.path / "samples.csv")
    tables.write(around, folder.path / "conditions.csv", schema.CONDITIONS)
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
    tables.write(pool_sizes(samples, disturbed), folder.path / "pool_sizes.csv", schema.POOL_SIZES)
    messages = samples[samples["scenario"].isin(OPERATIONS)]  # once for all three, which read no other rows
    tables.write(ipc_cost(messages), folder.path / "ipc_cost.csv", schema.IPC_COST)
    tables.write(ipc_sizes(messages, disturbed), folder.path / "ipc_sizes.csv", schema.IPC_SIZES)
    tables.write(ipc_crossings(messages, disturbed), folder.path / "ipc_crossings.csv", schema.IPC_CROSSINGS)
    del messages
    machine_cpus = (folder.manifest().get("host") or {}).get("cpus")
    claims = evaluate(summary, samples, disturbed, machine_cpus=machine_cpus)
    tables.write(claims, folder.path / "claims.csv", schema.CLAIMS)
    run = Run(path=folder.path, manifest=folder.manifest(), given=samples, given_disturbed=disturbed)
    write_run(run)
    write_machines(run)
    return build(folder.path, samples, disturbed)
