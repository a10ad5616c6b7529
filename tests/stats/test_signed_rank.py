"""The Hodges-Lehmann shift and its interval, against tables and against the test that it inverts."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lab.stats.tests import shift


def test_the_estimate_is_the_median_of_the_means_of_all_pairs() -> None:
    # Means of 1, 2 and 6 with each other and themselves: 1, 1.5, 2, 3.5, 4, 6.
    assert shift([6.0, 1.0, 2.0], 0.5)[0] == 2.75


@pytest.mark.parametrize(("count", "left_out"), [(6, 0), (8, 3), (10, 8), (12, 13), (20, 52)])
def test_ends_are_those_of_the_tables_of_the_signed_rank_test(count: int, left_out: int) -> None:
    """Wilcoxon's critical values at 5 % on two sides: so many of the means lie outside of each end."""
    values = np.cumsum(2.0 ** np.arange(count))  # no two means are alike
    means = sorted((one + other) / 2 for place, one in enumerate(values) for other in values[place:])
    _, low, high = shift(list(values), 0.95)
    assert (low, high) == (means[left_out], means[-1 - left_out])


def test_too_few_values_have_an_estimate_and_no_interval() -> None:
    assert shift([1.0, 3.0, 2.0, 4.0], 0.9)[0] == 2.5
    assert all(math.isnan(end) for end in shift([1.0, 3.0, 2.0, 4.0], 0.9)[1:])
    assert shift([1.0, 2.0, 3.0, 4.0, 5.0], 0.9) == (3.0, 1.0, 5.0)


def test_the_interval_covers_what_it_says_where_values_are_far_from_gaussian() -> None:
    values = np.random.default_rng(3).standard_cauchy((2000, 15))
    covered = np.mean([low <= 0 <= high for _, low, high in (shift(row, 0.9) for row in values.tolist())])
    assert 0.9 - 0.02 < covered < 0.9 + 0.035  # a little above 90 %: ranks are whole numbers
