"""Where a container engine may listen: DOCKER_HOST, Docker's contexts, then the usual sockets; and the SDK for it."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.errors import EngineError, NothingToRunOn

NO_SDK = (
    "the Docker SDK for Python is not installed in this environment (what `import docker` finds is the lab's own "
    "folder); install the lab's dependencies with `pip install .`, or run natively with --engine none"
)


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One address to try."""

    url: str
    origin: str  # who named it, for messages
    only: bool = False  # the user named it, so nothing else is tried instead
    tls: Any = False  # a docker.tls.TLSConfig where the connection is encrypted


def endpoints(kind: Literal["auto", "docker", "podman"]) -> Iterator[Endpoint]:
    """Addresses in the order in which they are tried, each once."""
    seen = set()
    for endpoint in _all(kind):
        if endpoint.url not in seen:
            seen.add(endpoint.url)
            yield endpoint
        if endpoint.only:
            return


def _all(kind: str) -> Iterator[Endpoint]:
    if kind == "podman" and os.environ.get("CONTAINER_HOST"):
        yield Endpoint(url=os.environ["CONTAINER_HOST"], origin="CONTAINER_HOST", only=True)
    if os.environ.get("DOCKER_HOST"):
        yield _from_environment()
    if kind != "podman":
        yield from _context()
        yield from (Endpoint(url=url, origin="its usual place") for url in docker_sockets())
    if kind != "docker":
        if os.environ.get("CONTAINER_HOST"):
            yield Endpoint(url=os.environ["CONTAINER_HOST"], origin="CONTAINER_HOST")
        yield from (Endpoint(url=url, origin="its usual place") for url in podman_sockets())


def docker_sockets() -> Iterator[str]:
    """Where Docker, rootless Docker, Docker Desktop, Colima, Rancher Desktop and OrbStack listen."""
    if sys.platform == "win32":
        yield "npipe:////./pipe/docker_engine"
        yield "npipe:////./pipe/dockerDesktopLinuxEngine"
        return
    yield "unix:///var/run/docker.sock"
    if os.environ.get("XDG_RUNTIME_DIR"):
        yield f"unix://{os.environ['XDG_RUNTIME_DIR']}/docker.sock"
    home = Path.home()
    for inside in (
        ".docker/run/docker.sock",
        ".docker/desktop/docker.sock",
        ".colima/default/docker.sock",
        ".colima/docker.sock",
        ".config/colima/default/docker.sock",
        ".rd/docker.sock",
        ".orbstack/run/docker.sock",
    ):
        yield f"unix://{home / inside}"


def podman_sockets() -> Iterator[str]:
    """Where Podman's service and Podman's machines listen."""
    if sys.platform == "win32":
        yield "npipe:////./pipe/podman-machine-default"
        return
    if os.environ.get("XDG_RUNTIME_DIR"):
        yield f"unix://{os.environ['XDG_RUNTIME_DIR']}/podman/podman.sock"
    yield "unix:///run/podman/podman.sock"
    yield f"unix://{Path.home() / '.local/share/containers/podman/machine/podman.sock'}"


def _context() -> Iterator[Endpoint]:
    """The endpoint of the current Docker context, as the SDK reads it; DOCKER_CONTEXT goes before the configuration.

    Raises:
        EngineError: DOCKER_CONTEXT names a context that does not exist.
    """
    demanded = os.environ.get("DOCKER_CONTEXT") or None
    try:
        context = context_api().get_context(demanded)
    except Exception as error:  # noqa: BLE001 - the SDK raises bare exceptions and KeyError for damaged files
        if demanded:
            raise EngineError(
                f"the Docker context {demanded}, named by DOCKER_CONTEXT, cannot be read ({error}); "
                "`docker context inspect` shows what is wrong with it"
            ) from None
        return
    if context is None and demanded:
        raise EngineError(
            f"DOCKER_CONTEXT names {demanded}, which does not exist beside Docker's config.json; `docker context ls` "
            "shows those that do"
        )
    if context is None or context.Name == "default" or not context.Host:
        return
    yield Endpoint(
        url=context.Host,
        origin=f"the Docker context {context.Name}",
        only=demanded is not None,
        tls=context.TLSConfig or False,
    )


def _from_environment() -> Endpoint:
    """The endpoint that DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH name, as the SDK reads them."""
    named = sdk().utils.kwargs_from_env()
    return Endpoint(url=named["base_url"], origin="DOCKER_HOST", only=True, tls=named.get("tls", False))


def sdk() -> Any:  # noqa: ANN401 - a module, which the type checker knows under its own name only
    """The Docker SDK's module.

    Raises:
        NothingToRunOn: it is not installed; the lab's own folder ``docker/`` then answers to its name.
    """
    try:
        module = importlib.import_module("docker")
    except ModuleNotFoundError:
        raise NothingToRunOn(NO_SDK) from None
    if getattr(module, "__file__", None) is None or not hasattr(module, "DockerClient"):
        raise NothingToRunOn(NO_SDK)
    return module


def context_api() -> Any:  # noqa: ANN401 - the stubs do not know that a context may be missing, or have no TLS
    """The SDK's ``ContextAPI``, which reads Docker's contexts.

    Raises:
        NothingToRunOn: the SDK is not installed.
    """
    sdk()
    return importlib.import_module("docker.context").ContextAPI
