from __future__ import annotations

import hashlib
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import EngineError, NothingToRunOn
from lab.targets.engine import connect, first_answering, lacking, probe
from lab.targets.engine.endpoints import Endpoint, endpoints
from tests.fake_machines import engine

needs_unix = pytest.mark.skipif(sys.platform == "win32", reason="UNIX sockets and user ids")


@pytest.fixture
def forbidden_socket(tmp_path: Path) -> Iterator[str]:
    """A socket that this process may not connect to; root becomes nobody for as long as it lasts."""
    path = tmp_path / "e.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0)
        user = os.geteuid()
        os.seteuid(65534 if user == 0 else user)
        try:
            yield f"unix://{path}"
        finally:
            os.seteuid(user)


def test_docker_host_is_the_only_endpoint_when_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert [endpoint.url for endpoint in endpoints("auto")] == ["tcp://192.0.2.1:2375"]


def test_container_host_names_podman(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("CONTAINER_HOST", "unix:///somewhere/podman.sock")
    assert [endpoint.url for endpoint in endpoints("podman")] == ["unix:///somewhere/podman.sock"]
    assert "unix:///somewhere/podman.sock" not in [endpoint.url for endpoint in endpoints("docker")]


def test_the_current_context_goes_before_the_usual_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')
    assert next(iter(endpoints("docker"))).origin == "its usual place"  # a context whose files are gone
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"lab").hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(
        '{"Name": "lab", "Metadata": {}, "Endpoints": {"docker": {"Host": "unix:///lab.sock"}}}'
    )
    assert next(iter(endpoints("docker"))).url == "unix:///lab.sock"


def test_a_damaged_context_is_passed_over_unless_it_is_demanded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.delenv("DOCKER_CONTEXT", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}')
    meta = tmp_path / "contexts" / "meta" / hashlib.sha256(b"lab").hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text('{"Name": "lab"')
    assert next(iter(endpoints("docker"))).origin == "its usual place"
    monkeypatch.setenv("DOCKER_CONTEXT", "lab")
    with pytest.raises(EngineError, match=r"context lab, named by DOCKER_CONTEXT, cannot be read .*context inspect"):
        next(iter(endpoints("docker")))


def test_a_demanded_context_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("DOCKER_CONTEXT", "nowhere")
    with pytest.raises(EngineError, match="docker context ls"):
        connect("docker")


@needs_unix
def test_where_nobody_listens_there_is_nothing_to_run_on(tmp_path: Path) -> None:
    with pytest.raises(NothingToRunOn, match="--engine none") as caught:
        first_answering([Endpoint(url=f"unix://{tmp_path}/none.sock", origin="a test")], "auto")
    assert not isinstance(caught.value, EngineError)


@needs_unix
def test_refused_permission_is_named_with_its_remedy(forbidden_socket: str) -> None:
    endpoint = Endpoint(url=forbidden_socket, origin="a test")
    assert probe(endpoint) == "refused"
    with pytest.raises(EngineError, match=r"refuses permission: .*usermod -aG docker.*rootless.*sudo"):
        first_answering([endpoint], "auto")


@needs_unix
def test_an_engine_named_by_the_user_that_does_not_answer_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    with pytest.raises(EngineError, match=r"named by DOCKER_HOST, does not answer: Connection refused$"):
        connect("auto")


def test_an_engine_that_cannot_limit_cpus_is_known_by_its_info_and_its_controllers() -> None:
    assert lacking({"CPUSet": True, "CpuCfsQuota": True}, None) == ()
    assert lacking({}, None) == ()  # one that does not say
    assert lacking({"CPUSet": False, "CpuCfsQuota": False}, None) == ("cpuset", "quota")
    machine = {"CPUSet": True, "CpuCfsQuota": True}  # what rootless Podman says of the machine, not of itself
    assert lacking(machine, ["cpu", "memory", "pids"]) == ("cpuset",)
    assert lacking(machine, []) == ("cpuset", "quota")


def test_what_a_rootless_engine_lacks_is_named_with_the_command_that_delegates_it() -> None:
    rootless = engine(name="podman", rootless=True, lacks=("cpuset",))
    assert rootless.lack_sentence("quota") == ""
    sentence = rootless.lack_sentence("cpuset")
    assert sentence.startswith("rootless podman sets no cpusets here")
    assert "Delegate=cpu cpuset" in sentence
    assert "sudo systemctl daemon-reload" in sentence
    assert "unified_cgroup_hierarchy" in replace(rootless, cgroup_version="1").lack_sentence("cpuset")
