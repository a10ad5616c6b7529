"""Containers and networks: how they are started, why they ended, and what of them is removed."""

from __future__ import annotations

import json
import socket
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker.errors import DockerException, NotFound
from msgspec.structs import replace

from lab.agent.protocol import REQUEST_VARIABLE, REQUEST_VARIABLE_LIMIT, unpack_request
from lab.errors import EngineError, TargetUnsupported
from lab.model import Limit, Target
from lab.targets import cleanup as left
from lab.targets import docker, owners
from lab.targets.docker import DockerRunner, DockerRunning
from lab.targets.request import Request

HOST = socket.gethostname()
NOBODY = 2**22 + 1  # beyond what a process id may be


class Container:
    """A container of an engine that is not there; it notes what is done with it."""

    def __init__(self, state: dict[str, Any] | None = None, chunks: Any = (), *, is_gone: bool = False) -> None:
        self.calls: list[Any] = []
        self.attrs: dict[str, Any] = {
            "State": state or {},
            "NetworkSettings": {"Networks": {"net": {"IPAddress": "10.0.0.2"}}},
        }
        self.chunks = chunks
        self.is_gone = is_gone

    def reload(self) -> None:
        if self.is_gone:
            raise NotFound("no such container")

    def attach(self, **settings: Any) -> Any:
        self.calls.append(("attach", settings["demux"]))
        return iter(self.chunks)

    def start(self) -> None:
        self.calls.append("start")

    def kill(self) -> None:
        self.calls.append("kill")

    def wait(self, timeout: float) -> dict[str, int]:
        self.calls.append(("wait", timeout))
        return {"StatusCode": 9}

    def remove(self, **settings: Any) -> None:
        self.calls.append(("remove", settings))


def ran(container: Container, silence_s: float = 60.0) -> DockerRunning:
    return DockerRunning(cast("Any", container), iter(container.chunks), silence_s)


def test_lines_of_a_container_are_whole_however_they_come_and_complaints_are_kept() -> None:
    chunks = [(b"fir", None), (b"st\nsecond\nthi", b"a complaint"), (None, b"\n"), (b"rd\n", None), (b"cut off", None)]
    running = ran(Container({"ExitCode": 3}, chunks))
    assert list(running.lines()) == ["first", "second", "third"]
    assert running.why_ended() == "the container ended with exit code 3: a complaint"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"ExitCode": 0}, "the container ended with exit code 0"),
        ({"ExitCode": 137}, "the container ended with exit code 137 (killed)"),
        (
            {"ExitCode": 137, "OOMKilled": True},
            "the container ended with exit code 137, killed because it was out of memory (its limit is 4096 MiB)",
        ),
        ({"Running": True}, "the container ended with exit code 9"),
    ],
)
def test_why_a_container_ended_names_its_code_and_a_kill(state: dict[str, Any], words: str) -> None:
    assert ran(Container(state)).why_ended() == words


def test_a_container_that_is_gone_was_removed_and_only_the_end_of_its_complaints_is_kept() -> None:
    assert ran(Container(is_gone=True)).why_ended() == "the container is gone: it was removed from outside"
    running = ran(Container({"ExitCode": 1}, [(None, b"x" * 300), (None, b"y" * 300)]))
    assert list(running.lines()) == []
    assert running.why_ended() == "the container ended with exit code 1: " + "x" * 100 + "y" * 300


def test_a_container_that_says_nothing_is_killed_and_one_that_is_closed_is_not() -> None:
    silent, closed = Container(), Container()
    running = ran(closed, silence_s=0.05)
    running.close()
    ran(silent, silence_s=0.01)
    limit = time.monotonic() + 10
    while not silent.calls and time.monotonic() < limit:
        time.sleep(0.005)
    assert silent.calls == ["kill"]
    time.sleep(0.06)
    assert closed.calls == []


class Networks:
    """The engine's networks."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.labels: Any = None
        self.name = "net"

    def create(self, _name: str, **settings: Any) -> Networks:
        assert settings["internal"]
        self.labels = settings["labels"]
        self.calls.append("create")
        return self

    def remove(self) -> None:
        self.calls.append("remove")


class Engine:
    """An engine that gives the containers that the test has, or refuses one."""

    is_local, cpus, memory_bytes = False, 2, 0
    name, address = "docker", "unix:///there"

    def lack_sentence(self, mode: str) -> str:
        return f"it sets no {mode}" if mode in self.lacks else ""

    def __init__(self, *containers: Container | Exception, lacks: tuple[str, ...] = ()) -> None:
        self.lacks = lacks
        self.waiting = list(containers)
        self.created: list[dict[str, Any]] = []
        self.networks = Networks()
        self.client = SimpleNamespace(containers=self, networks=self.networks)

    def create(self, image: str, command: list[str] | None = None, **settings: Any) -> Container:
        self.created.append({"image": image, "command": command, **settings})
        found = self.waiting.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


TARGET = Target(
    id="x", key="3.13", engine="docker", os="linux", arch="x86_64", limit=Limit(mode="cpuset", cpus=1), cpus_visible=1
)
IMAGES = cast("Any", {"3.13": SimpleNamespace(reference="image:1")})
REQUEST = Request.from_target(TARGET, [3, 5], 0, [])
WITH_COMPANION = Request.from_target(TARGET, None, 0, [], sidecar="manager_server")
REMOVED = ("remove", {"force": True, "v": True})


def runner(engine: Engine) -> DockerRunner:
    return DockerRunner(cast("Any", engine), IMAGES, "run")


def test_a_container_gets_its_request_and_no_network_and_is_removed() -> None:
    container = Container(chunks=[(b"line\n", None)])
    engine = Engine(container)
    with runner(engine).start(TARGET, [3, 5], REQUEST) as running:
        assert list(running.lines()) == ["line"]
    (settings,) = engine.created
    assert (settings["image"], settings["network_mode"], settings["cpuset_cpus"]) == ("image:1", "none", "3,5")
    assert unpack_request(settings["environment"][REQUEST_VARIABLE]) == json.loads(REQUEST.text())
    assert settings["labels"]["comparison-lab.run"] == "run"
    assert container.calls == [("attach", True), "start", REMOVED]
    assert engine.networks.calls == []


def test_a_second_container_shares_a_private_network_and_both_are_removed() -> None:
    beside, container = Container(), Container()
    engine = Engine(beside, container)
    with runner(engine).start(TARGET, None, WITH_COMPANION):
        pass
    first, second = engine.created
    assert first["command"] == ["--companion", "manager_server"]
    assert first["network"] == second["network"] == "net"
    assert "network_mode" not in second
    given = unpack_request(second["environment"][REQUEST_VARIABLE])["target"]["companion"]
    assert (given["host"], given["port"], len(given["authkey"])) == ("10.0.0.2", 50_000, 32)
    assert given["authkey"] in first["environment"]["COMPARISON_LAB_COMPANION"]
    assert engine.networks.labels["comparison-lab.run"] == "run"
    assert beside.calls == ["start", REMOVED]
    assert container.calls[-1] == REMOVED
    assert engine.networks.calls == ["create", "remove"]


def test_an_engine_that_refuses_leaves_no_second_container_and_no_network() -> None:
    beside = Container()
    engine = Engine(beside, DockerException("no space left"))
    with (
        pytest.raises(EngineError, match="refuses a container for x: no space left"),
        runner(engine).start(TARGET, None, WITH_COMPANION),
    ):
        pytest.fail("it was started")
    assert beside.calls[-1] == REMOVED
    assert engine.networks.calls == ["create", "remove"]


def test_an_engine_that_starts_no_container_is_reported_once_with_the_remedy_before_the_run() -> None:
    refusing = Engine(DockerException("container-init binary not found on the host: stat: no such file"))
    with pytest.raises(EngineError, match=r"docker at unix:///there starts no container: .*; install catatonit"):
        runner(refusing).examine(lambda _line: None)
    idle = Container({"Pid": 0})
    idle.attrs["Id"] = "c0ffee"
    runner(Engine(idle)).examine(lambda _line: None)
    assert idle.calls == ["start", REMOVED]


def test_a_limit_that_the_engine_cannot_set_is_unsupported_without_a_container() -> None:
    rootless = Engine(lacks=("cpuset",))
    with pytest.raises(TargetUnsupported, match="it sets no cpuset"), runner(rootless).start(TARGET, [3], REQUEST):
        pytest.fail("it was started")
    assert rootless.created == []


def test_all_cpus_of_the_engine_need_no_cpuset() -> None:
    whole = replace(TARGET, limit=Limit(mode="cpuset", cpus=2))
    rootless = Engine(Container(), lacks=("cpuset",))
    with runner(rootless).start(whole, [0, 1], REQUEST):
        pass
    assert "cpuset_cpus" not in rootless.created[0]


def test_a_request_must_fit_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for length, is_refused in ((REQUEST_VARIABLE_LIMIT, False), (REQUEST_VARIABLE_LIMIT + 1, True)):
        monkeypatch.setattr(Request, "packed", lambda _request, length=length: "x" * length)
        if is_refused:
            with pytest.raises(EngineError, match="choose fewer cells"):
                docker.packed(REQUEST)
        else:
            assert len(docker.packed(REQUEST)) == length


def test_memory_is_limited_to_what_the_engine_has() -> None:
    for engine_bytes, limit in ((0, 4 << 30), (100 << 30, 4 << 30), (1 << 30, int((1 << 30) * 0.9))):
        engine = Engine()
        engine.memory_bytes = engine_bytes
        assert runner(engine)._options(TARGET, None)["mem_limit"] == limit


def test_a_quota_leaves_all_cpus_in_sight_and_a_cpuset_takes_turns() -> None:
    under_quota = Target(
        id="q", key="3.13", engine="docker", os="linux", arch="x86_64", limit=Limit(mode="quota", cpus=0.5),
        cpus_visible=2,
    )  # fmt: skip
    found = runner(Engine())
    assert found.cpus_for(under_quota, 0) is None
    assert [found.cpus_for(TARGET, number) for number in range(3)] == [[0], [1], [0]]


def labelled(run: str, owner: str | None, status: str = "running") -> Any:
    labels = {left.RUN_LABEL: run} | ({} if owner is None else {left.OWNER_LABEL: owner})
    calls: list[Any] = []
    thing = SimpleNamespace(labels=labels, attrs={"Labels": labels}, status=status, calls=calls)
    thing.remove = lambda **settings: calls.append(settings)
    return thing


def test_what_dead_runs_left_is_removed_and_what_lives_or_is_another_machine_s_is_not() -> None:
    living, dead = owners.owner(), f"{HOST} {NOBODY} 5"
    containers = [
        labelled("alive", living), labelled("dead", dead), labelled("elsewhere", f"other {NOBODY} 5"),
        labelled("old-idle", None, "exited"), labelled("old-busy", None),
    ]  # fmt: skip
    networks = [labelled("alive", living), labelled("dead-network", dead), labelled("old", None)]
    asked: list[Any] = []

    def listed(things: list[Any]) -> Any:
        def found(**settings: Any) -> list[Any]:
            asked.append(settings["filters"])
            return things

        return SimpleNamespace(list=found)

    engine = cast(
        "Any", SimpleNamespace(client=SimpleNamespace(containers=listed(containers), networks=listed(networks)))
    )
    found = left.leftovers(engine)
    assert found.runs == ("dead", "dead-network", "old-idle")
    assert found.remove() == 3
    assert [container.calls for container in containers] == [
        [],
        [{"force": True, "v": True}],
        [],
        [{"force": True, "v": True}],
        [],
    ]
    assert [network.calls for network in networks] == [[], [{}], []]
    assert asked == [{"label": "comparison-lab.run"}] * 2
    assert left.left_by(engine, "r1").remove() == 8
    assert asked[2:] == [{"label": ["comparison-lab.run=r1"]}] * 2
    left.left_by(engine, "r1", maker=living)
    assert asked[4:] == [{"label": ["comparison-lab.run=r1", f"comparison-lab.owner={living}"]}] * 2
