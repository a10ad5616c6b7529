from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from lab.cli import cli
from lab.errors import EngineError, NothingToRunOn
from lab.targets.engine import connect, first_answering, lacking, probe
from lab.targets.engine.endpoints import Endpoint, endpoints, public_address
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


@pytest.fixture
def docker_config(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of Docker's configuration whose current context is ``lab``, and none of the variables that go before."""
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "CONTAINER_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text('{"currentContext": "lab"}', encoding="ascii")
    return tmp_path


def add_context(config: Path, name: str, host: str) -> None:
    meta = config / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    content = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host}}}
    (meta / "meta.json").write_text(json.dumps(content), encoding="ascii")


def test_the_current_context_is_binding(docker_config: Path) -> None:
    add_context(docker_config, "lab", "unix:///lab.sock")
    assert [found.url for found in endpoints("auto")] == ["unix:///lab.sock"]


@needs_unix
def test_a_dead_current_context_is_refused_and_not_replaced_by_the_local_engine(docker_config: Path) -> None:
    add_context(docker_config, "lab", f"unix://{docker_config}/dead.sock")
    with pytest.raises(EngineError, match=r"dead.sock, named by the Docker context lab, does not answer.*--context"):
        connect("auto")


@pytest.mark.parametrize("variable", [None, "DOCKER_CONTEXT"])
def test_an_unknown_context_is_refused(
    docker_config: Path, monkeypatch: pytest.MonkeyPatch, variable: str | None
) -> None:
    if variable:
        monkeypatch.setenv(variable, "gone")
    name, origin = ("gone", variable) if variable else ("lab", "currentContext in Docker's config.json")
    with pytest.raises(EngineError, match=f"context {name}, named by {origin}, does not exist; `docker context ls`"):
        connect("docker")
    assert docker_config.is_dir()


def test_a_damaged_context_is_refused(docker_config: Path) -> None:
    add_context(docker_config, "lab", "unix:///lab.sock")
    next(docker_config.glob("contexts/meta/*/meta.json")).write_text('{"Name": "lab"', encoding="ascii")
    with pytest.raises(EngineError, match=r"context lab, named by .*, cannot be read .*`docker context inspect lab`"):
        next(iter(endpoints("docker")))


def test_the_context_of_the_command_line_goes_before_everything(
    docker_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_context(docker_config, "other", "tcp://192.0.2.2:2375")
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    assert [found.url for found in endpoints("auto", "other")] == ["tcp://192.0.2.2:2375"]
    assert [found.only for found in endpoints("auto", "default")] == [True]
    with pytest.raises(EngineError, match="context nowhere, named by --context, does not exist"):
        connect("auto", "nowhere")


def test_no_connection_is_made_in_plain_text_where_encryption_is_demanded(
    docker_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    add_context(docker_config, "lab", "tcp://192.0.2.2:2375")
    with pytest.raises(
        EngineError, match=r"tcp://192.0.2.2:2375, named by the Docker context lab, has no certificates"
    ):
        connect("auto")
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(docker_config))
    with pytest.raises(EngineError, match=rf"DOCKER_HOST, but {re.escape(str(docker_config))} lacks ca.pem"):
        connect("auto")


@pytest.mark.skipif(importlib.util.find_spec("paramiko") is not None, reason="the extra ssh is installed")
def test_an_engine_behind_ssh_names_the_extra_that_reaches_it(
    docker_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "ssh://me:secret@192.0.2.1")
    with pytest.raises(EngineError, match=r"ssh://me@192.0.2.1, named by DOCKER_HOST, .*'comparison-lab\[ssh\]'"):
        connect("auto")
    assert docker_config.is_dir()


def test_a_shown_address_has_neither_password_nor_home_folder() -> None:
    assert public_address("ssh://me:secret@there:22") == "ssh://me@there:22"
    assert public_address("tcp://there:2376") == "tcp://there:2376"
    if sys.platform != "win32":
        assert public_address(f"unix://{Path.home()}/.docker/run/docker.sock") == "unix://~/.docker/run/docker.sock"
        assert public_address("unix:///var/run/docker.sock") == "unix:///var/run/docker.sock"


@needs_unix
def test_a_dead_socket_that_the_user_named_is_no_reason_to_measure_natively(
    docker_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{docker_config}/dead.sock")
    done = CliRunner().invoke(cli, ["plan", "--profile", "smoke"])
    assert isinstance(done.exception, EngineError)
    assert done.exception.exit_code == 3
    assert "named by DOCKER_HOST, does not answer" in str(done.exception)


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
    with pytest.raises(
        EngineError, match=r"named by DOCKER_HOST, does not answer: Connection refused; .*--engine none"
    ):
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
