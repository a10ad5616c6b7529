"""Helpers for text: parse quantities with units, format counts and durations, replace a text file atomically."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import UsageError

SHOWN_IN_SECONDS = 90
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%?")


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A kind of quantity and its units, as unit -> factor; with an empty unit the plain number is accepted too."""

    name: str
    examples: str
    units: Mapping[str, float]
    least: float = 1.0

    def parse(self, text: str) -> float:
        """Parse a number with its unit and return it in the base unit.

        Raises:
            UsageError: the text is not a number with one of the units, or the value is less than ``least``.
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
    """Parse ``90s``, ``10m``, ``2h`` or a plain number of seconds; return seconds."""
    return DURATION_S.parse(text)


def parse_size_bytes(text: str) -> int:
    """Parse ``64KiB``, ``64 KB``, ``1MB`` or a plain number of bytes; return bytes. KiB is 1024, KB is 1000."""
    return round(SIZE_BYTES.parse(text))


def parse_task_ns(text: str) -> int:
    """Parse ``5ms``, ``200us`` or ``1.5 s``, with a mandatory unit; return nanoseconds."""
    return round(TASK_NS.parse(text))


def parse_share(text: str, option: str) -> float:
    """Parse a percentage: ``2%`` or ``2`` is 0.02.

    Raises:
        UsageError: the text is not a percentage; the message begins with the option.
    """
    found = PERCENT.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{option} {text!r} is not a percentage; write it as 2%")
    return float(found[1]) / 100


def in_words(seconds: float) -> str:
    """Format a rough duration as ``40 s``, ``12 min`` or ``2 h 10 min``."""
    if seconds <= SHOWN_IN_SECONDS:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def plural(count: float | None, noun: str, nouns: str = "") -> str:
    """Format a count: ``1 CPU``, ``2 CPUs``, ``0.5 CPU``, ``0 CPUs``; ``nouns`` is an irregular plural."""
    number = 0.0 if count is None else float(count)
    shown = f"{number:,.0f}" if number.is_integer() else f"{number:g}"
    return f"{shown} {noun if 0 < number <= 1 else nouns or noun + 's'}"


def one_line(value: object) -> str:
    """What a foreign file or another program says, as one line for a message."""
    return " ".join(str(value).split())


def replace_text(path: Path, text: str) -> None:
    """Write the text as UTF-8 with unchanged line ends; readers see either the old file or the complete new one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.replace(path)
