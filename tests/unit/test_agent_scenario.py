"""How axes become cases: ids are stable labels, senseless combinations vanish, nothing is measured twice."""

from __future__ import annotations

import itertools
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

import lab
from lab.agent import default_request
from lab.agent.scenario import LADDER, SHORT, SHORT_LADDER, N, Scenario, discover, expand, load, scenario, worker_ladder
from lab.agent.toolkit.channels import MECHANISMS
from lab.model import Limit, Target
from lab.planning.cells import cells
from lab.planning.profiles import profile, profiles


def cases(name: str, cpus: int = 2, **chosen: list[Any]) -> dict[str, dict[str, Any]]:
    return load(name).cases(chosen, cpus)


@pytest.mark.parametrize(
    ("values", "cpus", "expected"),
    [
        ((N,), 4, [4]),
        (("2N",), 4, [8]),
        ((LADDER,), 2, [1, 2, 3, 4]),
        ((LADDER,), 8, [1, 2, 3, 4, 6, 8, 12, 16]),
        ((SHORT_LADDER,), 16, [1, 2, 4, 6, 8, 12, 16, 24, 32]),
        ((SHORT_LADDER,), 64, [1, 2, 8, 16, 32, 48, 64, 96, 128]),
        ((1, N, "2N"), 1, [1, 2]),
        ((2, "2N"), 1, [2]),
        (("fork", "spawn"), 8, ["fork", "spawn"]),
    ],
)
def test_values_that_depend_on_the_target_are_filled_in_once(
    values: tuple[Any, ...], cpus: int, expected: list[Any]
) -> None:
    assert expand(values, cpus) == expected


STEPS = {step for power in range(11) for step in (2**power, 3 * 2**power)}


def test_worker_counts_go_up_to_twice_the_cpus_in_steps_of_a_half_and_have_the_cpus() -> None:
    for cpus in range(1, 513):
        ladder = worker_ladder(cpus)
        assert set(ladder) == {step for step in STEPS if step <= 2 * cpus} | {cpus, 2 * cpus}
        assert ladder == sorted(ladder)
        assert all(above <= 1.5 * below or above - below == 1 for below, above in itertools.pairwise(ladder)), cpus


def test_a_short_ladder_has_nine_counts_of_the_whole_one_and_is_densest_around_the_cpus() -> None:
    for cpus in range(1, 513):
        whole, short = worker_ladder(cpus), worker_ladder(cpus, SHORT)
        assert set(short) <= set(whole)
        assert {1, 2, cpus, 2 * cpus} <= set(short)
        assert len(short) == min(SHORT, len(whole))
        knee = [(below, above) for below, above in itertools.pairwise(short) if 2 * below >= cpus]
        assert all(above <= 2 * below for below, above in knee), f"a gap beside {cpus} CPUs: {short}"


@pytest.mark.parametrize("name", list(profiles()))
@pytest.mark.parametrize("cpus", [1, 2, 3, 8, 16, 64, 90, 512])
def test_every_profile_measures_a_pool_of_every_count_of_the_ladder(name: str, cpus: int) -> None:
    scaling = load("pool.scaling")
    limit = Limit(mode="cpuset", cpus=cpus)
    target = Target(id="t", key="3.13", engine="docker", os="linux", arch="x86_64", limit=limit, cpus_visible=cpus)
    found = [cell.values for cell in cells([scaling], [target], profile(name))]
    counts = {each["workers"] for each in found if (each["work"], each["executor"]) == ("pure_python", "processes")}
    assert counts == set(worker_ladder(cpus, SHORT if name in ("smoke", "quick") else 0))


def test_ids_of_round_trip_are_those_of_the_contract() -> None:
    found = cases("ipc.round_trip", payload_bytes=[64], placement=["same_cpu"], payload=["bytes", "object"])
    assert list(found)[:8] == [
        "os_pipe-64-same_cpu",
        "os_pipe-64-same_cpu-object",
        "pipe-64-same_cpu",
        "pipe-64-same_cpu-object",
        "duplex_pipe-64-same_cpu",
        "duplex_pipe-64-same_cpu-object",
        "queue-64-same_cpu",
        "simple_queue-64-same_cpu",
    ]
    assert list(found)[-1] == "signal-same_cpu"
    assert found["pipe-64-same_cpu"]["payload"] == "bytes"
    assert found["queue-64-same_cpu"]["payload"] == "object"


def test_a_caller_may_change_the_cases_that_it_got() -> None:
    first = cases("process.switch")
    kept = {case: dict(values) for case, values in first.items()}
    for values in first.values():
        values.clear()
    assert cases("process.switch") == kept != first


def test_choosing_bytes_does_not_lose_the_queues_nor_the_signal() -> None:
    found = cases("ipc.round_trip", payload_bytes=[64], placement=["same_cpu"], payload=["bytes"])
    assert {values["mechanism"] for values in found.values()} == set(MECHANISMS)
    assert len(found) == len(MECHANISMS)


def test_four_mechanisms_have_every_size_from_1_b_to_64_mb_with_the_edges_and_the_others_five() -> None:
    found = cases("ipc.round_trip", placement=["same_cpu"], payload=["bytes"])
    sizes: dict[str, set[int]] = {}
    for values in found.values():
        sizes.setdefault(values["mechanism"], set()).add(values["payload_bytes"])
    assert {name for name, mine in sizes.items() if len(mine) > 5} == {"pipe", "duplex_pipe", "queue", "shared_memory"}
    every_size = {4**power for power in range(14)} | {16_383, 16_385, 65_535, 65_537}
    assert sizes["queue"] == sizes["shared_memory"] == every_size
    assert sizes["pipe"] == sizes["duplex_pipe"] == every_size | {128, 129}  # a Windows edge
    assert {len(mine) for name, mine in sizes.items() if len(mine) <= 5 and name != "signal"} == {5}
    assert sizes["signal"] == {None}


def test_buffers_sent_apart_are_for_connections() -> None:
    found = cases("ipc.round_trip", placement=["same_cpu"], payload=["oob"])
    assert {values["mechanism"] for values in found.values()} == {"pipe", "duplex_pipe", "listener_client", "signal"}


def test_only_pipes_and_sockets_have_a_buffer_to_choose() -> None:
    found = cases("ipc.throughput", payload_bytes=[65_536], placement=["same_cpu"], buffer_bytes=["default", 4096])
    assert "pipe-65536-same_cpu" in found
    assert "pipe-65536-same_cpu-4096" in found
    chosen = {values["mechanism"] for values in found.values() if values["buffer_bytes"] == 4096}
    assert chosen == {"os_pipe", "pipe", "duplex_pipe", "fifo", "unix_socket", "tcp_socket"}


def test_serial_work_has_one_worker_and_no_start_method() -> None:
    found = cases("pool.scaling", work=["pure_python"], start_method=["fork", "spawn"], workers=[1, 2])
    assert found["pure_python-serial-1"]["start_method"] is None
    assert "pure_python-serial-2" not in found
    assert "pure_python-processes-spawn-2" in found
    assert [case for case in found if "threads" in case] == ["pure_python-threads-1", "pure_python-threads-2"]
    assert [case for case in found if "independent" in case] == [
        "pure_python-independent-1",
        "pure_python-independent-2",
    ]


def declared(**settings: Any) -> Scenario:
    axes = {"work": ("a", "b"), "workers": (1, N)}
    return scenario(family="test", question="?", axes=axes, view="", source="", **settings)(lambda _case: None)


def test_equal_shapes_are_one_case() -> None:
    assert list(declared(shape=lambda values: {**values, "workers": None}).cases({}, 2)) == ["a", "b"]


def test_a_shape_of_none_is_no_case() -> None:
    assert list(declared(shape=lambda values: values if values["work"] == "a" else None).cases({}, 2)) == ["a-1", "a-2"]


def test_natural_values_are_left_out_of_the_id_only() -> None:
    natural = declared(natural=lambda axis, _values: "a" if axis == "work" else None)
    assert natural.cases({"workers": [1]}, 2) == {
        "1": {"work": "a", "workers": 1},
        "b-1": {"work": "b", "workers": 1},
    }


def test_chosen_values_replace_the_declared_ones() -> None:
    assert list(declared().cases({"work": ["b"], "workers": ["2N"]}, 3)) == ["b-6"]


def test_every_file_below_scenarios_is_found_by_its_name() -> None:
    folder = Path(lab.__file__).parent / "agent" / "scenarios"
    files = {f"{path.parent.name}.{path.stem}" for path in folder.glob("*/*.py") if path.stem != "__init__"}
    found = discover()
    assert set(found) == files
    assert list(found) == sorted(found)
    assert all(name == entry.name and entry.name.startswith(entry.family + ".") for name, entry in found.items())


@pytest.mark.parametrize("name", ["ipc.nonsense", "nonsense", "", "pool.scaling.TASKS", "process"])
def test_an_unknown_scenario_is_a_lookup_error(name: str) -> None:
    with pytest.raises(LookupError):
        load(name)


@pytest.mark.parametrize("name", discover())
def test_every_scenario_declares_what_a_list_shows(name: str) -> None:
    found = load(name)
    assert found.question.endswith("?")
    assert found.summary.endswith(".")
    assert found.source
    assert found.figures
    assert found.estimate_s > 0


@pytest.mark.parametrize("name", discover())
@pytest.mark.parametrize("cpus", [1, 2, 3])
def test_no_two_cases_share_an_id(name: str, cpus: int) -> None:
    found = discover()[name].cases({}, cpus)
    assert found
    assert len({repr(values) for values in found.values()}) == len(found)


def test_the_default_request_chooses_what_the_smoke_profile_chooses() -> None:
    profiles = tomllib.loads((Path(lab.__file__).parent / "profiles.toml").read_text(encoding="utf-8"))
    assert profiles["smoke"]["axes"] == default_request.CHOSEN


def test_the_default_request_asks_for_no_value_that_a_scenario_does_not_declare() -> None:
    for entry in discover().values():
        chosen = default_request.chosen_values(entry.axes, 2)
        assert set(chosen) == set(entry.axes)
        for axis, values in chosen.items():
            assert values
            assert set(values) <= set(expand(entry.axes[axis], 2))


def test_the_default_request_has_every_scenario() -> None:
    request = default_request.default_request()
    assert {cell["scenario"] for cell in request["cells"]} == set(discover())
    assert all(cell["deadline_s"] > 0 for cell in request["cells"])


@pytest.mark.parametrize(
    ("allowed", "quota", "mode", "requested"),
    [
        ([3, 5], (None, 100_000), "cpuset", 2.0),
        (None, (None, None), "cpuset", 7.0),
        ([3, 5], (0.5, 10_000), "quota", 0.5),
    ],
)
def test_the_default_request_asks_for_the_limits_that_it_sees(
    monkeypatch: pytest.MonkeyPatch,
    allowed: list[int] | None,
    quota: tuple[float | None, int | None],
    mode: str,
    requested: float,
) -> None:
    monkeypatch.setattr("lab.agent.measuring.placement.allowed_cpus", lambda: allowed)
    monkeypatch.setattr("lab.agent.facts.target.processors", lambda: {"cpu_count": 7})
    monkeypatch.setattr("lab.agent.facts.cgroup.quota", lambda: quota)
    monkeypatch.setattr("lab.agent.facts.cgroup.version", lambda: 2)
    request = default_request.default_request()
    target = request["target"]
    assert (target["cpu_mode"], target["cpus_requested"]) == (mode, requested)
    assert (target["quota"], target["period_us"]) == quota
    assert (target["own_cgroup"], target["round"], target["batches"]) == (True, 0, 3)
    assert request["by_hand"] is True
    workers = {cell["values"]["workers"] for cell in request["cells"] if cell["scenario"] == "pool.api"}
    assert workers == {len(allowed or range(7))}
    monkeypatch.setattr("lab.agent.facts.cgroup.version", lambda: None)
    assert default_request.default_request()["target"]["own_cgroup"] is False


SAMPLE = json.loads((Path(__file__).parents[2] / "reports" / "sample" / "manifest.json").read_text(encoding="utf-8"))


# What a case measured before is not what it measures now, so its label must be another one.
MEASURED_OTHERWISE = {("ipc.throughput", name) for name in ("shared_memory", "mmap", "eventfd")}


@pytest.mark.parametrize("name", sorted({cell["scenario"] for cell in SAMPLE["cells"]}))
def test_cases_of_runs_that_were_made_are_cases_still_with_the_same_values(name: str) -> None:
    """Else a run of today could not be compared with them, and a resumed one would have cells that nobody knows."""
    made = [cell for cell in SAMPLE["cells"] if cell["scenario"] == name]
    # A profile may choose a placement that a scenario does not declare.
    placements = (
        {"placement": list({cell["values"]["placement"] for cell in made})} if "placement" in load(name).axes else {}
    )
    found = [load(name).cases(placements, cpus) for cpus in (1, 2, 4)]
    for cell in made:
        if (name, cell["values"].get("mechanism")) in MEASURED_OTHERWISE:
            assert not any(cell["case"] in cases for cases in found), f"{cell['case']} is another measurement now"
            continue
        # An axis that was added since has its default there, which the case's label leaves out.
        same = [cases[cell["case"]].items() >= cell["values"].items() for cases in found if cell["case"] in cases]
        assert any(same), cell["case"]
