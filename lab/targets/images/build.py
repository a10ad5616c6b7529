"""The step that all sources share: docker/Dockerfile turns a base into an image, unless the image exists."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import time
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lab.errors import EngineError, UsageError
from lab.model import Facts
from lab.targets.engine import Engine, with_remedy
from lab.targets.engine.endpoints import sdk
from lab.targets.images.catalogue import dockerfile
from lab.targets.images.model import (
    BASE_REPOSITORY,
    LABEL_AGENT,
    LABEL_BASE,
    LABEL_BASE_DIGEST,
    LABEL_PYTHON,
    LABEL_SOURCE,
    PYTHON_IN_IMAGE,
    REPOSITORY,
    Base,
    Image,
    Progress,
    megabytes,
)
from lab.targets.interpreters import python_tag
from lab.targets.stage import PACKAGE, agent_hash, staged_files


def image_tag(base: Base, package: Path = PACKAGE) -> str:
    """``comparison-lab:py313-<hash>``, where the hash covers base, agent and Dockerfile."""
    digest = hashlib.sha256()
    for part in (base.digest.encode(), agent_hash(package).encode(), dockerfile(package)):
        digest.update(f"{len(part)}\0".encode() + part)
    return f"{REPOSITORY}:{python_tag(base.key)}-{digest.hexdigest()[:12]}"


def image_from(engine: Engine, base: Base, progress: Progress, package: Path = PACKAGE) -> Image:
    """The image of ``base`` with the agent of ``package``, reused where it is present.

    Raises:
        EngineError: the base holds no Python where it should, or the engine fails.
        UsageError: a base that the user named is another Python version.
    """
    started = time.perf_counter()
    tag = image_tag(base, package)
    errors = sdk().errors
    try:
        found = engine.client.images.get(tag)
        built = False
    except errors.ImageNotFound:
        progress(f"{base.key}: building the image on {base.reference}")
        _build(engine, base, tag, package)
        found = engine.client.images.get(tag)
        built = True
    if built and base.source == "given":
        _check_version(engine, base, tag)
    seconds = time.perf_counter() - started
    size_bytes = int(found.attrs["Size"])
    progress(f"{base.key}: {tag} ({megabytes(size_bytes)}) " + (f"built in {seconds:.1f} s" if built else "exists"))
    return Image(
        key=base.key,
        reference=tag,
        image_id=str(found.id),
        base_reference=base.reference,
        base_digest=base.digest,
        source=base.source,
        size_bytes=size_bytes,
        built=built,
        seconds=seconds,
    )


def import_base(engine: Engine, tar: str, tag: str, labels: Mapping[str, str]) -> str:
    """Make a base image of a tar file and return its reference.

    It gets its tag by the id that the import returns, since Podman 4.3 ignores the tag of an import.

    Raises:
        EngineError: the engine refuses the tar.
    """
    errors = sdk().errors
    try:
        answer = engine.client.api.import_image(
            src=tar, changes=[f"LABEL {name}={value}" for name, value in labels.items()]
        )
        engine.client.images.get(json.loads(answer.splitlines()[-1])["status"]).tag(BASE_REPOSITORY, tag=tag)
    except (errors.APIError, ValueError, KeyError, IndexError) as error:
        raise EngineError(f"the engine refuses {tag}: {getattr(error, 'explanation', None) or error}") from None
    return f"{BASE_REPOSITORY}:{tag}"


@cache
def build_context(package: Path = PACKAGE) -> bytes:
    """The tar that is sent to the engine: Dockerfile and agent, readable by everybody, with fixed times."""
    content = {name: path.read_bytes() for name, path in staged_files(package) if name != "__main__.py"}
    content["Dockerfile"] = dockerfile(package)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name in sorted(content):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content[name]), 0o644
            tar.addfile(entry, io.BytesIO(content[name]))
    return packed.getvalue()


def _build(engine: Engine, base: Base, tag: str, package: Path) -> None:
    output: list[str] = []
    errors = sdk().errors
    labels = {
        LABEL_PYTHON: base.key,
        LABEL_SOURCE: base.source,
        LABEL_AGENT: agent_hash(package),
        LABEL_BASE: base.reference,
        LABEL_BASE_DIGEST: base.digest,
    }
    try:
        for event in build_events(engine, build_context(package), {"BASE": base.reference}, labels, tag):
            output.append(str(event.get("stream", "")))
            if "error" in event:
                raise EngineError(_why(base, str(event["error"]), "".join(output)))
    except errors.APIError as error:
        raise EngineError(_why(base, str(error), "".join(output))) from None


def build_events(
    engine: Engine, context: bytes, buildargs: Mapping[str, str], labels: Mapping[str, str], tag: str
) -> Iterator[dict[str, Any]]:
    """Build a tar's Dockerfile without network, on a base that the engine has; yields the engine's events.

    The SDK's own call asks all credential helpers of Docker's config.json, which a local build does not need, and hands
    their passwords to the engine and the proxies of that file to the image.

    Raises:
        docker.errors.APIError: the engine refuses the build.
    """
    import requests

    api = engine.client.api
    options = {"t": tag, "rm": "1", "forcerm": "1", "networkmode": "none"}
    plain = {"buildargs": json.dumps(dict(buildargs)), "labels": json.dumps(dict(labels))}
    with api.post(
        f"{api.base_url}/v{api.api_version}/build",
        params=options | plain,
        data=context,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=api.timeout,
    ) as answer:
        try:
            answer.raise_for_status()
        except requests.HTTPError as error:
            sdk().errors.create_api_error_from_http_exception(error)
        yield from (json.loads(line) for line in answer.iter_lines() if line.strip())


def _why(base: Base, error: str, output: str) -> str:
    """One sentence for a failed build."""
    if PYTHON_IN_IMAGE in error and ("no such file" in error or "not found" in error):
        return f"{base.reference} has no {PYTHON_IN_IMAGE}: name an image of CPython with --image {base.key}=REF"
    tail = " ".join(line for line in output.splitlines()[-3:] if line.strip())
    words = with_remedy(f"{error.strip()} ({tail})")
    return f"the image of Python {base.key} on {base.reference} could not be built: {words}"


def _check_version(engine: Engine, base: Base, tag: str) -> None:
    """Remove the image and raise UsageError where it is not the version that the user named."""
    facts = read_facts(engine, tag)
    observed = facts.key
    if observed != base.key:
        engine.client.images.remove(tag)
        raise UsageError(f"{base.reference} is Python {observed}, not {base.key}: write --image {observed}=REF")


def read_facts(engine: Engine, reference: str) -> Facts:
    """The facts that the agent in an image reports."""
    errors = sdk().errors
    try:
        output = engine.client.containers.run(
            reference,
            ["--facts"],
            remove=True,
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": ""},  # noqa: S108 - in the container
            use_config_proxy=False,
        )
    except errors.DockerException as error:
        raise EngineError(f"{reference} does not run: {str(error).strip()}") from None
    return Facts.from_plain(json.loads(output))
