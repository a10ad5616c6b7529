"""The folder that is shipped to a target: ``__main__.py`` and ``lab/agent``; its hash names images and stages.

``package`` is the folder ``lab`` that the agent is taken from: this one, or one of another checkout.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def staged_files(package: Path = PACKAGE) -> Iterator[tuple[str, Path]]:
    """Path inside the stage -> file of the package, sorted by the former."""
    agent = package / "agent"
    found = {"__main__.py": agent / "stage_main.py", "lab/__init__.py": package / "__init__.py"}
    for path in agent.rglob("*.py"):
        found["lab/agent/" + path.relative_to(agent).as_posix()] = path
    yield from sorted(found.items())


def agent_hash(package: Path = PACKAGE) -> str:
    """Twelve hexadecimal digits of SHA-256 over the staged files' names and contents."""
    digest = hashlib.sha256()
    for name, path in staged_files(package):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def write_stage(folder: Path, package: Path = PACKAGE) -> None:
    """Copy the staged files into ``folder``."""
    for name, path in staged_files(package):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
