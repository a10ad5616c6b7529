"""Where a container engine may listen: DOCKER_HOST, Docker's contexts, then the usual sockets."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lab.errors import EngineError


@dataclass(frozen=True, kw_only=True)
class Place:
    """One address to try."""

    url: str
    origin: str  # who named it, for messages
    only: bool = False  # the user named it, so nothing else is tried instead
    tls: Any = False  # a docker.tls.TLSConfig where the connection is encrypted


def places(kind: Literal["auto", "docker", "podman"]) -> Iterator[Place]:
    """Addresses in the order in which they are tried, each once."""
    seen = set()
    for place in _all(kind):
        if place.url not in seen:
            seen.add(place.url)
            yield place
        if place.only:
            return


def _all(kind: str) -> Iterator[Place]:
    if kind == "podman" and os.environ.get("CONTAINER_HOST"):
        yield Place(url=os.environ["CONTAINER_HOST"], origin="CONTAINER_HOST", only=True)
    if os.environ.get("DOCKER_HOST"):
        yield Place(url=os.environ["DOCKER_HOST"], origin="DOCKER_HOST", only=True, tls=_tls_of_environment())
    if kind != "podman":
        yield from _context()
        yield from (Place(url=url, origin="its usual place") for url in docker_sockets())
    if kind != "docker":
        if os.environ.get("CONTAINER_HOST"):
            yield Place(url=os.environ["CONTAINER_HOST"], origin="CONTAINER_HOST")
        yield from (Place(url=url, origin="its usual place") for url in podman_sockets())


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


def _context() -> Iterator[Place]:
    """The place that the current Docker context names; DOCKER_CONTEXT goes before the configuration file.

    Raises:
        EngineError: DOCKER_CONTEXT names a context that does not exist.
    """
    folder = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    demanded = os.environ.get("DOCKER_CONTEXT", "")
    name = demanded or _read_json(folder / "config.json").get("currentContext") or "default"
    if name == "default":
        return
    inside = hashlib.sha256(name.encode()).hexdigest()
    endpoint = _read_json(folder / "contexts" / "meta" / inside / "meta.json").get("Endpoints", {}).get("docker", {})
    if endpoint.get("Host"):
        tls = _tls_of_folder(folder / "contexts" / "tls" / inside / "docker", verify=not endpoint.get("SkipTLSVerify"))
        yield Place(url=endpoint["Host"], origin=f"the Docker context {name}", only=bool(demanded), tls=tls)
    elif demanded:
        raise EngineError(f"DOCKER_CONTEXT names {name}, which does not exist: `docker context ls` shows those that do")


def _tls_of_environment() -> Any:  # noqa: ANN401 - False, or an object of the SDK, whose import is late
    """What DOCKER_TLS_VERIFY and DOCKER_CERT_PATH ask for, as the SDK reads them."""
    if not (os.environ.get("DOCKER_CERT_PATH") or os.environ.get("DOCKER_TLS_VERIFY")):
        return False
    folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    return _tls_of_folder(folder, verify=bool(os.environ.get("DOCKER_TLS_VERIFY")))


def _tls_of_folder(folder: Path, *, verify: bool) -> Any:  # noqa: ANN401 - as above
    """TLS by the client certificate in ``folder``; False where there is none."""
    from lab.targets.engine import sdk  # the SDK's import is late, and its absence has one message

    if not (folder / "cert.pem").is_file():
        return False
    return sdk().tls.TLSConfig(
        client_cert=(str(folder / "cert.pem"), str(folder / "key.pem")),
        ca_cert=str(folder / "ca.pem") if (folder / "ca.pem").is_file() else None,
        verify=verify,
    )


def _read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is no such file, or it is damaged."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
