"""Everything that a run folder holds beside ``raw/`` and the manifest, made of them in order."""

from __future__ import annotations

from lab import schema, tables
from lab.claims import evaluate
from lab.comparisons.sides import Run
from lab.conditions import canaries, conditions
from lab.report import Report, build
from lab.report.comparison import write_run
from lab.stats.scaling import scaling
from lab.stats.summary import summarize
from lab.store import RunFolder
from lab.tidy import tidy


def derive(folder: RunFolder) -> Report:
    """Write all CSVs (of samples, conditions, estimates, laws, claims), the comparisons, the figures and the report.

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
    tables.write(evaluate(summary, samples), folder.path / "claims.csv", schema.CLAIMS)
    write_run(Run(path=folder.path, manifest=folder.manifest(), given=samples))
    return build(folder.path)
