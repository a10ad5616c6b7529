"""How often comparisons find what is there and raise an alarm where nothing is: over hundreds of cells."""

from __future__ import annotations

import numpy as np
import pytest

from lab.stats.tables.compare import compare
from tests.compared import ROUNDS, noisy, samples, verdicts


@pytest.mark.parametrize("interleaved", [True, False])
@pytest.mark.parametrize("scatter", [0.003, 0.02, 0.1])
def test_three_hundred_equal_cells_raise_no_alarm(scatter: float, interleaved: bool) -> None:  # noqa: FBT001
    found = compare(noisy(300, scatter=scatter, seed=1), noisy(300, scatter=scatter, seed=2), interleaved=interleaved)
    assert len(found) == 300
    assert not found["verdict"].isin(["slower", "faster"]).any()


def test_at_the_edge_of_the_threshold_false_discoveries_stay_below_their_rate() -> None:
    # A tenth of the cells is 8 % slower, the rest lies just on the threshold: the hardest null there is.
    effects = np.where(np.arange(2000) < 200, 1.08, 1.02)[:, None]
    rng = np.random.default_rng(5)
    base = samples(np.exp(rng.normal(0.0, 0.01, (2000, ROUNDS))))
    new = samples(effects * np.exp(rng.normal(0.0, 0.01, (2000, ROUNDS))), target="b")
    found = compare(base, new)
    alarms = found[found["verdict"] == "slower"]["case"].str[1:].astype(int)
    assert (alarms < 200).sum() >= 190
    assert (alarms >= 200).mean() <= 0.05


@pytest.mark.parametrize("interleaved", [True, False])
def test_five_per_cent_are_found_where_the_interval_is_narrow(interleaved: bool) -> None:  # noqa: FBT001
    base, new = noisy(500, scatter=0.009, seed=3), noisy(500, scatter=0.009, effect=1.05, seed=4)
    found = compare(base, new, interleaved=interleaved)
    narrow = found[np.sqrt(found["ci_high"] / found["ci_low"]) - 1 <= 0.015]
    assert len(narrow) >= 300
    assert (narrow["ci_low"] > 1).mean() >= 0.95
    assert (narrow["verdict"] == "slower").mean() >= 0.95
    assert verdicts(compare(new, base, interleaved=interleaved)).get("slower", 0) == 0


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    for interleaved in (True, False):
        found = compare(noisy(2000, seed=6), noisy(2000, effect=1.03, seed=7), interleaved=interleaved)
        assert 0.935 <= found["ci_low"].le(1.03).mul(found["ci_high"].ge(1.03)).mean() <= 0.965
