"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ok", "harms", "could not find out"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One check's result. ``help`` is a command, or what to do; empty where nothing needs to be done."""

    check: str
    state: State
    seen: str
    help: str = ""


def ok(check: str, seen: str) -> Finding:
    """A finding that needs no action."""
    return Finding(check=check, state="ok", seen=seen)


def harms(check: str, seen: str, remedy: str) -> Finding:
    """A finding that makes numbers less precise, or cells impossible."""
    return Finding(check=check, state="harms", seen=seen, help=remedy)


def unknown(check: str, why: str, remedy: str = "") -> Finding:
    """A finding that could not be read here."""
    return Finding(check=check, state="could not find out", seen=why, help=remedy)


def read(root: Path, path: str) -> str | None:
    """The text of a file below the root, or None where it cannot be read."""
    try:
        return (root / path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
