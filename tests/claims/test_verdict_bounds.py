"""No verdict contradicts its interval, and of equal things few verdicts are wrong."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.claims import among_all
from lab.claims.parts import Part, verdict, worst
from lab.stats.rounds import LogRatio


@pytest.mark.parametrize("holds", ["above", "below"])
def test_no_verdict_contradicts_its_interval(holds: Any) -> None:
    rng = np.random.default_rng(11)
    seen = set()
    for _ in range(500):
        parts = []
        for _ in range(rng.integers(1, 6)):
            value = rng.lognormal(0, 0.3)
            usual, wide = 1 + rng.uniform(0, 0.3), 1 + rng.uniform(0.3, 0.6)
            ends = (value / usual, value * usual, value / wide, value * wide)
            if rng.random() < 0.1:
                ends = (-math.inf, math.inf) * 2
            low, high, wide_low, wide_high = ends
            parts.append(Part(value=value, low=low, high=high, wide_low=wide_low, wide_high=wide_high))
        bounds = worst(parts, holds)
        found = verdict(bounds.low, bounds.high, holds, 1.0)
        seen.add(found)
        assert bounds.low <= bounds.worst.value <= bounds.high
        beyond = bounds.low > 1 if holds == "above" else bounds.high < 1
        contrary = bounds.high < 1 if holds == "above" else bounds.low > 1
        assert found == ("holds" if beyond else "fails" if contrary else "inconclusive")
        assert beyond <= all((part.low > 1) if holds == "above" else (part.high < 1) for part in parts)
    assert seen == {"holds", "fails", "inconclusive"}


def test_of_equal_mechanisms_hardly_a_run_says_that_one_is_faster() -> None:
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(300):
        parts = []
        for _ in range(8):
            logs = rng.normal(0, 0.05, 5)
            half = logs.std(ddof=1) / math.sqrt(5)
            usual, wide = 2.776445 * half, 5.261034 * half  # t(1 - 0.05 / 2, 4) and t(1 - 0.05 / 16, 4)
            centre = float(logs.mean())
            ends = [math.exp(x) for x in (centre - usual, centre + usual, centre - wide, centre + wide)]
            low, high, wide_low, wide_high = ends
            parts.append(Part(value=math.exp(centre), low=low, high=high, wide_low=wide_low, wide_high=wide_high))
        bounds = worst(parts, "above")
        wrong += verdict(bounds.low, bounds.high, "above", 1.0) != "inconclusive"
    assert wrong <= 0.05 * 300


def test_a_verdict_that_is_not_certain_among_so_many_says_so_and_keeps_its_interval() -> None:
    rows = pd.DataFrame({
        "verdict": ["holds", *["inconclusive"] * 9], "p_value": [0.02, *[0.5] * 9], "reason": "serial / threads-2"
    })  # fmt: skip
    found = among_all(rows)
    assert found["verdict"].tolist() == rows["verdict"].tolist()
    assert found["q_value"].iloc[0] == pytest.approx(0.2)
    assert found["reason"].iloc[0] == "serial / threads-2; not significant among 10 verdicts (FDR 5%)"
    assert (found["reason"].iloc[1:] == "serial / threads-2").all()
    assert found["q_value"].iloc[1:].isna().all(), "what is inconclusive has no verdict that could stand"
    alone = among_all(rows.head(1))
    assert (alone["q_value"].iloc[0], alone["reason"].iloc[0]) == (0.02, "serial / threads-2")


@pytest.mark.parametrize("bimodal", [False, True])
def test_the_p_of_a_side_and_the_interval_say_the_same(*, bimodal: bool) -> None:
    rng = np.random.default_rng(7)
    for _ in range(300):
        logs = rng.normal(0.3, 0.4, rng.integers(6, 16)).tolist()
        both = LogRatio(logs, bimodal=bimodal)
        found = both.estimate()
        assert found.low is not None
        assert found.high is not None
        assert (found.low > 1) == (both.p_beyond(0.0, above=True) <= 0.025)
        assert (found.high < 1) == (both.p_beyond(0.0, above=False) <= 0.025)
