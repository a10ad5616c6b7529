"""Counts in sentences agree with what they count."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.text import parse_duration_s, plural


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


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("2h", 7200), ("45", 45), ("0.5 h", 1800)])
def test_durations_are_read_with_and_without_a_unit(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5s", "10 min", "1d", "h", "5ms"])
def test_a_duration_that_cannot_be_read_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="is not a duration; write for example 90s, 10m or 2h"):
        parse_duration_s(text)
