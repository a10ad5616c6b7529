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
    tidied = tidy(folder)
    tables.write_repeated(tidied.identities, tidied.codes, tidied.own, folder.path / "samples.csv")
    samples, groups = tidied.frame(), tidied.groups()
    del tidied
    around = conditions(folder)
    tables.write(around, folder.path / "conditions.csv", schema.CONDITIONS)
    tables.write(canaries(folder), folder.path / "canary.csv", schema.CANARIES)
    summary = summarize(samples, around, groups)
    tables.write(summary, folder.path / "summary.csv", schema.SUMMARY)
    tables.write(scaling(summary), folder.path / "scaling.csv", schema.SCALING)
    tables.write(evaluate(summary, samples), folder.path / "claims.csv", schema.CLAIMS)
    return build(folder.path, samples)
