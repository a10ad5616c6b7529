"""Counts in sentences: one thing, several things."""

from __future__ import annotations


def plural(count: float | None, noun: str, nouns: str = "") -> str:
    """``1 CPU``, ``2 CPUs``, ``0.5 CPU``, ``0 CPUs``; ``nouns`` where several are not called so with an s."""
    number = 0.0 if count is None else float(count)
    shown = f"{number:,.0f}" if number.is_integer() else f"{number:g}"
    return f"{shown} {noun if 0 < number <= 1 else nouns or noun + 's'}"
