"""A second container beside the agent's, on a private network that lives as long as the two."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from lab.agent.toolkit.sidecars import SETTINGS_VARIABLE
from lab.targets.engine import Engine

PORT = 50_000
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the network is private: nothing but the agent's container is on it


@contextlib.contextmanager
def beside(
    engine: Engine, image: str, name: str, posture: Mapping[str, Any], label: Mapping[str, str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The private network's name, and what the agent must know of its companion: host, port, authkey.

    ``posture`` is the agent's own, without a network. Network and container carry the run's ``label``, so that what a
    killed run leaves is found; both are removed on every way out.
    """
    from docker.errors import DockerException

    network = engine.client.networks.create(
        f"comparison-lab-{secrets.token_hex(6)}", driver="bridge", internal=True, labels=dict(label)
    )
    assert network.name is not None
    try:
        settings = {"port": PORT, "authkey": secrets.token_hex(16)}
        environment = {**posture["environment"], SETTINGS_VARIABLE: json.dumps({"host": EVERYWHERE, **settings})}
        container = engine.client.containers.create(
            image,
            ["--companion", name],
            **{**posture, "environment": environment, "labels": dict(label)},
            network=network.name,
        )
        try:
            container.start()
            container.reload()
            address = container.attrs["NetworkSettings"]["Networks"][network.name]["IPAddress"]
            yield network.name, {"host": address, **settings}
        finally:
            with contextlib.suppress(DockerException):
                container.remove(force=True, v=True)
    finally:
        with contextlib.suppress(DockerException):
            network.remove()
