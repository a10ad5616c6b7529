"""Bases with a Windows CPython run by Wine, to exercise the Windows code path on Linux; always labelled Wine.

``docker/wine`` holds what they are built from. A base is built once: its image carries the hash of its content.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping, Sequence

from lab.errors import EngineError
from lab.targets.engine import Engine
from lab.targets.engine.endpoints import sdk
from lab.targets.images.catalogue import docker_file
from lab.targets.images.model import (
    BASE_REPOSITORY,
    LABEL_BASE_DIGEST,
    LABEL_PYTHON,
    LABEL_SOURCE,
    Base,
    Progress,
    SourceName,
)
from lab.targets.images.wine.runtime import Runtime, runtime_files, runtimes
from lab.targets.images.wine.system import system_image
from lab.targets.interpreters import Interpreter, find_interpreters, key_order, python_tag

FILES = ("Dockerfile", "python.c", "python.sh")
EXECUTABLE = 0o755


class WineSource:
    """A runtime of PyPI, the standard library of this host's interpreter of the same version, and Debian's Wine."""

    name: SourceName = "wine"

    def __init__(self, engine: Engine, interpreters: Sequence[Interpreter] | None = None) -> None:
        self._engine = engine
        found = find_interpreters() if interpreters is None else interpreters
        self._interpreters = {interpreter.key: interpreter for interpreter in found}

    def available(self) -> tuple[str, ...]:
        """The versions that have both a runtime and an interpreter here."""
        return tuple(sorted(set(runtimes()) & set(self._interpreters), key=key_order))

    def base(self, key: str, progress: Progress) -> Base:
        """The base of this version, built unless the engine has it."""
        runtime = runtimes()[key]
        content = context(runtime, self._interpreters[key], progress)
        digest = "sha256:" + digest_of(content)
        reference = f"{BASE_REPOSITORY}:{python_tag(key)}-wine-{digest.removeprefix('sha256:')[:12]}"
        errors = sdk().errors
        try:
            self._engine.client.images.get(reference)
            progress(f"{key}: {reference} exists")
        except errors.ImageNotFound:
            self._build(runtime, content, reference, digest, progress)
        return Base(key=key, reference=reference, digest=digest, source="wine")

    def _build(
        self, runtime: Runtime, content: Mapping[str, bytes], reference: str, digest: str, progress: Progress
    ) -> None:
        system = system_image(self._engine, progress)
        progress(f"{runtime.key}: building {reference} on {system}")
        errors = sdk().errors
        try:
            self._engine.client.images.build(
                fileobj=packed(content),
                custom_context=True,
                buildargs={"BASE": system, "DLL": runtime.dll},
                labels={LABEL_PYTHON: runtime.key, LABEL_SOURCE: self.name, LABEL_BASE_DIGEST: digest},
                tag=reference,
                rm=True,
            )
        except errors.BuildError as error:
            raise EngineError(f"the Wine image of Python {runtime.key} could not be built: {error.msg}") from None
        except errors.APIError as error:
            raise EngineError(
                f"the engine could not build the Wine image of Python {runtime.key}: {error.explanation or error}"
            ) from None


def context(runtime: Runtime, interpreter: Interpreter, progress: Progress) -> dict[str, bytes]:
    """All that the image is built from, by name."""
    own = {name: docker_file(f"wine/{name}") for name in FILES}
    return own | {f"python/{name}": data for name, data in runtime_files(runtime, interpreter, progress).items()}


def digest_of(content: Mapping[str, bytes]) -> str:
    """SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for name in sorted(content):
        digest.update(f"{name}\0{len(content[name])}\0".encode() + content[name])
    return digest.hexdigest()


def packed(content: Mapping[str, bytes]) -> io.BytesIO:
    """The build context as a tar."""
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(content):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content[name]), EXECUTABLE
            tar.addfile(entry, io.BytesIO(content[name]))
    found.seek(0)
    return found
