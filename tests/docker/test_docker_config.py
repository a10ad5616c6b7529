"""A user's config.json of Docker: proxies and credential helpers stay out of local builds and of what is measured."""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import EngineError
from lab.model import Limit, Target
from lab.targets.cleanup import RUN_LABEL
from lab.targets.docker import DockerRunner
from lab.targets.engine import Engine, connect
from lab.targets.images.build import build_events, image_from
from lab.targets.images.host import HostSource
from lab.targets.images.model import Base
from lab.targets.images.registry import fetched_base
from lab.targets.request import Request

pytestmark = [
    pytest.mark.engine,
    pytest.mark.filterwarnings("ignore:docker-credential-lab-missing not installed"),  # the SDK's own remark
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket.socket"),  # the SDK leaves attached streams open
]
SECRET = "http://me:secret@192.0.2.1:3128"
RUN = "test-docker-config"


@pytest.fixture
def configured(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A second connection to the engine, under a configuration with a proxy and a missing credential helper."""
    content = {"credsStore": "lab-missing", "proxies": {"default": {"httpProxy": SECRET, "httpsProxy": SECRET}}}
    (tmp_path / "config.json").write_text(json.dumps(content | {"auths": {"ghcr.io": {}}}), encoding="ascii")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", engine.endpoint.url)
    found = connect("auto")
    yield found
    found.client.close()


def own_base(engine: Engine) -> Base:
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    source = HostSource(engine)
    key = own if own in source.available() else source.available()[-1]
    return source.base(key, lambda _line: None)


def tar_of(dockerfile: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(dockerfile)
        tar.addfile(entry, io.BytesIO(dockerfile))
    return packed.getvalue()


def test_neither_proxies_nor_helpers_reach_builds_and_containers(configured: Engine) -> None:
    base = own_base(configured)
    image = image_from(configured, base, lambda _line: None)
    runner = DockerRunner(configured, {base.key: image}, RUN)
    limit = Limit(mode="cpuset", cpus=1)
    target = Target(
        id=limit.label, key=base.key, engine="docker", os="linux", arch=configured.arch, limit=limit, cpus_visible=1
    )
    with runner.start(target, [0], Request.from_target(target, [0], 0, [])) as running:
        (container,) = configured.client.containers.list(
            all=True, filters={"label": f"{RUN_LABEL}={RUN}"}, ignore_removed=True
        )
        assert '"facts"' in "".join(running.lines())
    text = json.dumps(container.attrs["Config"]["Env"])
    assert "OMP_NUM_THREADS" in text
    assert "secret" not in text
    assert "PROXY" not in text.upper()


def test_a_local_build_asks_no_credential_helper_and_takes_no_proxy(configured: Engine) -> None:
    base = own_base(configured)
    tag = "comparison-lab:test-docker-config"
    context = tar_of(b"ARG BASE\nFROM ${BASE}\nLABEL a=b\n")
    events = list(build_events(configured, context, {"BASE": base.reference}, {"test": "yes"}, tag))
    try:
        assert not [event for event in events if "error" in event]
        found = configured.client.images.get(tag)
        assert found.labels["test"] == "yes"
        assert "secret" not in json.dumps([found.history(), found.attrs])
    finally:
        configured.client.images.remove(tag)


def test_a_missing_credential_helper_ends_a_pull_in_a_sentence(configured: Engine) -> None:
    with pytest.raises(EngineError, match=r"credential helper of Docker's config.json fails: install it.*lab-missing"):
        fetched_base(configured, "3.13", "lab.invalid/nothing:1", "given", lambda _line: None)
