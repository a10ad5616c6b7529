"""What a target says of itself, and what it says when that is not what was asked for."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.agent.facts import build, identity, kernel
from lab.agent.facts import target as facts
from lab.targets.stage import agent_hash, write_stage

DATA = Path(__file__).parent.parent / "data"
PROLOGUES = build.X86_64_PROLOGUE * build.ENOUGH_PROLOGUES


def config(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "sysconfig" / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_pyenvs_default_build_is_neither_profiled_nor_link_time_optimised() -> None:
    found = build.build_class(config("pyenv-3.13.0"), frame_pointers=False)
    assert (found["pgo"], found["lto"], found["frame_pointers"], found["optimisation"]) == (False, False, False, "3")
    assert found["shared"] is True
    assert found["debug"] is False


def test_the_official_image_is_both() -> None:
    found = build.build_class(config("official-image-3.13"), frame_pointers=True)
    assert (found["pgo"], found["lto"], found["frame_pointers"], found["optimisation"]) == (True, True, True, "3")


def test_frame_pointers_are_not_lost_where_only_the_machine_code_shows_them() -> None:
    assert build.build_class(config("official-image-3.13"))["frame_pointers"] is False
    assert build.build_class(config("official-image-3.13"), frame_pointers=True)["frame_pointers"] is True


def test_frame_pointers_are_read_from_flags_where_the_code_does_not_show_them() -> None:
    flags = {"CFLAGS": "-O2 -fno-omit-frame-pointer"}
    assert build.build_class(flags, frame_pointers=None)["frame_pointers"] is True


def test_the_last_optimisation_level_counts() -> None:
    assert build.build_class(config("debian-12-3.11"))["optimisation"] == "2"
    assert build.build_class({"CFLAGS": "-O2 -O0"})["optimisation"] == "0"


def test_what_a_distribution_gave_to_make_alone_is_unknown_rather_than_denied() -> None:
    found = build.build_class(config("debian-12-3.11"))
    assert (found["pgo"], found["lto"]) == (None, None)
    assert build.build_class({"prefix": "/usr", "CONFIG_ARGS": "'--with-lto'"})["lto"] is True


@pytest.mark.parametrize("version", ["3.14", "3.15"])
def test_debians_newest_builds_have_a_jit_and_no_tail_calls_and_frame_pointers_only_since_3_15(version: str) -> None:
    found = build.build_class(config(f"debian-sid-{version}"), version=(3, int(version[2:])))
    assert (found["jit"], found["tail_call"], found["frame_pointers"]) == (True, False, version == "3.15")
    assert (found["pgo"], found["lto"]) == (None, None)


@pytest.mark.parametrize(
    ("argument", "version", "jit", "tail_call"),
    [
        ("--enable-experimental-jit", (3, 13), True, False),
        ("--enable-experimental-jit=yes-off", (3, 13), True, False),
        ("--enable-experimental-jit=interpreter", (3, 13), False, False),
        ("--enable-experimental-jit=no", (3, 14), False, False),
        ("--with-tail-call-interp", (3, 14), False, True),
        ("--with-tail-call-interp --enable-experimental-jit", (3, 12), False, False),
    ],
)
def test_a_jit_and_tail_calls_are_what_was_configured_where_the_version_has_them(
    argument: str, version: tuple[int, int], *, jit: bool, tail_call: bool
) -> None:
    found = build.build_class({"CONFIG_ARGS": argument}, version=version)
    assert (found["jit"], found["tail_call"]) == (jit, tail_call)


def test_the_state_of_the_jit_is_that_of_this_process() -> None:
    jit = getattr(sys, "_jit", None)
    found = build.jit_state()
    assert found["enabled"] is (jit.is_enabled() if jit else None)
    assert found["active"] in ((None,) if jit is None else (False, True) if found["enabled"] else (False,))


def test_a_build_that_says_nothing_has_a_class_all_the_same() -> None:
    assert build.build_class({})["optimisation"] is None


@pytest.mark.parametrize(("code", "keeps"), [(PROLOGUES, True), (b"\x90" * 5000, False), (PROLOGUES[:8], False)])
def test_prologues_show_frame_pointers(tmp_path: Path, *, code: bytes, keeps: bool) -> None:
    (tmp_path / "python").write_bytes(code)
    assert build.has_frame_pointers(str(tmp_path / "python"), "x86_64") is keeps


def test_prologues_of_other_machines_show_nothing(tmp_path: Path) -> None:
    (tmp_path / "python").write_bytes(PROLOGUES)
    assert build.has_frame_pointers(str(tmp_path / "python"), "aarch64") is None
    assert build.has_frame_pointers(str(tmp_path / "missing"), "x86_64") is None


TARGET = {"cpu_mode": "cpuset", "cpus_requested": 2.0, "cpu_list": [0, 1], "build": "gil"}
REMEDY = facts.NO_LIMIT_REMEDY  # a rootless engine takes a limit and sets none
SEEN = {"affinity": [0, 1], "cpu_count": 8, "quota": None, "build": "gil", "gil_enabled": True}


def test_nothing_is_said_where_all_is_as_requested() -> None:
    assert facts.mismatch(TARGET, SEEN) == ""
    assert facts.mismatch({"cpu_mode": "none", "cpus_requested": 1.0}, SEEN) == ""
    assert facts.mismatch(TARGET, {**SEEN, "quota": 2.0}) == "", "a quota that leaves pinned CPUs whole is not felt"
    quota = {"cpu_mode": "quota", "cpus_requested": 0.5}
    assert facts.mismatch(quota, {**SEEN, "quota": 0.5}) == ""
    assert facts.mismatch(TARGET, {**SEEN, "seccomp": "2"}) == "", "only a diagnostic target goes without a filter"
    assert facts.mismatch({**TARGET, "diagnose": "seccomp"}, {**SEEN, "seccomp": "0"}) == ""


@pytest.mark.parametrize(
    ("target", "seen", "complaint"),
    [
        ({}, {"affinity": [0, 1, 2, 3]}, "2 CPUs were requested (cpuset), but the target sees 4" + REMEDY),
        ({"cpu_mode": "affinity"}, {"affinity": [1]}, "2 CPUs were requested (affinity), but the target sees 1"),
        ({}, {"affinity": None}, "2 CPUs were requested (cpuset), but the target sees 8" + REMEDY),
        ({}, {"affinity": [2, 3]}, "CPUs [0, 1] were requested, but the target sees [2, 3]" + REMEDY),
        ({}, {"quota": 0.5}, "no quota was requested, but the target sees one of 0.5 CPUs"),
        (
            {"cpu_mode": "quota", "cpus_requested": 0.5},
            {},
            "a quota of 0.5 CPUs was requested, but the target sees none" + REMEDY,
        ),
        (
            {"cpu_mode": "quota", "cpus_requested": 0.5},
            {"quota": 1.5},
            "0.5 CPUs were requested (quota), but the target sees 1.5",
        ),
        (
            {"cpu_mode": "quota", "cpus_requested": 0.5, "period_us": 10_000},
            {"quota": 0.5, "period_us": 100_000},
            "a quota period of 10 ms was requested, but the target sees 100 ms",
        ),
        (
            {"diagnose": "seccomp"},
            {"seccomp": "2"},
            "no seccomp filter was requested, but the target sees one of mode 2",
        ),
        (
            {"build": "free-threaded"},
            {},
            "a free-threaded build was requested, but the interpreter is a gil build",
        ),
        (
            {"build": "free-threaded"},
            {"build": "free-threaded"},
            "the interpreter is a free-threaded build, but its GIL is enabled",
        ),
        (
            {"cpu_mode": "none", "build": "free-threaded"},
            {},
            "a free-threaded build was requested, but the interpreter is a gil build",
        ),
    ],
)
def test_each_mismatch_is_one_sentence(target: dict[str, Any], seen: dict[str, Any], complaint: str) -> None:
    assert facts.mismatch({**TARGET, **target}, {**SEEN, **seen}) == complaint


def test_a_quota_is_observed_as_the_fraction_it_is() -> None:
    assert facts.cpus_observed("quota", {**SEEN, "quota": 0.5}) == 0.5
    assert facts.cpus_observed("cpuset", {**SEEN, "quota": None}) == 2.0


def test_facts_of_another_machine_are_read_from_its_files() -> None:
    found = facts.processors(str(DATA / "cgroup" / "v2-docker-short-period"))
    assert (found["quota"], found["period_us"], found["cpuset"]) == (1.5, 10_000, [0, 1])
    assert facts.clock(str(DATA))["clock_source"] is None
    assert facts.system(str(DATA))["shm_bytes"] is None


def test_the_smallest_step_that_was_seen_is_recorded_with_the_reported_resolution() -> None:
    found = facts.clock(str(DATA))
    assert found["clock_resolution_ns"] > 0
    assert found["clock_step_ns"] > 0


def test_what_reading_the_clock_costs_is_the_median_of_many_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"ns": 0, "readings": 0}
    costs_ns = (10, 10, 10, 10, 40, 40, 40, 90, 90, 1000)

    def read() -> int:
        now["readings"] += 1
        now["ns"] += costs_ns[now["readings"] % 10]
        return now["ns"]

    monkeypatch.setattr("time.perf_counter_ns", read)
    found = facts.clock(str(DATA))
    assert (found["clock_cost_ns"], found["clock_step_ns"]) == (40, 10)


STATUS = "Name:\tpython\nSeccomp:\t2\nSeccomp_filters:\t1\nSpeculation_Store_Bypass:\tthread vulnerable\n"
CPUINFO = "processor\t: 0\nmodel name\t: Xeon  8 \nprocessor\t: 1\nmodel name\t: other\n"


def test_a_system_is_read_out_of_its_files(tmp_path: Path) -> None:
    vulnerabilities = tmp_path / "sys/devices/system/cpu/vulnerabilities"
    source = tmp_path / "sys/devices/system/clocksource/clocksource0"
    for folder in (tmp_path / "proc/self", vulnerabilities, source, tmp_path / "dev/shm"):
        folder.mkdir(parents=True)
    (tmp_path / "proc/self/status").write_text(STATUS)
    (tmp_path / "proc/cpuinfo").write_text(CPUINFO)
    (vulnerabilities / "spectre_v2").write_text("Mitigation: Retpolines\n")
    (vulnerabilities / "meltdown").write_text("Not affected\n")
    (source / "current_clocksource").write_text("tsc\n")
    found = facts.system(str(tmp_path))
    assert (found["seccomp"], found["speculation_store_bypass"]) == ("2", "thread vulnerable")
    assert found["cpu_model"] == "Xeon  8"
    assert found["mitigations"] == {"meltdown": "Not affected", "spectre_v2": "Mitigation: Retpolines"}
    assert found["cgroup_version"] is None
    if hasattr(os, "statvfs"):
        room = os.statvfs(tmp_path)
        assert found["shm_bytes"] == pytest.approx(room.f_bavail * room.f_frsize, rel=0.01)
    assert facts.clock(str(tmp_path))["clock_source"] == "tsc"
    assert facts.status_field(str(tmp_path), "Threads") is None
    assert facts.mitigations(str(tmp_path / "nowhere")) == {}


@pytest.mark.parametrize(
    ("platform", "name"), [("win32", "windows"), ("darwin", "macos"), ("linux", "linux"), ("freebsd14", "freebsd14")]
)
def test_systems_have_the_names_of_the_contract(monkeypatch: pytest.MonkeyPatch, platform: str, name: str) -> None:
    monkeypatch.setattr("lab.agent.facts.target._under_wine", lambda: False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr("platform.release", lambda: "6.1")
    monkeypatch.setattr("platform.libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr("platform.machine", lambda: "AMD64")
    found = facts.system(str(DATA))
    assert (found["os"], found["arch"]) == (name, "x86_64")
    assert found["kernel"] == ("" if name == "windows" else "6.1")
    assert found["libc"] == ("glibc 2.36" if name == "linux" else "")


def test_arguments_of_configure_travel_without_the_folder_of_the_build() -> None:
    assert (
        facts.configure_arguments("'--prefix=/home/me/py' '--with-lto'", "/home/me/py")
        == "'--prefix=PREFIX' '--with-lto'"
    )
    assert facts.configure_arguments("'--with-lto'", None) == "'--with-lto'"
    assert facts.configure_arguments(None, "/usr") is None


def test_the_boost_of_drivers_without_a_name_of_their_own_is_read(tmp_path: Path) -> None:
    base = tmp_path / "sys/devices/system/cpu"
    (base / "cpufreq").mkdir(parents=True)
    (base / "intel_pstate").mkdir()
    for boost, no_turbo, state in (("1", "", "on"), ("0", "", "off"), ("0", "0", "off"), ("1", "1", "on")):
        (base / "cpufreq/boost").write_text(boost)
        (base / "intel_pstate/no_turbo").write_text(no_turbo)
        assert facts.frequency([0], str(tmp_path)) == {"boost": state}


def test_the_interpreter_s_code_is_in_libpython_where_one_is_mapped(tmp_path: Path) -> None:
    assert build.interpreter_file(str(tmp_path)) == sys.executable
    (tmp_path / "proc/self").mkdir(parents=True)
    maps = "00-01 r-xp 0 fe:00 1 /usr/bin/python3\n01-02 r-xp 0 fe:00 2   /usr/lib/libpython3.13.so.1.0\n"
    (tmp_path / "proc/self/maps").write_text(maps)
    assert build.interpreter_file(str(tmp_path)) == "/usr/lib/libpython3.13.so.1.0"
    (tmp_path / "proc/self/maps").write_text(maps.splitlines()[0])
    assert build.interpreter_file(str(tmp_path)) == sys.executable


def test_prologues_of_a_large_file_are_counted_over_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "CHUNK_BYTES", 1024)
    (tmp_path / "python").write_bytes(PROLOGUES)
    assert build.has_frame_pointers(str(tmp_path / "python"), "AMD64") is True
    (tmp_path / "python").write_bytes(PROLOGUES[:-4])
    assert build.has_frame_pointers(str(tmp_path / "python"), "x86_64") is False


@pytest.mark.parametrize(
    ("files", "engine"), [((), "none"), ((".dockerenv",), "docker"), (("run/.containerenv", ".dockerenv"), "podman")]
)
def test_a_container_is_known_by_the_file_of_its_engine(tmp_path: Path, files: tuple[str, ...], engine: str) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert identity.container_engine(str(tmp_path)) == engine


def test_an_agent_that_was_staged_has_the_hash_that_the_host_gives_it(tmp_path: Path) -> None:
    write_stage(tmp_path / "stage")
    assert identity.agent_hash(str(tmp_path / "stage")) == agent_hash()
    (tmp_path / "stage/lab/agent/notes.txt").write_text("no module")
    assert identity.agent_hash(str(tmp_path / "stage")) == agent_hash()
    (tmp_path / "stage/lab/agent/more.py").write_text("")
    assert identity.agent_hash(str(tmp_path / "stage")) != agent_hash()


def test_facts_are_json() -> None:
    assert json.loads(json.dumps(facts.collect()))["implementation"] == "CPython"


def test_how_the_frequency_is_set_is_read_and_missing_where_it_is_not_shown(tmp_path: Path) -> None:
    assert facts.frequency([0, 1], str(tmp_path)) == {}
    base = tmp_path / "sys/devices/system/cpu"
    for cpu, governor in ((0, "powersave"), (1, "performance")):
        (base / f"cpu{cpu}/cpufreq").mkdir(parents=True)
        (base / f"cpu{cpu}/cpufreq/scaling_governor").write_text(governor + "\n")
    (base / "intel_pstate").mkdir()
    (base / "intel_pstate/no_turbo").write_text("0\n")
    assert facts.frequency([0, 1], str(tmp_path)) == {"governor": "performance, powersave", "boost": "on"}
    assert facts.frequency([1], str(tmp_path))["governor"] == "performance"
    (base / "intel_pstate/no_turbo").write_text("1\n")
    assert facts.frequency([1], str(tmp_path))["boost"] == "off"


def test_the_last_level_cache_is_the_largest_that_the_kernel_reports(tmp_path: Path) -> None:
    assert kernel.last_level_cache_bytes(str(tmp_path)) is None
    for index, size in enumerate(("48K", "32K", "1280K", "49152K")):
        folder = tmp_path / "sys/devices/system/cpu/cpu0/cache" / f"index{index}"
        folder.mkdir(parents=True)
        (folder / "size").write_text(size + "\n", encoding="ascii")
    assert kernel.last_level_cache_bytes(str(tmp_path)) == 48 * 1024**2
