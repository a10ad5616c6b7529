"""What stands at ticks: named functions, since figures travel to another process, and a lambda cannot."""

from __future__ import annotations


def four_digits(value: float, _position: int | None) -> str:
    """A ratio."""
    return f"{value:.4g}"


def all_digits(value: float, _position: int | None) -> str:
    """A plain number with its thousands apart."""
    return f"{value:,.10g}"
