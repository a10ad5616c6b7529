"""Images that the user names with ``--image 3.15=REF``; they take precedence over every other source."""

from __future__ import annotations

from collections.abc import Mapping

from lab.errors import UsageError
from lab.targets.engine import Engine
from lab.targets.images.model import Base, Progress, SourceName
from lab.targets.images.registry import fetched_base
from lab.targets.interpreters import key_order


class UserSuppliedSource:
    """User-supplied images: the engine's own image of that name, else pulled."""

    name: SourceName = "given"

    def __init__(self, engine: Engine, references: Mapping[str, str]) -> None:
        self._engine = engine
        for key, reference in references.items():
            check_key(key, reference)
        self._references = {key: references[key] for key in sorted(references, key=key_order)}

    def available(self) -> tuple[str, ...]:
        """The versions that were named."""
        return tuple(self._references)

    @property
    def references(self) -> dict[str, str]:
        """Version -> reference, as they were named."""
        return dict(self._references)

    def base(self, key: str, progress: Progress) -> Base:
        """The named image."""
        return fetched_base(self._engine, key, self._references[key], "given", progress)


def check_key(key: str, reference: str) -> None:
    """Check a pair of ``--image``.

    Raises:
        UsageError: the key is not of the form ``3.15`` or ``3.15t``, or the reference is empty.
    """
    try:
        key_order(key)
    except ValueError as error:
        raise UsageError(f"--image {key}={reference}: {error}") from None
    if not reference:
        raise UsageError(f"--image {key}= names no image: write --image {key}=REF")
