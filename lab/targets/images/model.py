"""Bases, images, and the protocol of the sources that provide bases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Progress = Callable[[str], None]
SourceName = Literal["registry", "host", "given", "wine"]

REPOSITORY = "comparison-lab"
BASE_REPOSITORY = "comparison-lab-base"
LABEL_PYTHON = "comparison-lab.python"
LABEL_SOURCE = "comparison-lab.source"
LABEL_AGENT = "comparison-lab.agent"
LABEL_BASE = "comparison-lab.base"
LABEL_BASE_DIGEST = "comparison-lab.base-digest"

PYTHON_IN_IMAGE = "/usr/local/bin/python"


@dataclass(frozen=True, kw_only=True)
class Base:
    """An image with CPython at ``/usr/local/bin/python``, present in the engine."""

    key: str  # "3.13", "3.13t"
    reference: str
    digest: str  # "sha256:…": of the registry's manifest, of the packed content, or the image's id
    source: SourceName


@dataclass(frozen=True, kw_only=True)
class Image:
    """A base with the agent in it, ready to measure."""

    key: str
    reference: str
    image_id: str
    base_reference: str
    base_digest: str
    source: SourceName
    size_bytes: int
    built: bool  # False: it existed already
    seconds: float  # for pull or packing, and build


class ImageSource(Protocol):
    """Where bases come from. A new source is one module and one line in ``lab.targets.images.SOURCES``."""

    name: SourceName

    def available(self) -> tuple[str, ...]:
        """The available versions, in numeric order."""

    def base(self, key: str, progress: Progress) -> Base:
        """Bring the base of one version into the engine.

        Raises:
            EngineError: the engine, the registry or the packing failed.
        """


def repository_of(reference: str) -> str:
    """The repository of a reference with a tag, without what Podman puts in front of names that are local."""
    return reference.rpartition(":")[0].removeprefix("localhost/").removeprefix("docker.io/library/")


def megabytes(size_bytes: int) -> str:
    """A size in words: ``63.2 MB``."""
    return f"{size_bytes / 1e6:.1f} MB"
