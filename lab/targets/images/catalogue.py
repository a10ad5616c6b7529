"""docker/Dockerfile and docker/images.toml: in the clone, or in the copy that the installed package carries."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from lab.errors import UsageError
from lab.targets.interpreters import key_order
from lab.targets.stage import PACKAGE

CLONE = Path(__file__).resolve().parents[3] / "docker"
PACKAGED = Path(__file__).resolve().parent / "packaged"


def docker_file(name: str) -> bytes:
    """The content of one of the files, with line ends as on Linux, so that a hash is the same on every system.

    Raises:
        UsageError: neither folder has it.
    """
    for folder in (CLONE, PACKAGED):
        if (folder / "images.toml").is_file() and (folder / name).is_file():
            return (folder / name).read_bytes().replace(b"\r\n", b"\n")
    raise UsageError(f"this installation lacks docker/{name}: install the lab from a clone with `pip install .`")


def dockerfile(package: Path = PACKAGE) -> bytes:
    """The Dockerfile's content: this lab's, or that of the checkout which ``package`` is in."""
    if package == PACKAGE:
        return docker_file("Dockerfile")
    return (package.parent / "docker" / "Dockerfile").read_bytes().replace(b"\r\n", b"\n")


@cache
def official_references() -> dict[str, str]:
    """Python version -> reference of the official image, in numeric order."""
    table: dict[str, str] = tomllib.loads(docker_file("images.toml").decode())["images"]
    return {key: table[key] for key in sorted(table, key=key_order)}
