"""The lab's images in the engine: list and remove them. Bases that were pulled or named by the user are kept."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import EngineError
from lab.targets.engine import Engine
from lab.targets.engine.endpoints import sdk
from lab.targets.images.model import (
    BASE_REPOSITORY,
    LABEL_BASE_DIGEST,
    LABEL_PYTHON,
    LABEL_SOURCE,
    REPOSITORY,
    repository_of,
)

if TYPE_CHECKING:
    import docker.models.images


@dataclass(frozen=True, kw_only=True)
class ImageRow:
    """One line of ``nox -s images``."""

    reference: str
    python: str
    source: str
    size_bytes: int
    created: str  # ISO 8601, UTC
    base_digest: str


def list_images(engine: Engine) -> tuple[ImageRow, ...]:
    """Every image with the lab's label, including those built by hand, sorted by reference."""
    rows = [
        ImageRow(
            reference=name,
            python=image.labels.get(LABEL_PYTHON, ""),
            source=image.labels.get(LABEL_SOURCE, ""),
            size_bytes=int(image.attrs["Size"]),
            created=str(image.attrs.get("Created", "")),
            base_digest=image.labels.get(LABEL_BASE_DIGEST, ""),
        )
        for image in _labelled(engine)
        for name in image.tags or [str(image.id)]
    ]
    return tuple(sorted(rows, key=lambda row: row.reference))


def remove_images(engine: Engine, only: Collection[str] | None = None) -> tuple[str, ...]:
    """Remove what the lab built or packed, and unnamed images with its label; the references removed.

    Args:
        engine: the engine that holds them.
        only: if given, remove only these references.

    Raises:
        EngineError: a container uses one of them.
    """
    errors = sdk().errors
    removed = []
    # Images before the bases that they are built on.
    chosen = [reference for reference in _own(engine) if only is None or reference in only]
    for reference in sorted(chosen, key=lambda name: repository_of(name) == BASE_REPOSITORY):
        try:
            engine.client.images.remove(reference)
        except errors.ImageNotFound:
            continue  # removing another image has removed it
        except errors.APIError as error:
            raise EngineError(f"{reference} cannot be removed: {error.explanation or error}") from None
        removed.append(reference)
    return tuple(removed)


def _own(engine: Engine) -> list[str]:
    names = []
    for image in _labelled(engine):
        own = [tag for tag in image.tags if repository_of(tag) in (REPOSITORY, BASE_REPOSITORY)]
        names += own if image.tags else [str(image.id)]
    return names


def _labelled(engine: Engine) -> list[docker.models.images.Image]:
    return engine.client.images.list(filters={"label": LABEL_SOURCE})
