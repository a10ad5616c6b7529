"""Images that are pulled: the official slim ones of docker/images.toml, or those that the user names (``--image``)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lab.errors import EngineError, UsageError
from lab.targets.engine import Engine
from lab.targets.engine.endpoints import sdk
from lab.targets.images.catalogue import official_references
from lab.targets.images.model import Base, Progress, SourceName, megabytes
from lab.targets.interpreters import key_order

if TYPE_CHECKING:
    import docker.models.images

REACH_TIMEOUT_S = 4.0  # `auto` must not wait for a registry that a firewall swallows
PROGRESS_INTERVAL_S = 0.5
NO_SUCH_IMAGE = ("manifest unknown", "not found", "name unknown")
CREDENTIALS = "credentials store error"  # the SDK's words where a credential helper fails
LAYER_DONE = ("Download complete", "Pull complete", "Already exists")


class RegistrySource:
    """Pulls official images; one that the engine has is used unchanged, so that a run can be repeated on it."""

    name: SourceName = "registry"

    def __init__(self, engine: Engine, prefix: str | None = None) -> None:
        self._engine = engine
        self._references = {key: with_prefix(prefix, ref) for key, ref in official_references().items()}

    def available(self) -> tuple[str, ...]:
        """The versions that images.toml lists."""
        return tuple(self._references)

    def base(self, key: str, progress: Progress) -> Base:
        """The base of this version, pulled unless the engine has it."""
        return fetched_base(self._engine, key, self._references[key], "registry", progress)

    def local_keys(self) -> tuple[str, ...]:
        """The versions whose image the engine has already."""
        tags = {tag for image in self._engine.client.images.list() for tag in image.tags}
        present = {tag.removeprefix("docker.io/library/") for tag in tags}  # so Podman names them
        return tuple(key for key, reference in self._references.items() if reference in present)

    def unreachable(self) -> str:
        """Why the engine cannot reach the registry, empty where it can; decided within a few seconds."""
        reference = self._references[max(self._references, key=_minor)]
        errors = sdk().errors
        client = self._engine.second_client(REACH_TIMEOUT_S)
        try:
            client.api.inspect_distribution(reference)  # type: ignore[no-untyped-call]
        except (errors.DockerException, OSError) as error:
            message = str(getattr(error, "explanation", None) or error)
            if self._engine.name == "docker" and any(sign in message.lower() for sign in NO_SUCH_IMAGE):
                return ""  # the registry did answer; Podman reports the same for the request itself
            return explain(reference, message)
        finally:
            client.close()
        return ""


class LocalRegistrySource(RegistrySource):
    """The official images that the engine already has, where the registry cannot be reached."""

    def available(self) -> tuple[str, ...]:
        """The versions that the engine has."""
        return self.local_keys()


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


def with_prefix(prefix: str | None, reference: str) -> str:
    """``mirror:5000/library`` and ``python:3.13-slim`` -> ``mirror:5000/library/python:3.13-slim``."""
    return f"{prefix.rstrip('/')}/{reference}" if prefix else reference


def fetched_base(engine: Engine, key: str, reference: str, source: SourceName, progress: Progress) -> Base:
    """The base of that reference, pulled where the engine lacks it.

    Raises:
        EngineError: it cannot be pulled; the message says why.
    """
    errors = sdk().errors
    try:
        image = engine.client.images.get(reference)
        progress(f"{key}: {reference} exists")
    except errors.ImageNotFound:
        pull(engine, key, reference, progress)
        image = engine.client.images.get(reference)
    except errors.APIError as error:
        raise EngineError(explain(reference, str(error.explanation or error))) from None
    return Base(key=key, reference=reference, digest=digest_of(image, reference), source=source)


def digest_of(image: docker.models.images.Image, reference: str) -> str:
    """The image's digest in its registry; its id where it never came from one."""
    repository = split_reference(reference)[0]
    digests = [str(digest).partition("@") for digest in image.attrs.get("RepoDigests") or ()]
    own = [digest for name, _, digest in digests if name in (repository, f"docker.io/library/{repository}")]
    return (own or [digest for _, _, digest in digests] or [str(image.id)])[0]


def split_reference(reference: str) -> tuple[str, str]:
    """Repository and tag or digest; ``latest`` where there is neither. A port is not a tag."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    repository, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:
        return reference, "latest"
    return repository, tag


def pull(engine: Engine, key: str, reference: str, progress: Progress) -> None:
    """Pull an image, reporting the bytes received at most twice a second and once at the end.

    Raises:
        EngineError: the image does not exist, needs permission, or its registry cannot be reached.
    """
    repository, tag = split_reference(reference)
    layers = Layers()
    reported_at = time.monotonic()
    progress(f"{key}: pulling {reference}")
    errors = sdk().errors
    try:
        for event in engine.client.api.pull(repository, tag=tag, stream=True, decode=True):
            if "error" in event:
                raise EngineError(explain(reference, str(event["error"])))
            layers.note(event)
            if layers.total and time.monotonic() - reported_at >= PROGRESS_INTERVAL_S:
                reported_at = time.monotonic()
                progress(f"{key}: pulling {reference}, {layers.words()}")
    except errors.DockerException as error:
        raise EngineError(explain(reference, str(getattr(error, "explanation", None) or error))) from None
    progress(f"{key}: pulled {reference}, {layers.words()}")


class Layers:
    """Bytes received and in all, over the layers whose size the engine has reported so far."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._total: dict[str, int] = {}

    def note(self, event: dict[str, Any]) -> None:
        """Take one event of a pull into account."""
        layer, status, detail = event.get("id", ""), event.get("status", ""), event.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self._done[layer], self._total[layer] = detail["current"], detail["total"]
        elif status == "Extracting" and detail.get("total"):
            self._done[layer] = self._total[layer] = detail["total"]
        elif status in LAYER_DONE and layer in self._total:
            self._done[layer] = self._total[layer]

    @property
    def total(self) -> int:
        """The size of all layers in bytes."""
        return sum(self._total.values())

    def words(self) -> str:
        """``12.3 MB of 45.6 MB``."""
        return f"{megabytes(sum(self._done.values()))} of {megabytes(self.total)}"


# What engines say, in lower case -> what the user can do about it. The first match counts.
EXPLANATIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        (CREDENTIALS,),
        "cannot be pulled, since a credential helper of Docker's config.json fails: install it, or use --images host",
    ),
    (NO_SUCH_IMAGE, "does not exist there: check docker/images.toml or --image"),
    (
        ("toomanyrequests", "rate limit"),
        "is refused for too many pulls: `docker login`, use a mirror, or --images host",
    ),
    (
        ("unauthorized", "denied", "authentication required", "no basic auth"),
        "needs permission, or does not exist: `docker login` to its registry",
    ),
    (("x509", "http response to https client", "tls"), "comes from a registry whose certificate the engine rejects"),
    (
        (
            "no such host",
            "dial",
            "timeout",
            "timed out",
            "connection refused",
            "unreachable",
            "server misbehaving",
            "eof",
        ),
        "is not available, since the engine does not reach its registry: use a mirror, --images host, or --image",
    ),
)


def explain(reference: str, message: str) -> str:
    """One sentence for a pull that failed, with the engine's own words behind it."""
    lower = message.lower()
    for signs, remedy in EXPLANATIONS:
        if any(sign in lower for sign in signs):
            return f"{reference} {remedy} ({message.strip()})"
    return f"{reference} cannot be pulled: {message.strip()}"


def _minor(key: str) -> int:
    return int(key.rstrip("t").split(".")[1])
