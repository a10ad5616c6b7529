"""Bases packed from the interpreters on this host, FROM scratch, so that the lab needs no registry."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence

from lab.errors import EngineError
from lab.targets.engine import Engine
from lab.targets.images.build import import_base
from lab.targets.images.model import (
    BASE_REPOSITORY,
    LABEL_BASE_DIGEST,
    LABEL_PYTHON,
    LABEL_SOURCE,
    Base,
    Progress,
    SourceName,
    repository_of,
)
from lab.targets.images.pack import Contents, contents_of, write_tar
from lab.targets.interpreters import Interpreter, below_home, find_interpreters, host_arch

LABEL_FINGERPRINT = "comparison-lab.fingerprint"
HASH_DIGITS = 12
HIDDEN = "/tmp/"  # noqa: S108 - containers mount an empty one over whatever an image has there


class HostSource:
    """Packs each interpreter once: the image carries the fingerprint of the files that it was packed from."""

    name: SourceName = "host"

    def __init__(self, engine: Engine, interpreters: Sequence[Interpreter] | None = None) -> None:
        self._engine = engine
        found = find_interpreters() if interpreters is None else interpreters
        self._interpreters = {interpreter.key: interpreter for interpreter in found if not is_hidden(interpreter)}
        self.hidden = tuple(interpreter for interpreter in found if is_hidden(interpreter))

    def available(self) -> tuple[str, ...]:
        """The versions found on this host; none where they cannot run in the engine's containers."""
        return () if cannot_pack(self._engine) else tuple(self._interpreters)

    def base(self, key: str, progress: Progress) -> Base:
        """The base packed from this interpreter; packed now unless the engine has one of the same files."""
        complaint = cannot_pack(self._engine)
        if complaint:
            raise EngineError(complaint)
        interpreter = self._interpreters[key]
        contents = contents_of(interpreter)
        fingerprint = contents.fingerprint()
        present = self._packed_before(key, fingerprint)
        if present is not None:
            progress(f"{key}: {present.reference} exists")
            return present
        return self._pack(interpreter, contents, fingerprint, progress)

    def _packed_before(self, key: str, fingerprint: str) -> Base | None:
        found = self._engine.client.images.list(filters={"label": f"{LABEL_FINGERPRINT}={fingerprint}"})
        for image in found:  # images that are built on a base have its labels, but not its name
            for reference in image.tags:
                if repository_of(reference) == BASE_REPOSITORY:
                    return Base(key=key, reference=reference, digest=image.labels[LABEL_BASE_DIGEST], source="host")
        return None

    def _pack(self, interpreter: Interpreter, contents: Contents, fingerprint: str, progress: Progress) -> Base:
        started = time.perf_counter()
        progress(f"{interpreter.key}: packing {below_home(interpreter.executable)}")
        with tempfile.NamedTemporaryFile() as packed:
            digest = write_tar(contents, packed)
            packed.flush()
            tag = f"{interpreter.tag}-{digest.removeprefix('sha256:')[:HASH_DIGITS]}"
            labels = {
                LABEL_FINGERPRINT: fingerprint,
                LABEL_BASE_DIGEST: digest,
                LABEL_PYTHON: interpreter.key,
                LABEL_SOURCE: "host",
            }
            reference = import_base(self._engine, packed.name, tag, labels)
        progress(f"{interpreter.key}: packed in {time.perf_counter() - started:.1f} s")
        return Base(key=interpreter.key, reference=reference, digest=digest, source="host")


def cannot_pack(engine: Engine) -> str:
    """Why this host's interpreters cannot run in the engine's containers; empty where they can."""
    if sys.platform != "linux":
        return "only a Linux host can pack its interpreters into images: use --images registry, or --image VERSION=REF"
    if engine.arch != host_arch():
        return (
            f"this host is {host_arch()} and the engine {engine.arch}, so its containers cannot run interpreters "
            "packed here: use --images registry, or --image VERSION=REF"
        )
    return ""


def is_hidden(interpreter: Interpreter) -> bool:
    """Whether an interpreter is installed below ``/tmp``, which a container hides."""
    return any(path.as_posix().startswith(HIDDEN) for path in (interpreter.executable, interpreter.prefix))
