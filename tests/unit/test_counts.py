"""Counts in sentences agree with what they count."""

from __future__ import annotations

import pytest

from lab.text import plural
from lab.validation.selfcheck.sections import accuracy


@pytest.mark.parametrize(
    ("count", "words"),
    [
        (1, "1 CPU"),
        (2, "2 CPUs"),
        (0.5, "0.5 CPU"),
        (1.5, "1.5 CPUs"),
        (0, "0 CPUs"),
        (None, "0 CPUs"),
        (1_000_000, "1,000,000 CPUs"),
    ],
)
def test_a_count_and_its_noun_agree(count: float | None, words: str) -> None:
    assert plural(count, "CPU") == words


def test_a_noun_may_have_a_plural_of_its_own() -> None:
    assert [plural(count, "process", "processes") for count in (1, 3)] == ["1 process", "3 processes"]


def test_the_selfcheck_writes_of_one_operation() -> None:
    unmeasured = {"added_ns": None, "reason": ""}
    part = {"counts": {"same_cpu": {"equivalent": 1}}, "rows": [], "null_loop": unmeasured}
    assert "1 operation equivalent, 0 different" in accuracy(part)[0].sentences[0]
