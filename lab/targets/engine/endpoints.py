"""Where a container engine may listen: DOCKER_HOST, Docker's contexts, then the usual sockets; and the SDK for it."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.errors import EngineError, NothingToRunOn
from lab.targets.interpreters import below_home
from lab.text import one_line

CONTEXT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*")  # as Docker allows
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


def endpoints(kind: Literal["auto", "docker", "podman"], context: str | None = None) -> Iterator[Endpoint]:
    """Addresses in the order in which they are tried, each once; ``context`` is the Docker context of ``--context``.

    What the user named (``--context``, DOCKER_HOST, CONTAINER_HOST, the current Docker context) is never replaced by
    another engine.

    Raises:
        EngineError: the named context is damaged or unknown, or an address would be reached without the encryption that
            DOCKER_TLS_VERIFY demands.
    """
    seen = set()
    for endpoint in _all(kind, context):
        _refuse_plain_text(endpoint)
        if endpoint.url not in seen:
            seen.add(endpoint.url)
            yield endpoint
        if endpoint.only:
            return


def _all(kind: str, context: str | None) -> Iterator[Endpoint]:
    if context:
        yield from _context(context, "--context")
        yield Endpoint(url=next(docker_sockets()), origin="the Docker context default", only=True)
    if kind == "podman" and os.environ.get("CONTAINER_HOST"):
        yield Endpoint(url=os.environ["CONTAINER_HOST"], origin="CONTAINER_HOST", only=True)
    if os.environ.get("DOCKER_HOST"):
        yield _from_environment()
    if kind != "podman":
        yield from _current_context()
        yield from (Endpoint(url=url, origin="its usual place") for url in docker_sockets())
    if kind != "docker":
        if os.environ.get("CONTAINER_HOST"):
            yield Endpoint(url=os.environ["CONTAINER_HOST"], origin="CONTAINER_HOST", only=True)
        yield from (Endpoint(url=url, origin="its usual place") for url in podman_sockets())


def _refuse_plain_text(endpoint: Endpoint) -> None:
    if os.environ.get("DOCKER_TLS_VERIFY") and endpoint.url.startswith(("tcp://", "http://")) and not endpoint.tls:
        raise EngineError(
            f"DOCKER_TLS_VERIFY demands an encrypted connection, but {public_address(endpoint.url)}, named by "
            f"{endpoint.origin}, has no certificates; store them with the context (`docker context update`), or unset "
            "DOCKER_TLS_VERIFY"
        )


def public_address(url: str) -> str:
    """The address without a password and with the home folder as ``~``, since output and manifests are shared."""
    scheme, separator, rest = url.partition("://")
    if scheme == "unix":
        return f"unix://{below_home(Path(rest))}"
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}"


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


def _current_context() -> Iterator[Endpoint]:
    """The endpoint of the current Docker context; DOCKER_CONTEXT goes before Docker's config.json. None for default."""
    name = os.environ.get("DOCKER_CONTEXT")
    sdk()
    current = importlib.import_module("docker.context.config").get_current_context_name
    yield from _context(name or current(), "DOCKER_CONTEXT" if name else "currentContext in Docker's config.json")


def _context(name: object, origin: str) -> Iterator[Endpoint]:
    """The endpoint of a Docker context as the SDK reads it; none for ``default``, whose endpoint is the usual one.

    Raises:
        EngineError: the context is unknown or damaged.
    """
    if name == "default":
        return
    if not (isinstance(name, str) and CONTEXT_NAME.fullmatch(name)):
        raise EngineError(
            f"{one_line(repr(name))}, named by {origin}, is not the name of a Docker context; "
            "`docker context ls` shows all contexts, and `docker context use NAME` chooses one"
        )
    others = "`docker context ls` shows all contexts, and `docker context use NAME` chooses one"
    try:
        context = context_api().get_context(name)
    except Exception as error:  # noqa: BLE001 - the SDK raises bare exceptions and KeyError for damaged files
        raise EngineError(
            f"the Docker context {name}, named by {origin}, cannot be read ({one_line(error)}); "
            f"`docker context inspect {name}` shows what is wrong with it, {others}"
        ) from None
    if context is not None and not isinstance(context.Host, str | None):
        raise EngineError(f"the Docker context {name}, named by {origin}, has an address that is not text; {others}")
    if context is None or not context.Host:
        raise EngineError(f"the Docker context {name}, named by {origin}, does not exist; {others}")
    yield Endpoint(
        url=context.Host,
        origin=f"the Docker context {context.Name}",
        only=True,
        tls=context.TLSConfig or False,
    )


def _from_environment() -> Endpoint:
    """The endpoint that DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH name, as the SDK reads them.

    Raises:
        EngineError: the certificates are missing.
    """
    module = sdk()
    try:
        named = module.utils.kwargs_from_env()
    except module.errors.TLSParameterError:
        folder = os.environ.get("DOCKER_CERT_PATH") or "~/.docker"
        raise EngineError(
            f"DOCKER_TLS_VERIFY or DOCKER_CERT_PATH demands an encrypted connection to DOCKER_HOST, but {folder} lacks "
            "ca.pem, cert.pem or key.pem; set DOCKER_CERT_PATH to the folder that has them, or unset both"
        ) from None
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
