"""What is said about multiprocessing, one file a claim, each held against this run's numbers.

A verdict is that of its own interval, at 95 %, whatever else a run has measured: with a target more in the plan the
others stay as they are, and two runs of different plans can be held against each other. Of many such verdicts some are
wrong, so a q stands beside each: the smallest false discovery rate at which it stands among all that were tested in the
run (Benjamini and Hochberg, JRSS B 57, 1995), of one-sided p, for what can be wrong about a verdict is its side
(Benjamini and Yekutieli, JASA 100, 2005). A verdict whose q is above 5 % says so in its reason.
"""

from __future__ import annotations

import functools
import importlib
import math
import pkgutil
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.claims.claim import Claim
from lab.claims.evidence import Evidence
from lab.claims.judging import Judgement, judge
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.tests import FALSE_DISCOVERY_RATE, q_values
from lab.tables import csv_files, schema
from lab.text import plural

NOT_MEASURED = "not measured"
DECIDED = ("holds", "fails")


@functools.cache
def all_claims() -> tuple[Claim, ...]:
    """Every claim: one per file of each folder here, in the order of the folders' and the files' names."""
    groups = [group.name for group in pkgutil.iter_modules(__path__) if group.ispkg]
    return tuple(
        importlib.import_module(f"{__name__}.{group}.{module.name}").CLAIM
        for group in sorted(groups)
        for module in pkgutil.iter_modules([f"{folder}/{group}" for folder in __path__])
    )


def joined_scenarios() -> tuple[frozenset[str], ...]:
    """The scenarios that a claim divides by each other: shards keep them on one machine."""
    return tuple(frozenset(quantity.scenario for quantity in claim.quantities) for claim in all_claims())


def evaluate(
    summary: pd.DataFrame,
    samples: pd.DataFrame,
    disturbed: Disturbances = UNDISTURBED,
    *,
    machine_cpus: int | None = None,
    claims: Sequence[Claim] | None = None,
) -> pd.DataFrame:
    """claims.csv of a run: a row for each claim and target that measured it, one at least.

    A target whose plan asked for the numbers and that has none has a row too, with the reason.

    Args:
        summary: rows of summary.csv.
        samples: rows of samples.csv, all rounds.
        disturbed: cells that were disturbed; claims that rest on such a cell are undecided.
        machine_cpus: CPUs of the machine; a cpuset of all of them is no limit. Where it is not known, containers are
            taken for limited and native targets not.
        claims: the claims to judge; every claim where it is None.
    """
    claims = all_claims() if claims is None else claims
    evidence = Evidence(summary, samples, disturbed, claims, machine_cpus)
    rows = [_row(claim, found) for claim in claims for found in judgements(claim, evidence)]
    return csv_files.conform(among_all(pd.DataFrame(rows)), schema.CLAIMS)


def among_all(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with ``q_value``, from ``p_value``; a verdict that by it may be one of the wrong ones says so.

    What is undecided was tested and counts; it has no verdict of which a q could say how far it stands.
    """
    q_value = q_values(rows["p_value"].to_numpy(dtype=float))
    decided = rows["verdict"].isin(DECIDED)
    uncertain = decided & (q_value > FALSE_DISCOVERY_RATE)
    words = f"; by itself, and not certain among {plural(np.isfinite(q_value).sum(), 'verdict')}"
    reason = rows["reason"].mask(uncertain, rows["reason"] + words)
    return rows.assign(q_value=np.where(decided, q_value, np.nan), reason=reason)


def judgements(claim: Claim, evidence: Evidence) -> list[Judgement]:
    """What is said of a claim, target by target; one at least."""
    found = [judge(claim, target, evidence) for target in evidence.targets]
    told = [judgement for judgement in found if judgement.verdict != NOT_MEASURED or judgement.told]
    return told or [Judgement(target="", verdict="not measured", reason=_why_nowhere(found))]


def _why_nowhere(found: Sequence[Judgement]) -> str:
    """The reasons of all targets, each once; what a plan lacks before where a claim is not asked."""
    reasons = list(dict.fromkeys(judgement.reason for judgement in found))
    return "; ".join(sorted(reasons, key=lambda reason: reason.startswith("asked of"))) or "no target answered"


def _row(claim: Claim, found: Judgement) -> dict[str, object]:
    """One row of claims.csv; where no test decided, the threshold is that of the first."""
    test = found.test or claim.tests[0]
    row: dict[str, object] = {
        "target": found.target or None,
        "claim": claim.name,
        "source": claim.source,
        "verdict": found.verdict,
        "threshold": test.threshold,
        "unit": test.unit,
        "reason": found.reason,
        "p_value": found.p_value,
    }
    if found.bounds is None:
        return row
    ends = {"ci_low": found.bounds.low, "ci_high": found.bounds.high}
    return row | {"value": found.bounds.worst.value} | {name: x for name, x in ends.items() if math.isfinite(x)}
