"""The folder that is shipped to a target: ``__main__.py`` beside ``lab/agent``; its hash names images and stages."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def staged_files() -> Iterator[tuple[str, Path]]:
    """Path inside the stage -> file of this package, sorted by the former."""
    agent = PACKAGE / "agent"
    found = {"__main__.py": agent / "stage_main.py", "lab/__init__.py": PACKAGE / "__init__.py"}
    for path in agent.rglob("*.py"):
        found["lab/agent/" + path.relative_to(agent).as_posix()] = path
    yield from sorted(found.items())


def agent_hash() -> str:
    """Twelve hexadecimal digits of SHA-256 over the staged files' names and contents."""
    digest = hashlib.sha256()
    for name, path in staged_files():
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def write_stage(folder: Path) -> None:
    """Copy the staged files into ``folder``."""
    for name, path in staged_files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
