"""docker/Dockerfile and docker/images.toml: in the clone, or in the copy that the installed package carries."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec

from lab.errors import BadFiles, UsageError
from lab.targets.interpreters import key_order
from lab.targets.stage import PACKAGE

CLONE = Path(__file__).resolve().parents[3] / "docker"
PACKAGED = Path(__file__).resolve().parent / "packaged"
Version = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]?\.[0-9]{1,3}t?\Z")]
# A name, tag and digest in the characters that engines accept; never an option, an address with a scheme, or a path.
Reference = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]{0,511}\Z")]


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
    return parse_references(docker_file("images.toml"), "docker/images.toml")


def parse_references(content: bytes, name: object) -> dict[str, str]:
    """Python version -> reference in the content of the TOML file ``name``, in numeric order.

    Raises:
        BadFiles: the content is not TOML, or is not a table of versions and references.
    """
    try:
        found = msgspec.convert(tomllib.loads(content.decode()), dict[str, dict[Version, Reference]])["images"]
    except (ValueError, RecursionError) as error:  # among them msgspec.ValidationError
        raise BadFiles(f"{name} is not a list of images ({error}); correct it or restore it from the clone") from None
    except KeyError:
        raise BadFiles(f"{name} has no table [images]; correct it or restore it from the clone") from None
    return {key: found[key] for key in sorted(found, key=key_order)}
