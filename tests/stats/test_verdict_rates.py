"""How often a verdict is wrong where the truth is known: by kind of test of a claim, among many claims, and in advice.

The hardest truth lies on the threshold, or a hair beyond it: then any verdict is wrong, or half of them are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.advice.choice import Option, choose
from lab.claims import among_all
from lab.claims.claim import Quantity, Ratio
from lab.claims.parts import Bounds, part, verdict, worst
from lab.stats.best import standings
from lab.stats.rounds import LogRatio, Rounds

Array = np.ndarray[Any, Any]
Generator = np.random.Generator

QUANTITY = Quantity(scenario="s", operation="o")
TRIALS = 2000


def ratio(threshold: float) -> Ratio:
    return Ratio(top=QUANTITY, bottom=QUANTITY, holds="above", threshold=threshold)


def judged(test: Ratio, logs: Array, *, tests: int = 1) -> Bounds:
    """The bounds of one test of so many; ``logs`` of shape (pairs, rounds)."""
    parts = [part(test, LogRatio(own.tolist()), tests * len(logs), "") for own in logs]
    return worst(parts, test.holds)


def word(test: Ratio, bounds: Bounds) -> str:
    return verdict(bounds.low, bounds.high, test.holds, test.threshold)


def heavy_tailed(rng: Generator, shape: tuple[int, ...]) -> Array:
    values: Array = rng.standard_t(3, shape)
    return values


def gaussian(rng: Generator, shape: tuple[int, ...]) -> Array:
    return rng.normal(0, 1, shape)


@pytest.mark.parametrize("draw", [gaussian, heavy_tailed])
@pytest.mark.parametrize("pairs", [1, 3, 46])
def test_a_claim_about_pairs_that_are_all_on_the_threshold_gets_no_more_wrong_verdicts_than_five_per_cent(
    pairs: int, draw: Any
) -> None:
    rng = np.random.default_rng(pairs)
    test = ratio(1.5)
    trials = TRIALS if pairs < 10 else 400
    logs = np.log(1.5) + 0.05 * draw(rng, (trials, pairs, 5)) - 0.05 * draw(rng, (trials, 1, 5))  # one bottom for all
    found = pd.Series([word(test, judged(test, each)) for each in logs]).value_counts(normalize=True)
    told = {name: round(float(found.get(name, 0.0)), 4) for name in ("holds", "fails")}
    print(f"{pairs} pairs, {draw.__name__}: {told}")
    assert told["holds"] <= 0.032
    assert told["fails"] <= 0.032


def test_a_claim_of_three_tests_is_not_refuted_more_often_for_having_three() -> None:
    rng = np.random.default_rng(3)
    test = ratio(1.1)
    logs = np.log(1.1) + rng.normal(0, 0.05, (TRIALS, 3, 1, 5))
    failed = [any(word(test, judged(test, each, tests=3)) == "fails" for each in claim) for claim in logs]
    assert np.mean(failed) <= 0.032


@pytest.mark.parametrize("beyond", [0.0, 0.3])
def test_of_verdicts_that_stand_among_all_hardly_any_is_on_the_wrong_side(beyond: float) -> None:
    """Sixty claims a hair off their thresholds, thirty clear ones; ``beyond``: part of the scatter they are off by."""
    rng = np.random.default_rng(9)
    test, shares, by_themselves = ratio(1.0), [], []
    for _ in range(60):
        sides = rng.choice([-1.0, 1.0], 90)
        size = np.where(np.arange(90) < 60, max(beyond, 1e-9), 8.0) * 0.05
        bounds = [judged(test, each) for each in (sides * size)[:, None, None] + rng.normal(0, 0.05, (90, 1, 5))]
        rows = pd.DataFrame({
            "verdict": [word(test, each) for each in bounds], "reason": "",
            "p_value": [min(each.p_holds, each.p_fails) for each in bounds],
        })  # fmt: skip
        found = among_all(rows)
        decided = found["verdict"].isin(["holds", "fails"])
        wrong = decided & (found["verdict"].eq("holds") != (sides > 0))
        stands = decided & (found["q_value"] <= 0.05)
        shares.append((wrong & stands).sum() / max(1, stands.sum()))
        by_themselves.append(wrong.sum() / max(1, decided.sum()))
    print(
        f"wrong among those that stand: {np.mean(shares):.2%}; among all that are decided: {np.mean(by_themselves):.2%}"
    )
    assert np.mean(shares) <= 0.05


@pytest.mark.parametrize(("options", "tied"), [(2, 2), (5, 5), (17, 17), (17, 2)])
def test_the_best_of_equals_is_named_in_no_more_than_five_per_cent(options: int, tied: int) -> None:
    """Two equal ones are the hardest case (Gutmann and Maymin 1987): a third must be beaten as well."""
    trials = 600
    rng = np.random.default_rng(options + tied)
    true = np.where(np.arange(options) < tied, 0.0, 1.0)
    logs = true[:, None] + rng.normal(0, 0.1, (trials, options, 5)) + rng.normal(0, 0.2, (trials, 1, 5))
    trial, option, number = np.meshgrid(*map(np.arange, logs.shape), indexing="ij")
    frame = pd.DataFrame({
        "trial": trial.ravel(), "option": option.ravel(), "round": number.ravel(), "log": logs.ravel()
    })  # fmt: skip
    table = standings(frame, ["trial"], "option", family=["trial"])
    won = (table["verdict"] == "wins").sum() / trials
    print(f"{tied} of {options} options equal: {won:.1%} decided")
    assert won <= 0.05 + 1.96 * np.sqrt(0.05 * 0.95 / trials)
    winners = set(table.loc[table["verdict"] == "wins", "trial"])
    for each in range(10):
        assert advised(logs[each]) == ("answered" if each in winners else "inconclusive"), "advice has the same rule"


def advised(logs: Array) -> str:
    """The verdict of advice on options of these rounds; ``logs`` of shape (options, rounds)."""
    keys = [("t", "s", f"{place:02}", "o") for place in range(len(logs))]
    rounds = Rounds({key: dict(enumerate(own.tolist())) for key, own in zip(keys, logs, strict=True)}, {})
    offered = [
        Option(
            name=key[2], estimate_ns=float(np.exp(own.mean())), ci_low_ns=1.0, ci_high_ns=1.0, rounds=5, case=key[2],
            key=key,
        )
        for key, own in zip(keys, logs, strict=True)
    ]  # fmt: skip
    return choose(offered, rounds).verdict
