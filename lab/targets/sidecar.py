"""A sidecar: a second container next to the agent's, on a private network that both share."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lab.agent.toolkit.sidecars import SETTINGS_VARIABLE
from lab.errors import TargetUnsupported
from lab.targets.engine import Engine, with_remedy
from lab.targets.images.model import PYTHON_IN_IMAGE

if TYPE_CHECKING:
    from docker.models.containers import Container

PORT = 50_000
PROBE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()
except ConnectionRefusedError:
    pass  # it does not listen yet, and is reached
"""
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the network is private: nothing but the agent's container is on it


@contextlib.contextmanager
def start(
    engine: Engine, image: str, name: str, options: Mapping[str, Any], label: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, str | int]]]:
    """Start a sidecar; the name of the private network, and its host, port and authkey for the agent.

    ``options`` are those of the agent's container, without a network. Network and container carry the run's ``label``,
    so that what a killed run leaves is found; both are removed on every exit.

    Raises:
        TargetUnsupported: a rootless engine gives no network, or the containers of one do not reach each other.
    """
    from docker.errors import DockerException

    network = engine.client.networks.create(
        f"comparison-lab-{secrets.token_hex(6)}", driver="bridge", internal=True, labels=dict(label)
    )
    assert network.name is not None
    try:
        settings: dict[str, str | int] = {"port": PORT, "authkey": secrets.token_hex(16)}
        environment = {**options["environment"], SETTINGS_VARIABLE: json.dumps({"host": EVERYWHERE, **settings})}
        container = engine.client.containers.create(
            image,
            ["--companion", name],  # word-ok: the agent's option
            **{**options, "environment": environment, "labels": dict(label)},
            network=network.name,
        )
        try:
            address = started(engine, container, network.name)
            if engine.name == "podman":
                refuse_unreachable(engine, image, {**options, "labels": dict(label), "network": network.name}, address)
            yield network.name, {"host": address, **settings}
        finally:
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)
    finally:
        with contextlib.suppress(DockerException):
            network.remove()


def started(engine: Engine, container: Container, network: str) -> str:
    """Start the sidecar and return its address on the network.

    Raises:
        TargetUnsupported: a rootless engine cannot give it this network.
    """
    from docker.errors import DockerException

    try:
        container.start()
    except DockerException as error:
        if not engine.rootless:
            raise
        raise TargetUnsupported(
            f"rootless {engine.name} gives containers no private network here: {with_remedy(error)}"
        ) from None
    container.reload()
    address: str = container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"]
    return address


def refuse_unreachable(engine: Engine, image: str, options: Mapping[str, Any], address: str) -> None:
    """Connect from a container with these options to the address.

    Docker on the same machine drops what its firewall does not know, and Podman adds no rule for a private network.

    Raises:
        TargetUnsupported: no connection is made.
    """
    probing = engine.client.containers.create(
        image, entrypoint=[PYTHON_IN_IMAGE, "-I", "-c", PROBE, address, str(PORT)], **options
    )
    try:
        probing.start()
        if probing.wait(timeout=60)["StatusCode"]:
            raise TargetUnsupported(
                f"the containers of a private network of {engine.name} do not reach each other, as is so beside "
                "Docker, whose firewall drops what it does not know; allow it with: sudo iptables -I DOCKER-USER "
                "-i podman+ -o podman+ -j ACCEPT"
            )
    finally:
        probing.remove(force=True, v=True)
