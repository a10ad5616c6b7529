"""Every mechanism, on the oldest and the newest interpreter: it does what it says, or tells why not; nothing stays."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.scenario import load
from lab.agent.toolkit.channels import MECHANISMS, QUEUES
from tests.agent.conftest import cell

if TYPE_CHECKING:
    from tests.agent.conftest import Result, Stage

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a part of them only")

SYSTEM_V_QUEUES = Path("/proc/sysvipc/msg")
BIG = 1_048_576
DEATHS = {"partner": "PartnerDied: the process at the other side ended with code -9", "cell": "ended with code -9"}


@pytest.fixture(params=["oldest", "newest"])
def python(request: pytest.FixtureRequest, interpreters: dict[str, Path]) -> Path:
    found = list(interpreters.values())
    if not found:
        pytest.skip("no interpreter was found")
    return found[0 if request.param == "oldest" else -1]


def is_before_3_10(python: Path, interpreters: dict[str, Path]) -> bool:
    (version,) = [key for key, path in interpreters.items() if path == python]
    return version == "3.9"


def message_queues() -> set[str]:
    return set(SYSTEM_V_QUEUES.read_text(encoding="ascii").splitlines()[1:]) if SYSTEM_V_QUEUES.exists() else set()


def cells(scenario: str, **axes: Any) -> list[dict[str, Any]]:
    chosen = {"placement": ["same_cpu"], **axes}
    return [cell(scenario, **values) for values in load(scenario).cases(chosen, 2).values()]


def outcomes(result: Result) -> dict[str, tuple[str, str]]:
    return {line["cell"]: (line["status"], line["reason"]) for line in result.of("end")}


def run(stage: Stage, python: Path, wanted: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """The cells' outcomes; fails where anything is left."""
    before = message_queues()
    result = stage.run(python, *wanted)
    assert result.exit_code == 0
    assert message_queues() - before == set()
    result.assert_nothing_left()
    found = outcomes(result)
    assert len(found) == len(wanted)
    return found


def assert_ok_but(found: dict[str, tuple[str, str]], excused: dict[str, str]) -> None:
    """Each outcome is ok, or unsupported for the reason that its mechanism is excused for."""
    for name, outcome in found.items():
        mechanism = name.partition("/")[2].partition("-")[0]
        if mechanism in excused:
            assert outcome[0] == "unsupported", (name, outcome)
            assert excused[mechanism] in outcome[1]
        else:
            assert outcome == ("ok", ""), (name, outcome)


@pytest.mark.parametrize("payload", ["bytes", "object"])
def test_every_mechanism_carries_a_message(
    stage: Stage, python: Path, interpreters: dict[str, Path], payload: str
) -> None:
    wanted = cells("ipc.round_trip", payload_bytes=[64], payload=[payload])
    assert {entry["values"]["mechanism"] for entry in wanted} == set(MECHANISMS)
    excused = {"eventfd": "needs Python 3.10"} if is_before_3_10(python, interpreters) else {}
    assert_ok_but(run(stage, python, wanted), excused)


def test_every_mechanism_works_where_processes_are_spawned(
    stage: Stage, python: Path, interpreters: dict[str, Path]
) -> None:
    wanted = cells("ipc.round_trip", payload_bytes=[64], payload=["bytes"])
    for entry in wanted:
        entry["values"]["start_method"] = "spawn"
    excused = {"eventfd": "needs Python 3.10"} if is_before_3_10(python, interpreters) else {}
    assert_ok_but(run(stage, python, wanted), excused)


def test_what_is_too_long_for_a_message_queue_names_the_kernels_limit(stage: Stage, newest: Path) -> None:
    wanted = cells("ipc.round_trip", payload_bytes=[BIG], payload=["bytes"])
    excused = {}
    for mechanism, limit in (("posix_mq", "fs/mqueue/msgsize_max"), ("sysv_mq", "kernel/msgmax")):
        value = int((Path("/proc/sys") / limit).read_text(encoding="ascii"))
        if value < BIG:
            excused[mechanism] = f"the kernel's limit {limit.replace('/', '.')} = {value}"
    assert_ok_but(run(stage, newest, wanted), excused)


def test_objects_and_buffers_sent_apart_arrive_unchanged(stage: Stage, python: Path) -> None:
    kinds = ["flat_list", "nested_dict", "oob"]
    wanted = [
        entry
        for entry in cells("ipc.round_trip", payload_bytes=[64, 65_536], payload=kinds)
        if entry["values"]["payload"] in kinds
    ]
    assert {entry["values"]["payload"] for entry in wanted} == set(kinds)
    assert_ok_but(run(stage, python, wanted), {})


@pytest.mark.parametrize("size", [1, 16_383, 16_385, 65_537, 4_194_304])
def test_messages_are_whole_at_the_edges_of_the_buffers(stage: Stage, newest: Path, size: int) -> None:
    wanted = cells("ipc.round_trip", payload_bytes=[64], payload=["bytes"])
    for entry in wanted:
        entry["values"]["payload_bytes"] = entry["values"]["payload_bytes"] and size
    limits = {} if size < 8192 else {"posix_mq": "kernel's limit", "sysv_mq": "kernel's limit"}
    assert_ok_but(run(stage, newest, wanted), limits)


@pytest.mark.parametrize("victim", list(DEATHS))
def test_a_death_is_a_failure_at_once_and_nothing_is_left(
    stage: Stage, python: Path, interpreters: dict[str, Path], victim: str
) -> None:
    stage.add_probes()
    wanted = []
    for mechanism in MECHANISMS:
        if mechanism == "eventfd" and is_before_3_10(python, interpreters):
            continue
        natural = load("ipc.round_trip").cases({"mechanism": [mechanism], "payload_bytes": [64]}, 2)
        values = {**next(iter(natural.values())), "placement": "same_cpu", "victim": victim}
        wanted.append(cell("probe.interrupted", **values))
    for name, (status, reason) in run(stage, python, wanted).items():
        assert status == "failed", (name, status, reason)
        assert DEATHS[victim] in reason, (name, reason)


def test_the_size_of_the_kernels_buffer_is_what_was_asked_for(stage: Stage, newest: Path) -> None:
    wanted = cells("ipc.throughput", payload_bytes=[1024], payload=["bytes"], buffer_bytes=[65_536])
    assert len(wanted) == 6
    result = stage.run(newest, *wanted)
    assert_ok_but(outcomes(result), {})
    observed = [line["value"] for line in result.of("sample") if line["operation"] == "buffered_bytes"]
    assert observed == [65_536]
    rates = [line for line in result.of("sample") if line.get("metric") == "throughput"]
    assert len(rates) == 6
    assert all(line["columns"]["unit"] == "bytes/s" and line["value"] > 0 for line in rates)


def test_a_buffer_beyond_the_users_limit_is_unsupported_with_that_limit(stage: Stage, newest: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may have larger ones")
    (entry,) = [
        found
        for found in cells("ipc.throughput", payload_bytes=[1024], payload=["bytes"], buffer_bytes=[65_536])
        if found["values"]["mechanism"] == "os_pipe"
    ]
    entry["values"]["buffer_bytes"] = 2**30
    ((status, reason),) = run(stage, newest, [entry]).values()
    assert status == "unsupported"
    assert "fs.pipe-max-size is " in reason


def test_percentiles_stand_beside_the_cost_of_the_clock(stage: Stage, newest: Path) -> None:
    wanted = cells("ipc.latency", mechanism=["pipe"], payload_bytes=[64], payload=["bytes"])
    samples = stage.run(newest, *wanted).of("sample")
    by_metric = {line["metric"]: line["value"] for line in samples if "metric" in line}
    assert 0 < by_metric["latency_p50"] <= by_metric["latency_p99"] <= by_metric["latency_p999"]
    (clock,) = [line for line in samples if line["operation"] == "clock"]
    assert clock["elapsed_ns"] / clock["loops"] < by_metric["latency_p50"]


def test_queues_keep_their_order_and_raise_empty(stage: Stage, python: Path) -> None:
    wanted = cells("ipc.one_way", mechanism=sorted(QUEUES), payload_bytes=[64], payload=["object"])
    samples = stage.run(python, *wanted).of("sample")
    assert [line["value"] for line in samples if line["operation"] == "out_of_order"] == [0] * len(QUEUES)
    raised = [line for line in samples if line["operation"] == "empty_raised"]
    assert {line["cell"].partition("/")[2].partition("-")[0] for line in raised} == {"queue", "joinable_queue"}
    assert {line["value"] for line in raised} == {1}
    assert {line["value"] for line in samples if line["operation"] == "empty_waited_out"} == {1}
    for line in samples:
        if line["operation"] == "empty_timeout":
            assert line["elapsed_ns"] >= 49_000_000


def test_a_fan_of_every_queue_loses_nothing(stage: Stage, python: Path) -> None:
    wanted = cells("ipc.fan", workers=[2], payload_bytes=[64])
    assert len(wanted) == 2 * len(QUEUES)
    assert_ok_but(run(stage, python, wanted), {})
