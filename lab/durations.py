"""Durations as people write them."""

from __future__ import annotations

import re

from lab.errors import UsageError

SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}
SHOWN_IN_SECONDS = 90


def parse_duration(text: str) -> float:
    """``90s``, ``10m``, ``2h`` or plain seconds, in seconds.

    Raises:
        UsageError: it is no such thing.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip())
    if not found or float(found[1]) <= 0:
        raise UsageError(f"{text!r} is no duration; write for example 90s, 10m or 2h")
    return float(found[1]) * SECONDS[found[2]]


def in_words(seconds: float) -> str:
    """``40 s``, ``12 min`` or ``2 h 10 min``: as exact as a guess is."""
    if seconds <= SHOWN_IN_SECONDS:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
