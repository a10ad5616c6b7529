"""What tutorials and documentation claim about multiprocessing, one file per claim, judged by the numbers of a run.

A verdict follows from its own 95% interval, whatever else the run measured. So another target in the plan changes no
existing verdict, and verdicts of runs with different plans can be compared. Of many verdicts some are wrong by chance.
Therefore each has a q-value: the smallest false discovery rate at which it is significant among all verdicts of the run
(Benjamini and Hochberg, JRSS B 57, 1995). It is computed from one-sided p-values, because what can be wrong about a
verdict is its side (Benjamini and Yekutieli, JASA 100, 2005). Where q exceeds 5%, the verdict's reason says so.
"""

from __future__ import annotations

import functools
import importlib
import math
import pkgutil
from collections.abc import Sequence

import numpy as np
import pandas as pd

from lab.claims.claim import Claim, Quantity, Ratio
from lab.claims.evidence import WHOLE, Cell, Evidence, in_plan, select
from lab.claims.judging import Judgement, judge
from lab.claims.parts import comparable
from lab.model import Cell as PlannedCell
from lab.model import Target
from lab.planning.contrasts import Claimed
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.tests import FALSE_DISCOVERY_RATE, q_values
from lab.tables import csv_files, schema
from lab.text import plural

NOT_MEASURED = "not measured"
DECIDED = ("holds", "fails")


@functools.cache
def all_claims() -> tuple[Claim, ...]:
    """Load every claim: one per file in each folder of this package, ordered by folder name and file name."""
    groups = [group.name for group in pkgutil.iter_modules(__path__) if group.ispkg]
    return tuple(
        importlib.import_module(f"{__name__}.{group}.{module.name}").CLAIM
        for group in sorted(groups)
        for module in pkgutil.iter_modules([f"{folder}/{group}" for folder in __path__])
    )


def claimed_cells(cells: Sequence[PlannedCell], targets: Sequence[Target]) -> list[Claimed]:
    """What each test of each claim needs of a plan, target by target."""
    planned: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        planned.setdefault((cell.target, cell.scenario), []).append(in_plan(cell))
    ids = {(cell.target, cell.case_key): cell.id for cell in cells}

    def selected(quantity: Quantity, target: Target) -> list[Cell]:
        whole = int(target.limit.cpus) if target.limit.mode in WHOLE and target.limit.cpus >= 1 else None
        mine = planned.get((target.id, quantity.scenario), [])
        # Where a case is one of several operations, the claim needs that of the same name.
        named = [cell for cell in mine if cell.axes.get("operation") == quantity.operation]
        return select(quantity, named or mine, whole)

    def id_of(cell: Cell) -> str:
        return ids[cell.target, f"{cell.scenario}/{cell.case}"]

    found = []
    for claim in all_claims():
        mine = [
            target
            for target in targets
            if target.limit.cpus >= claim.least_cpus and (not claim.systems or target.os in claim.systems)
        ]
        for target in mine:
            for test in claim.tests:
                chosen = [(quantity, cell) for quantity in test.quantities for cell in selected(quantity, target)]
                divided: dict[str, list[str]] = {}
                if isinstance(test, Ratio):
                    for top in selected(test.top, target):
                        bottoms = [cell for cell in selected(test.bottom, target) if comparable(test, top, cell)]
                        divided[id_of(top)] = [id_of(cell) for cell in bottoms if id_of(cell) != id_of(top)]
                found.append(Claimed(cells={id_of(cell): each.operation for each, cell in chosen}, divided=divided))
            guards = [(each.quantity, cell) for each in claim.guards for cell in selected(each.quantity, target)]
            found.append(Claimed(cells={id_of(cell): each.operation for each, cell in guards}))
    return [each for each in found if each.cells]


def evaluate(
    summary: pd.DataFrame,
    samples: pd.DataFrame,
    disturbed: Disturbances = UNDISTURBED,
    *,
    machine_cpus: int | None = None,
    claims: Sequence[Claim] | None = None,
) -> pd.DataFrame:
    """Make claims.csv of a run: for each claim one row per target that measured it, and at least one row.

    A target that was planned to measure a claim but has no values for it also has a row, with the reason.

    Args:
        summary: rows of summary.csv.
        samples: rows of samples.csv, all rounds.
        disturbed: the cells that were disturbed; a claim that rests on such a cell is inconclusive.
        machine_cpus: CPUs of the machine; a cpuset of all of them does not limit a target. None where it is not known:
            then containers count as limited and native targets as unlimited.
        claims: the claims to judge; None for every claim.
    """
    claims = all_claims() if claims is None else claims
    evidence = Evidence(summary, samples, disturbed, claims, machine_cpus)
    rows = [_row(claim, found) for claim in claims for found in judgements(claim, evidence)]
    return csv_files.conform(among_all(pd.DataFrame(rows)), schema.CLAIMS)


def among_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Add ``q_value``, computed from ``p_value``; the reason of a verdict that is not significant by it says so.

    Undecided claims were tested as well, so their p-values count. They have no q-value of their own.
    """
    q_value = q_values(rows["p_value"].to_numpy(dtype=float))
    decided = rows["verdict"].isin(DECIDED)
    uncertain = decided & (q_value > FALSE_DISCOVERY_RATE)
    tested = plural(np.isfinite(q_value).sum(), "verdict")
    words = f"; not significant among {tested} (FDR {FALSE_DISCOVERY_RATE:.0%})"
    reason = rows["reason"].mask(uncertain, rows["reason"] + words)
    return rows.assign(q_value=np.where(decided, q_value, np.nan), reason=reason)


def judgements(claim: Claim, evidence: Evidence) -> list[Judgement]:
    """Judge a claim on every target that deserves a row; where none does, one judgement without a target."""
    found = [judge(claim, target, evidence) for target in evidence.targets]
    rows = [judgement for judgement in found if judgement.verdict != NOT_MEASURED or judgement.has_row]
    return rows or [Judgement(target="", verdict="not measured", reason=_why_nowhere(found))]


def _why_nowhere(found: Sequence[Judgement]) -> str:
    """Join the reasons of all targets, each once; targets that the claim does not apply to come last."""
    reasons = dict.fromkeys(judgement.reason for judgement in sorted(found, key=lambda each: not each.in_scope))
    return "; ".join(reasons) or "no target was measured"


def _row(claim: Claim, found: Judgement) -> dict[str, object]:
    """One row of claims.csv; where no test decided, it shows the threshold of the first test."""
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
