"""Everything that a run folder holds beside ``raw/`` and the manifest, made of them in order."""

from __future__ import annotations

from lab import schema, tables
from lab.claims import evaluate
from lab.conditions import canaries, conditions
from lab.report import Report, build
from lab.stats.scaling import scaling
from lab.stats.summary import summarize
from lab.store import RunFolder
from lab.tidy import tidy


def derive(folder: RunFolder) -> Report:
    """Write samples.csv, conditions.csv, canary.csv, summary.csv, scaling.csv, claims.csv, the figures and the report.

    Raises:
        BadFiles: the folder's raw files or manifest are damaged.
    """
    samples = tidy(folder)
    tables.write(samples, folder.path / "samples.csv", schema.SAMPLES)
    around = conditions(folder)
    tables.write(around, folder.path / "conditions.csv", schema.CONDITIONS)
    tables.write(canaries(folder), folder.path / "canary.csv", schema.CANARIES)
    summary = summarize(samples, around)
    tables.write(summary, folder.path / "summary.csv", schema.SUMMARY)
    tables.write(scaling(summary), folder.path / "scaling.csv", schema.SCALING)
    machine_cpus = (folder.manifest().get("host") or {}).get("cpus")
    tables.write(evaluate(summary, samples, machine_cpus=machine_cpus), folder.path / "claims.csv", schema.CLAIMS)
    return build(folder.path)
