"""Counts in sentences: one thing, several things.

Durations as people write them.

Sizes and lengths of time as people write them.

Files that others read are replaced whole: who reads one meanwhile sees what was there, or what is new.
"""

from __future__ import annotations

import re
from pathlib import Path

from lab.errors import UsageError


def plural(count: float | None, noun: str, nouns: str = "") -> str:
    """``1 CPU``, ``2 CPUs``, ``0.5 CPU``, ``0 CPUs``; ``nouns`` where several are not called so with an s."""
    number = 0.0 if count is None else float(count)
    shown = f"{number:,.0f}" if number.is_integer() else f"{number:g}"
    return f"{shown} {noun if 0 < number <= 1 else nouns or noun + 's'}"


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


BYTES = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9}


def parse_size(text: str) -> int:
    """``64KiB``, ``64 KB``, ``1MB`` or plain bytes, in bytes: KiB is 1024, KB is 1000.

    Raises:
        UsageError: it is no size.
    """
    return _parse(text, BYTES, "size", "64KiB, 64 KB or 1MB")


def parse_length_ns(text: str) -> int:
    """``5ms``, ``200us``, ``1.5 s``, in nanoseconds; the unit is needed.

    Raises:
        UsageError: it is no length of time.
    """
    return _parse(text, NANOSECONDS, "length of a task", "5ms or 200us")


def _parse(text: str, units: dict[str, int], what: str, examples: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zµ]*)", text.strip().lower())
    factor = units.get(found[2]) if found else None
    value = round(float(found[1]) * factor) if found and factor else 0
    if value <= 0:
        raise UsageError(f"{text!r} is no {what}; write for example {examples}")
    return value


def replace_text(path: Path, text: str) -> None:
    """Write the text as UTF-8, its line ends as they are; the file is there whole, or as it was."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.replace(path)
