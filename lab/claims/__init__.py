"""What is said about multiprocessing, one file a claim, each held against this run's numbers."""

from __future__ import annotations

import importlib
import pkgutil

import pandas as pd

from lab import schema, tables
from lab.agent.scenario import Scenario, discover
from lab.claims import article, tutorials
from lab.claims.claim import Claim, Quantity

NOT_MEASURED = "not measured"


def all_claims() -> tuple[Claim, ...]:
    """Every claim, the article's first, each group in the order of their names."""
    return tuple(
        importlib.import_module(f"{group.__name__}.{module.name}").CLAIM
        for group in (article, tutorials)
        for module in pkgutil.iter_modules(group.__path__)
    )


def joined_scenarios() -> tuple[frozenset[str], ...]:
    """The scenarios that a claim divides by each other: shards keep them on one machine."""
    return tuple(frozenset(quantity.scenario for quantity in claim.quantities) for claim in all_claims())


def evaluate(summary: pd.DataFrame, samples: pd.DataFrame) -> pd.DataFrame:
    """claims.csv of a run, one row a claim.

    Verdicts are not computed yet, so that every claim is ``not measured``; the reason says what is missing.
    """
    del samples  # the verdicts will need the rounds
    scenarios = discover()
    rows = [
        {
            "claim": claim.name,
            "source": claim.source,
            "verdict": NOT_MEASURED,
            "threshold": claim.threshold,
            "unit": claim.unit,
            "reason": _why_no_verdict(claim, summary, scenarios),
        }
        for claim in all_claims()
    ]
    return tables.conform(pd.DataFrame(rows), schema.CLAIMS)


def _why_no_verdict(claim: Claim, summary: pd.DataFrame, scenarios: dict[str, Scenario]) -> str:
    absent = sorted({quantity.scenario for quantity in claim.quantities} - set(scenarios))
    if absent:
        return f"the scenario {absent[0]} is not there yet"
    for quantity in claim.quantities:
        if not _is_measured(quantity, summary):
            return f"this run has no {quantity}"
    views = sorted({scenarios[quantity.scenario].view for quantity in claim.quantities})
    return f"verdicts are not computed yet; the numbers are in summary.csv and in the figure {' and '.join(views)}"


def _is_measured(quantity: Quantity, summary: pd.DataFrame) -> bool:
    rows = summary[(summary["scenario"] == quantity.scenario) & (summary["metric"] == quantity.metric)]
    for column, value in quantity.where.items():
        rows = rows[rows[column].astype("string") == value]
    return bool((rows["n"] > 0).any())
