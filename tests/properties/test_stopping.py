"""The stopping rule looks at fixed rounds only; what its intervals cover is in test_coverage.py."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.stats.stopping import LOOKS, enough, is_precise


def test_precision_is_judged_at_the_fixed_rounds_only() -> None:
    scattered, calm = [0.0, 1.0] * 4, [0.5] * 24
    assert LOOKS == (8, 12, 16, 24, 32)
    assert not enough(calm[:7], 7, 0.03)
    assert enough(calm[:8], 8, 0.03)
    assert not enough([*scattered, *calm[:3]], 11, 0.03)
    assert not enough(scattered, 8, 0.03)


@settings(max_examples=20, deadline=None)  # no test asserts on times
@given(st.lists(st.floats(-1, 1), min_size=32, max_size=32), st.floats(0.001, 0.5))
def test_between_two_looks_the_rule_says_what_it_said_at_the_one_before(logs: list[float], precision: float) -> None:
    said = [enough(logs[:rounds], rounds, precision) for rounds in range(33)]
    assert not any(said[:8])
    for rounds in range(8, 33):
        at = max(look for look in LOOKS if look <= rounds)
        assert said[rounds] == said[at]


@pytest.mark.parametrize(("half_width", "precise"), [(0.0299, True), (0.0301, False)])
def test_precise_is_a_relative_half_width_of_the_95_percent_interval(half_width: float, precise: bool) -> None:  # noqa: FBT001
    """Eight rounds, half a step below and half above: their deviation is step * sqrt(8 / 7)."""
    step = math.log1p(half_width) * math.sqrt(7) / 2.364624  # t(0.975, 7)
    assert is_precise([step, -step] * 4, 0.03) == precise
    assert enough([step, -step] * 4, 8, 0.03) == precise


def test_a_cell_that_was_precise_at_a_look_stays_so() -> None:
    centres = [0.0] * 8 + [5.0] * 3
    assert enough(centres, 11, 0.03)


def test_a_cell_with_failed_rounds_is_not_judged_before_it_has_enough_of_them() -> None:
    assert not enough([0.0] * 7, 8, 0.03)
