"""Texts: counts in sentences, quantities as people write them, and files that are replaced whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import UsageError

SHOWN_IN_SECONDS = 90


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A kind of quantity, with its units as people write them: unit -> factor; an empty unit may be left out."""

    name: str
    examples: str
    units: Mapping[str, float]
    least: float = 1.0

    def parse(self, text: str) -> float:
        """The number in ``text`` times the factor of its unit.

        Raises:
            UsageError: it is not a number with one of the units, or is less than ``least``.
        """
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-zµ]*)", text.strip().lower())
        factor = self.units.get(found[2]) if found else None
        value = float(found[1]) * factor if found and factor else 0.0
        if value < self.least:
            raise UsageError(f"{text!r} is not a {self.name}; write for example {self.examples}")
        return value


DURATION_S = Quantity(
    name="duration", examples="90s, 10m or 2h", units={"": 1, "s": 1, "m": 60, "h": 3600}, least=0.001
)
SIZE_BYTES = Quantity(
    name="size",
    examples="64KiB, 64 KB or 1MB",
    units={"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9},
)
TASK_NS = Quantity(
    name="length of a task",
    examples="5ms or 200us",
    units={"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9},
)


def parse_duration_s(text: str) -> float:
    """``90s``, ``10m``, ``2h`` or plain seconds, in seconds."""
    return DURATION_S.parse(text)


def parse_size_bytes(text: str) -> int:
    """``64KiB``, ``64 KB``, ``1MB`` or plain bytes, in bytes: KiB is 1024, KB is 1000."""
    return round(SIZE_BYTES.parse(text))


def parse_task_ns(text: str) -> int:
    """``5ms``, ``200us`` or ``1.5 s``, in nanoseconds; the unit is needed."""
    return round(TASK_NS.parse(text))


def in_words(seconds: float) -> str:
    """``40 s``, ``12 min`` or ``2 h 10 min``: as exact as a guess is."""
    if seconds <= SHOWN_IN_SECONDS:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def plural(count: float | None, noun: str, nouns: str = "") -> str:
    """``1 CPU``, ``2 CPUs``, ``0.5 CPU``, ``0 CPUs``; ``nouns`` where several are not called so with an s."""
    number = 0.0 if count is None else float(count)
    shown = f"{number:,.0f}" if number.is_integer() else f"{number:g}"
    return f"{shown} {noun if 0 < number <= 1 else nouns or noun + 's'}"


def replace_text(path: Path, text: str) -> None:
    """Write the text as UTF-8, with its line ends unchanged; readers see the old file or the whole new one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.replace(path)
