"""The doctor: each check by file trees of machines that harm, that do not, and that do not tell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lab.doctor import load, processor, rights, windows
from lab.doctor.examination import OF_THE_TREE, guarded
from lab.doctor.finding import Finding
from lab.doctor.load import judge_busy
from lab.errors import EngineError, LabError, NothingToRunOn
from lab.targets.cleanup import OWNER_LABEL, is_dead
from lab.targets.owners import owner
from tests.fake_machines import engine

CGROUPS = Path(__file__).parents[1] / "data" / "cgroup"
CPU = "sys/devices/system/cpu"
CLOCK = "sys/devices/system/clocksource/clocksource0/current_clocksource"


def tree(root: Path, **files: str) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("check", "files", "state"),
    [
        (processor.governor, {f"{CPU}/cpu0/cpufreq/scaling_governor": "powersave"}, "harms"),
        (processor.governor, {f"{CPU}/cpu0/cpufreq/scaling_governor": "performance"}, "ok"),
        (processor.turbo, {f"{CPU}/intel_pstate/no_turbo": "0"}, "harms"),
        (processor.turbo, {f"{CPU}/intel_pstate/no_turbo": "1"}, "ok"),
        (processor.turbo, {f"{CPU}/cpufreq/boost": "1"}, "harms"),
        (processor.hyper_threading, {f"{CPU}/smt/active": "1"}, "harms"),
        (processor.hyper_threading, {f"{CPU}/smt/active": "0"}, "ok"),
        (processor.emulation, {"proc/cpuinfo": "model name : QEMU TCG CPU version 2.5+"}, "harms"),
        (processor.emulation, {"proc/cpuinfo": "model name : Intel Xeon"}, "ok"),
        (processor.mitigations, {f"{CPU}/vulnerabilities/meltdown": "Mitigation: PTI"}, "ok"),
        (processor.clock_source, {CLOCK: "hpet"}, "harms"),
        (processor.clock_source, {CLOCK: "tsc"}, "ok"),
        (load.steal, {"proc/stat": "cpu  800 0 100 9000 0 0 0 500 0 0\ncpu0 1"}, "harms"),
        (load.steal, {"proc/stat": "cpu  800 0 100 9000 0 0 0 5 0 0\ncpu0 1"}, "ok"),
        (load.swap, {"proc/meminfo": "SwapTotal: 2048000 kB\nSwapFree: 1024000 kB"}, "harms"),
        (load.swap, {"proc/meminfo": "SwapTotal: 0 kB\nSwapFree: 0 kB"}, "ok"),
    ],
)
def test_each_check_reads_its_files(
    tmp_path: Path, check: Callable[[Path], Finding], files: dict[str, str], state: str
) -> None:
    found = check(tree(tmp_path, **files))
    assert found.state == state
    assert bool(found.help) == (state == "harms")


@pytest.mark.parametrize("check", OF_THE_TREE)
def test_a_machine_that_reports_nothing_does_not_crash_and_is_not_called_ok(
    tmp_path: Path, check: Callable[[Path], Finding]
) -> None:
    assert check(tmp_path).state == "could not find out"


def test_load_is_judged_by_the_number_of_cpus(tmp_path: Path) -> None:
    root = tree(tmp_path, **{"proc/loadavg": "0.60 0.5 0.4 1/200 77"})
    assert load.load(root, 2).state == "harms"
    assert load.load(root, 16).state == "ok"
    assert load.load(tmp_path / "none", 2).state == "could not find out"


def test_control_groups_of_captured_trees_are_named_by_version() -> None:
    assert rights.control_groups(CGROUPS / "v2-docker-cpuset").seen == "version 2"
    assert rights.control_groups(CGROUPS / "v1-docker-c1").seen == "version 1"
    assert rights.control_groups(CGROUPS / "no-cgroup").state == "could not find out"


def test_a_quota_of_the_own_group_and_limits_that_the_engine_cannot_set_harm_and_say_what_to_do() -> None:
    found = rights.control_groups(CGROUPS / "v2-native-session")
    assert (found.state, found.seen) == ("harms", "version 2; a quota of 1.5 CPUs applies to this process")
    rootless = engine(name="podman", rootless=True, lacks=("cpuset",))
    (cpusets,) = [found for found in rights.engine_limits(rootless, 4) if found.check == "engine cpuset"]
    assert cpusets.state == "harms"
    assert "sudo systemctl daemon-reload" in cpusets.help
    assert not [found for found in rights.engine_limits(engine(), 4) if found.check == "engine cpuset"]


def test_a_small_shared_memory_harms_and_a_missing_one_is_unknown() -> None:
    assert load.shared_memory(64 * 1024**2).state == "harms"
    assert load.shared_memory(1024**3).state == "ok"
    assert load.shared_memory(None).state == "could not find out"


def test_busy_processes_are_named_the_busiest_first() -> None:
    found = judge_busy([(3.0, "idle"), (40.0, "browser"), (90.0, "build")])
    assert (found.state, found.seen) == ("harms", "2: build 90%, browser 40%")
    assert judge_busy([(3.0, "idle")]).state == "ok"


def test_what_dead_runs_left_is_counted_and_named_with_the_command_that_removes_it() -> None:
    found = rights.judge_leftovers(["exited", "running"], 1, ["20261123-1", "20261124-2"])
    assert (found.state, found.help) == ("harms", "python -m lab clean")
    assert found.seen == "2 containers, 1 of them running, and 1 network of 20261123-1, 20261124-2"
    assert rights.judge_leftovers([], 0, []).state == "ok"
    assert rights.left_behind(None)[0].state == "could not find out"


def test_only_what_a_process_of_this_machine_has_left_counts_as_dead() -> None:
    machine, process, began = owner().split(" ")
    assert not is_dead({OWNER_LABEL: owner()})
    assert is_dead({OWNER_LABEL: f"{machine} {process} {float(began) - 60:.0f}"})
    assert is_dead({OWNER_LABEL: f"{machine} {2**22 + 1} {began}"})
    assert not is_dead({OWNER_LABEL: f"another-machine {2**22 + 1} {began}"})
    assert not is_dead({})
    assert is_dead({}, idle=True)


def test_windows_answers_are_read_by_number_and_by_word() -> None:
    assert windows.power_plan("GUID: 381b4222-f694-41f0-9685-ff5bb260df2e  (Ausbalanciert)").state == "harms"
    assert windows.power_plan(f"GUID: {windows.HIGH_PERFORMANCE[0]}").state == "ok"
    assert windows.defender("False\r\n").state == "harms"
    assert windows.defender(None).state == "could not find out"
    assert windows.long_paths("    LongPathsEnabled    REG_DWORD    0x1\r\n").state == "ok"
    assert windows.long_paths("    LongPathsEnabled    REG_DWORD    0x0\r\n").state == "harms"
    assert windows.long_paths(None).state == "harms"
    assert windows.ask("no-such-command-anywhere") is None


@pytest.mark.parametrize(("groups", "state"), [(1, "ok"), (2, "harms"), (None, "could not find out")])
def test_more_than_64_cpus_are_said_and_not_guessed(groups: int | None, state: str) -> None:
    assert windows.processor_groups(groups).state == state


def test_a_check_that_fails_is_a_finding() -> None:
    def fails() -> list[Finding]:
        raise OSError("strange machine")

    (found,) = guarded("clock_source", fails)
    assert (found.check, found.state, found.seen) == (
        "clock source",
        "could not find out",
        "OSError: strange machine",
    )


@pytest.mark.parametrize(
    ("error", "seen", "remedy"),
    [
        (EngineError("tcp://a, named by DOCKER_HOST, does not answer: refused; start it"), "DOCKER_HOST", "start it"),
        (EngineError("an engine at unix:///a refuses permission: use sudo"), "refuses permission", "use sudo"),
        (NothingToRunOn("no container engine answers (tried nothing): start it"), "no container", "install Docker or"),
    ],
)
def test_the_remedy_fits_what_was_found(error: LabError, seen: str, remedy: str) -> None:
    found = rights.seen_and_remedy(error)
    assert seen in found[0]
    assert found[1].startswith(remedy)
    assert remedy not in found[0]


def test_the_doctor_names_what_limits_native_targets_and_what_the_engine_is_made_of(tmp_path: Path) -> None:
    found = rights.native_cpus(tree(tmp_path, **{f"{CPU}/online": "0-7"}), [3])
    assert [each.seen for each in found] == ["1 CPU", "this process is bound to 3 of the CPUs 0-7 (taskset)"]
    seen = {each.check: each.seen for each in rights.engine_limits(engine(cgroup_driver="systemd"), 4)}
    assert seen["engine cgroup"] == "version 2, driver systemd"
    assert seen["engine limits"].startswith("the engine is on another machine with 4 CPUs")
    stores = {each.check: each.seen for each in rights.engine_limits(engine(containerd_images=True), 4)}
    assert stores["engine storage"] == "overlay2, containerd"
