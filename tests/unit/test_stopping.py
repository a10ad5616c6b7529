"""The stopping rule looks at fixed rounds only; what its intervals cover is in test_coverage.py."""

from __future__ import annotations

from lab.stats.stopping import LOOKS, enough, is_precise


def test_precision_is_judged_at_the_fixed_rounds_only() -> None:
    scattered, calm = [0.0, 1.0] * 4, [0.5] * 24
    assert LOOKS == (8, 12, 16, 24, 32)
    assert not enough(calm[:7], 7, 0.03)
    assert enough(calm[:8], 8, 0.03)
    assert not enough(scattered + calm[:3], 11, 10.0) or is_precise(scattered, 10.0)
    assert not enough(scattered, 8, 0.03)


def test_a_cell_that_was_precise_at_a_look_stays_so() -> None:
    centres = [0.0] * 8 + [5.0] * 3
    assert enough(centres, 11, 0.03)


def test_a_cell_with_failed_rounds_is_not_judged_before_it_has_enough_of_them() -> None:
    assert not enough([0.0] * 7, 8, 0.03)
