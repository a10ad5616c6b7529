"""The images that the lab measures in: their source is chosen once, then they are obtained concurrently."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from lab.errors import NothingToRunOn, UsageError
from lab.model import ImagesChoice
from lab.targets.engine import Engine
from lab.targets.images.build import image_from
from lab.targets.images.host import HostSource, cannot_pack
from lab.targets.images.inventory import ImageRow, list_images, remove_images
from lab.targets.images.model import Base, Image, ImageSource, Progress
from lab.targets.images.registry import CREDENTIALS, LocalRegistrySource, RegistrySource, UserSuppliedSource
from lab.targets.images.wine import WineSource
from lab.targets.interpreters import Interpreter, key_order
from lab.targets.stage import PACKAGE

__all__ = [
    "SOURCES", "Base", "Image", "ImageRow", "ImageSource", "Images", "choose", "list_images", "remove_images",
]  # fmt: skip

Maker = Callable[[Engine, str | None, Sequence[Interpreter] | None], ImageSource]

# What `--images` takes besides `auto`.
SOURCES: dict[str, Maker] = {
    "registry": lambda engine, prefix, _interpreters: RegistrySource(engine, prefix),
    "host": lambda engine, _prefix, interpreters: HostSource(engine, interpreters),
    "wine": lambda engine, _prefix, interpreters: WineSource(engine, interpreters),
}

BUILDS_AT_ONCE = 4  # each build compiles on all CPUs by itself; the rest of it waits
ENOUGH_LOCAL = 2  # versions: fewer compare nothing


class Images:
    """The chosen source, and before it the images that the user named."""

    def __init__(self, engine: Engine, source: ImageSource, given: UserSuppliedSource, package: Path = PACKAGE) -> None:
        self._engine = engine
        self._source = source
        self._given = given
        self._package = package

    @property
    def source(self) -> str:
        """Which source serves the versions that the user named no image for."""
        return self._source.name

    def available(self) -> tuple[str, ...]:
        """The available versions, in numeric order."""
        return tuple(sorted({*self._given.available(), *self._source.available()}, key=key_order))

    def before(self, given: Mapping[str, str], package: Path | None) -> Images:
        """The images before a change: other references for the versions in ``given``, and the agent of ``package``."""
        named = UserSuppliedSource(self._engine, {**self._given.references, **given})
        return Images(self._engine, self._source, named, package or self._package)

    def obtain(self, keys: Sequence[str], progress: Progress) -> dict[str, Image]:
        """The images of these versions, several at once, in the order asked for.

        Raises:
            UsageError: a version is not available; the message names those that are.
            EngineError: a pull, a packing or a build failed.
        """
        sources = {key: self._source_of(key) for key in keys}
        with ThreadPoolExecutor(max_workers=BUILDS_AT_ONCE) as pool:
            images = pool.map(lambda key: self._obtained(key, sources[key], progress), sources)
            return dict(zip(sources, images, strict=True))

    def _obtained(self, key: str, source: ImageSource, progress: Progress) -> Image:
        started = time.perf_counter()
        image = image_from(self._engine, source.base(key, progress), progress, self._package)
        return replace(image, seconds=time.perf_counter() - started)

    def _source_of(self, key: str) -> ImageSource:
        for source in (self._given, self._source):
            if key in source.available():
                return source
        raise UsageError(
            f"Python {key} is not available from {_WORDS[self._source.name]} (found: {', '.join(self.available())}); "
            f"name an image with --image {key}=REF"
        )


_WORDS = {"registry": "the registry", "host": "this host's interpreters", "wine": "the Windows runtimes for Wine"}


def choose(
    engine: Engine,
    mode: ImagesChoice,
    given: Mapping[str, str],
    registry_prefix: str | None,
    say: Callable[[str], None],
    *,
    interpreters: Sequence[Interpreter] | None = None,
) -> Images:
    """Decide where images come from; ``auto`` says in one line what it chose and why.

    Args:
        engine: where they go.
        mode: ``auto``: the registry where the engine reaches it, else packed from this host.
        given: version -> reference, from ``--image``.
        registry_prefix: put before each official reference, as for a mirror.
        say: takes the one line.
        interpreters: those of this host, if they were searched for already.

    Raises:
        NothingToRunOn: no source offers a single version.
    """
    own = UserSuppliedSource(engine, given)
    if mode == "auto":
        source = _automatic(engine, registry_prefix, interpreters, say)
    else:
        source = SOURCES[mode](engine, registry_prefix, interpreters)
    images = Images(engine, source, own)
    if not images.available():
        reason = cannot_pack(engine) if mode == "host" else ""
        raise NothingToRunOn(
            reason or "no CPython 3.9 or newer was found on this host: install one, or use --image VERSION=REF"
        )
    return images


def _automatic(
    engine: Engine, prefix: str | None, interpreters: Sequence[Interpreter] | None, say: Callable[[str], None]
) -> ImageSource:
    registry = RegistrySource(engine, prefix)
    unreachable = registry.unreachable()
    if not unreachable:
        say("Images: the official ones, from the registry.")
        return registry
    reason = unreachable if CREDENTIALS in unreachable.lower() else "the engine cannot reach a registry"
    host = HostSource(engine, interpreters)
    local = registry.local_keys()
    if len(local) >= ENOUGH_LOCAL or (local and not host.available()):
        say(f"Images: the official ones already in the engine ({', '.join(local)}); {reason}.")
        return LocalRegistrySource(engine, prefix)
    for interpreter in host.hidden:
        say(
            f"Python {interpreter.patch} is not packed: it is installed below /tmp, which is empty in containers; "
            "install it elsewhere"
        )
    if host.available():
        say(f"Images: packed from this host's interpreters ({', '.join(host.available())}); {reason}.")
        return host
    raise NothingToRunOn(
        f"no image is available: {unreachable}; {cannot_pack(engine) or 'no CPython was found on this host'}"
    )
