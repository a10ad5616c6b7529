"""Sizes and lengths of time as people write them."""

from __future__ import annotations

import re

from lab.errors import UsageError

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
