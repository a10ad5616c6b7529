"""One-sided p-values against tables of Student's t and of the binomial distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from lab.stats.rounds import LogRatio
from lab.stats.tests import p_above, sign_p

FIVE = (-1.0, -1.0, 0.0, 1.0, 1.0)  # deviation 1
EDGE = 2.776445 / math.sqrt(5)  # t(0.975, 4) standard errors


def p_below(logs: Sequence[float], bound: float, *, bimodal: bool = False) -> float:
    return LogRatio(logs, bimodal=bimodal).p_beyond(bound, above=False)


def test_an_interval_of_95_percent_that_ends_at_the_bound_has_a_p_of_two_and_a_half_percent() -> None:
    assert p_above([value + 7 + EDGE for value in FIVE], 7) == pytest.approx(0.025)
    assert p_above([value + 7 - EDGE for value in FIVE], 7) == pytest.approx(0.975)
    assert p_below([value + 7 - EDGE for value in FIVE], 7) == pytest.approx(0.025)
    assert p_above(FIVE, 0) == p_below(FIVE, 0) == pytest.approx(0.5)


def test_below_five_rounds_nothing_is_certain() -> None:
    assert p_above([9.0, 9.1, 9.2, 9.3], 0) == 1.0
    assert p_below([-9.0] * 4, 0) == 1.0
    assert p_above([9.0] * 4, 0, bimodal=True) == 1.0


def test_rounds_without_scatter_are_certain_beyond_the_bound_and_not_on_it() -> None:
    assert (p_above([1.0] * 5, 0), p_above([0.0] * 5, 0), p_above([-1.0] * 5, 0)) == (0.0, 1.0, 1.0)
    assert (p_below([-1.0] * 5, 0), p_below([0.0] * 5, 0), p_below([1.0] * 5, 0)) == (0.0, 1.0, 1.0)


def test_of_bimodal_cells_the_signs_count_and_a_round_on_the_bound_is_contrary() -> None:
    assert p_above([1, 2, 3, 4, 5, 6], 0, bimodal=True) == pytest.approx(1 / 64)
    assert p_above([0, 2, 3, 4, 5, 6], 0, bimodal=True) == pytest.approx(7 / 64)
    assert p_below([0, -2, -3, -4, -5, -6], 0, bimodal=True) == pytest.approx(7 / 64)
    assert sign_p(2, 6) == pytest.approx(22 / 64)
