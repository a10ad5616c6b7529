"""Scenarios of messages: what is sent in the timed loop, and that a message that comes changed has no time."""

from __future__ import annotations

import queue
import threading
from contextlib import AbstractContextManager, nullcontext
from types import SimpleNamespace
from typing import Any, Self

import pytest

from lab.agent.case import Case
from lab.agent.scenarios.ipc import fan, latency, one_way, round_trip, throughput
from lab.agent.toolkit.channels.partner import copying_sink
from tests.scripted import (
    Lines,
    case_of,
    frozen,
    operations,
    refused,
    worker,
)


class Partner:
    """Stands for ``partner``: a context that gives send and receive of a channel that the test has."""

    def __init__(self, answers: Any, tick_ns: int = 0) -> None:
        self.answers = answers
        self.sent: list[Any] = []
        self.settings: dict[str, Any] = {}
        self.now_ns = 0
        self.tick_ns = tick_ns

    def __call__(self, _case: Case, *args: Any, **settings: Any) -> AbstractContextManager[tuple[Any, Any]]:
        self.settings = {**settings, "args": args}
        return nullcontext((self.send, self.receive))

    def send(self, message: Any) -> None:
        self.sent.append(message)

    def receive(self) -> Any:
        self.now_ns += self.tick_ns
        return self.answers(self)


def echoed(channel: Partner) -> Any:
    return channel.sent[-1]


def ipc_case(lines: Lines, loops: dict[str, int], **values: Any) -> Case:
    given = {"payload": "bytes", "payload_bytes": 64, "mechanism": "pipe", "placement": "same_cpu", **values}
    target = {"round": 0, "batches": 1, "own_cgroup": False}
    return Case({"values": given, "seed": 0, "loops": loops}, target, lines.append)


def test_a_round_trip_is_a_message_there_and_back_that_comes_back_unchanged(monkeypatch: pytest.MonkeyPatch) -> None:
    channel = Partner(echoed)
    monkeypatch.setattr(round_trip, "partner", channel)
    lines: Lines = []
    round_trip.round_trip.run(ipc_case(lines, {"round_trip": 20}))
    assert operations(lines) == {"round_trip"}
    assert channel.sent == [bytes(range(64))] * (1 + 20 + 2 + 20)
    assert channel.settings["content"] == bytes(range(64))
    monkeypatch.setattr(round_trip, "partner", Partner(lambda _channel: b"other"))
    with refused("came back changed"):
        round_trip.round_trip.run(ipc_case([], {}))


def test_percentiles_are_of_as_many_single_trips_as_fit_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def ran(tick_ns: int) -> tuple[Lines, Partner]:
        channel = Partner(echoed, tick_ns)
        lines: Lines = []
        monkeypatch.setattr(latency, "partner", channel)
        monkeypatch.setattr("time.perf_counter_ns", lambda: channel.now_ns)
        latency.latency.run(ipc_case(lines, {}))
        return lines, channel

    lines, channel = ran(1_000_000)
    assert len(channel.sent) == 1 + 200 + 3000
    assert [line["metric"] for line in lines[:-1]] == ["latency_p50", "latency_p99"]
    assert {line["value"] for line in lines[:-1]} == {1_000_000}
    assert (lines[-1]["operation"], lines[-1]["loops"]) == ("clock", 10_000)
    assert len(ran(1)[1].sent) == 1 + 200 + 10_000
    assert len(ran(10**9)[1].sent) == 1 + 200 + 100
    monkeypatch.setattr(latency, "partner", Partner(lambda _channel: b"other"))
    with refused("came back changed"):
        latency.latency.run(ipc_case([], {}))


@pytest.mark.parametrize(("size", "window"), [(64, 64), (1 << 16, 64), (1 << 17, 32), (1 << 22, 1), ((1 << 22) + 1, 1)])
def test_a_window_has_up_to_64_messages_and_4_mb_and_is_answered_once(
    monkeypatch: pytest.MonkeyPatch, size: int, window: int
) -> None:
    answers: list[int] = []

    def answer(channel: Partner) -> bytes:
        answers.append(len(channel.sent))
        return b"1"

    channel = Partner(answer)
    monkeypatch.setattr(throughput, "partner", channel)
    monkeypatch.setattr("time.perf_counter_ns", lambda: 1000 + 5 * len(channel.sent))
    lines: Lines = []
    case = ipc_case(lines, {"transfer": 2 * window}, payload_bytes=size, buffer_bytes="default")
    throughput.throughput.run(case)
    assert answers == [window * count for count in range(1, len(answers) + 1)]
    assert (channel.settings["window"], channel.settings["buffer_bytes"]) == (window, None)
    assert channel.settings["args"][1:] == (window, bytes(range(256)) * (size // 256) + bytes(range(size % 256)))
    transfers = [line for line in lines if "loops" in line]
    assert {line["loops"] for line in transfers} == {2 * window}
    assert {line["columns"]["tasks"] for line in lines} == {window}
    (rate,) = [line for line in lines if line.get("metric") == "throughput"]
    assert {line["elapsed_ns"] for line in transfers} == {5 * 2 * window}
    assert rate["value"] == pytest.approx(size * 1e9 / 5)
    monkeypatch.setattr(throughput, "partner", Partner(lambda _channel: b"0"))
    with refused("did not arrive unchanged"):
        throughput.throughput.run(ipc_case([], {}, payload_bytes=size, buffer_bytes="default"))


@pytest.mark.parametrize("size", [1, 4096, 65_536, 1_048_576, 67_108_864])
def test_a_window_in_shared_memory_is_larger_than_the_caches_and_fits_a_container(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for cache in (33_554_432, 50_331_648, None):
        monkeypatch.setattr(throughput, "last_level_cache_bytes", lambda cache=cache: cache)
        places = throughput.window_of("shared_memory", size) * max(size, 4096)
        assert 2 * (cache or 2**26) <= places <= 256 * 1024**2
    assert throughput.window_of("pipe", 65_536) == 64
    monkeypatch.setattr(throughput, "last_level_cache_bytes", lambda: 2**30)
    assert throughput.window_of("mmap", size) * max(size, 4096) <= 2**28


def test_how_a_message_is_read_is_an_axis_of_shared_memory_and_its_window_stands_in_the_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cases(mechanism: str, payload: str) -> list[str]:
        axes: dict[str, list[Any]] = {"mechanism": [mechanism], "payload": [payload], "payload_bytes": [65_536]}
        return list(throughput.throughput.cases({**axes, "placement": ["same_cpu"], "buffer_bytes": ["default"]}, 2))

    assert cases("shared_memory", "bytes") == [
        "shared_memory-65536-same_cpu-touched", "shared_memory-65536-same_cpu-copied",
    ]  # fmt: skip
    assert cases("shared_memory", "object") == ["shared_memory-65536-same_cpu-object"]
    assert cases("pipe", "bytes") == ["pipe-65536-same_cpu"]
    channel = Partner(lambda _channel: b"1")
    monkeypatch.setattr(throughput, "partner", channel)
    monkeypatch.setattr(throughput, "last_level_cache_bytes", lambda: 131_072)
    lines: Lines = []
    values = {"mechanism": "mmap", "payload_bytes": 65_536, "reading": "copied", "buffer_bytes": "default"}
    throughput.throughput.run(ipc_case(lines, {"transfer": 4}, **values))
    assert channel.settings["args"][0] is copying_sink
    assert channel.settings["window"] == 4
    assert {line["columns"]["tasks"] for line in lines} == {4}
    (in_flight,) = [line for line in lines if line["operation"] == "window_bytes"]
    assert (in_flight["value"], in_flight["columns"]["unit"]) == (4 * 65_536, "bytes")


def test_the_capacity_of_a_pipe_is_recorded_for_a_pipe_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def buffered(needs: Any) -> int:
        asked.append((needs.buffer_bytes, needs.message_bytes))
        return 4096

    monkeypatch.setattr("lab.agent.toolkit.channels.descriptors.buffered_bytes", buffered)
    monkeypatch.setattr(throughput, "partner", Partner(lambda _channel: b"1"))
    for mechanism in ("os_pipe", "pipe"):
        lines: Lines = []
        case = ipc_case(lines, {"transfer": 64}, mechanism=mechanism, buffer_bytes=8192)
        throughput.throughput.run(case)
        assert [line["value"] for line in lines if line["operation"] == "buffered_bytes"] == (
            [4096] if mechanism == "os_pipe" else []
        )
    assert asked == [(8192, 64)]


class Stamping:
    """A partner that numbers a burst in the order that the test has, then answers with the moment of each message."""

    def __init__(self, order: list[int], ahead_ns: int = 0) -> None:
        self.order = list(order)
        self.ahead_ns = ahead_ns
        self.now_ns = 10**9

    def clock(self) -> int:
        self.now_ns += 100
        return self.now_ns

    def __call__(self, _channel: Partner) -> bytes:
        if self.order:
            return self.order.pop(0).to_bytes(8, "little")
        return (self.now_ns + 50 + self.ahead_ns).to_bytes(8, "little")


def one_way_ran(monkeypatch: pytest.MonkeyPatch, stamping: Stamping, mechanism: str = "pipe") -> tuple[Lines, Partner]:
    channel = Partner(stamping)
    monkeypatch.setattr(one_way, "partner", channel)
    monkeypatch.setattr(one_way, "BURST", 3)
    monkeypatch.setattr("time.perf_counter_ns", stamping.clock)
    waited: list[Case] = []
    monkeypatch.setattr(one_way, "record_empty_timeouts", waited.append)
    lines: Lines = []
    one_way.one_way.run(ipc_case(lines, {"one_way": 20}, mechanism=mechanism))
    assert bool(waited) == (mechanism == "queue")
    return lines, channel


@pytest.mark.parametrize(
    ("mechanism", "order", "out_of_order"),
    [("pipe", [0, 1, 2], [0]), ("queue", [2, 0, 1], [1]), ("pipe", [2, 1, 0], [2]), ("mmap", [], [])],
)
def test_a_message_is_timed_one_way_and_a_burst_shows_whether_it_keeps_its_order(
    monkeypatch: pytest.MonkeyPatch, mechanism: str, order: list[int], out_of_order: list[int]
) -> None:
    lines, channel = one_way_ran(monkeypatch, Stamping(order), mechanism)
    assert channel.settings["args"][1] == len(order)
    assert [line["value"] for line in lines if line["operation"] == "out_of_order"] == out_of_order
    timed = [line for line in lines if line["operation"] == "one_way"]
    assert {line["elapsed_ns"] for line in timed} == {20 * 50}


def test_messages_that_are_lost_and_clocks_that_disagree_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with refused("arrived exactly once"):
        one_way_ran(monkeypatch, Stamping([0, 1, 1]))
    for ahead_ns in (-50, -1000, 10**6):
        with refused("clocks of the two processes differ"):
            one_way_ran(monkeypatch, Stamping([0, 1, 2], ahead_ns))


class Waiting:
    """The context, and its queue: one that waits for this long by the test's clock, or that has something in it."""

    def __init__(self, content: list[int], waits_ns: int) -> None:
        self.content = content
        self.waits_ns = waits_ns
        self.now_ns = 0

    def Queue(self) -> Waiting:  # noqa: N802 - the context's name for it
        return self

    JoinableQueue = Queue

    def get(self, timeout: float) -> int:
        assert timeout == one_way.TIMEOUT_S
        self.now_ns += self.waits_ns
        if self.content:
            return self.content[0]
        raise queue.Empty

    def close(self) -> None: ...

    def join_thread(self) -> None: ...


@pytest.mark.parametrize(
    ("content", "waits_ns", "raised", "waited_out"),
    [([], 51_000_000, 1, 1), ([], 49_600_000, 1, 1), ([], 49_400_000, 1, 0), ([1], 1000, 0, 0)],
)
@pytest.mark.parametrize("mechanism", ["queue", "joinable_queue"])
def test_a_get_in_vain_reports_whether_it_raised_and_not_before_its_time(
    monkeypatch: pytest.MonkeyPatch, *, mechanism: str, content: list[int], waits_ns: int, raised: int, waited_out: int
) -> None:
    lines: Lines = []
    context = Waiting(content, waits_ns)
    case = case_of(lines, mechanism=mechanism)
    monkeypatch.setattr(case, "context", lambda: context)
    monkeypatch.setattr("time.perf_counter_ns", lambda: context.now_ns)
    one_way.record_empty_timeouts(case)

    def values(operation: str, key: str) -> list[int]:
        return [line[key] for line in lines if line["operation"] == operation]

    assert values("empty_raised", "value") == [raised] * 3
    assert values("empty_waited_out", "value") == [waited_out] * 3
    assert values("empty_timeout", "elapsed_ns") == [waits_ns] * 3
    assert values("empty_timeout", "sample") == [0, 1, 2]
    assert values("empty_timeout_asked", "elapsed_ns") == [50_000_000] * 3


class Threads:
    """A team whose members are threads; ``bend`` changes what its producers put, or its consumers say."""

    bend: Any = staticmethod(lambda message: message)

    def __init__(self, _context: Any, size: int, share: Any, args: tuple[Any, ...], _cpus: Any = None) -> None:
        self.size, self.share, self.args = size, share, args
        self.processes: list[Any] = []
        self.loops: list[int] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def observe(self) -> list[dict[str, Any]]:
        return [worker()]

    def begin(self, loops: int) -> None:
        self.loops.append(loops)
        self.running = [
            threading.Thread(target=self.share, args=(loops, index, *self.args), daemon=True)
            for index in range(self.size)
        ]
        for thread in self.running:
            thread.start()

    def finish(self) -> None:
        for thread in self.running:
            thread.join(10)
            assert not thread.is_alive()


class Queue:
    """A queue of this process behind the shape of ``SharedQueue``, or of the context's ``SimpleQueue``."""

    def __init__(self, *_: object) -> None:
        self.messages: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.bend: Any = lambda message: message
        self.ended: list[str] = []
        self.get = self.messages.get

    def put(self, message: Any) -> None:
        self.messages.put(self.bend(message))

    def getter(self) -> Any:
        return self.messages.get

    def close(self) -> None:
        self.ended.append("close")

    def abandon(self) -> None:
        self.ended.append("abandon")


def fan_ran(monkeypatch: pytest.MonkeyPatch, lines: Lines, direction: str, bend: Any) -> Queue:
    shared = Queue()
    shared.bend = bend
    monkeypatch.setattr(fan, "SharedQueue", lambda _mechanism, _context: shared)
    monkeypatch.setattr(fan, "Team", Threads)
    values = {
        "mechanism": "queue", "direction": direction, "workers": 2, "payload_bytes": 64, "placement": "free",
    }  # fmt: skip
    case = frozen(lines, values, message=20)
    monkeypatch.setattr(case, "context", lambda: SimpleNamespace(SimpleQueue=Queue))
    try:
        fan.fan.run(case)
    finally:
        assert len(shared.ended) == 1
    return shared


def lost(message: Any) -> Any:
    return (0, 7) if message == (0, 8) else message


def changed_places(message: Any) -> Any:
    return {(1, 3): (1, 4), (1, 4): (1, 3)}.get(message, message) if isinstance(message, tuple) else message


def doubled(message: Any) -> Any:
    return 7 if message == 8 else message


def overtaking(message: Any) -> Any:
    return 99 - message if isinstance(message, int) else message


@pytest.mark.parametrize(
    ("direction", "bend", "complaint"),
    [
        ("many_to_one", None, ""),
        ("one_to_many", None, ""),
        ("many_to_one", lost, "lost or arrived out of order"),
        ("many_to_one", changed_places, "lost or arrived out of order"),
        ("one_to_many", doubled, "not every message arrived exactly once"),
        ("one_to_many", overtaking, "a later message before an earlier one"),
    ],
)
def test_a_fan_loses_no_message_and_keeps_each_process_s_order(
    monkeypatch: pytest.MonkeyPatch, direction: str, bend: Any, complaint: str
) -> None:
    lines: Lines = []
    with refused(complaint, when=bool(complaint)):
        shared = fan_ran(monkeypatch, lines, direction, bend or (lambda message: message))
        assert operations(lines) == {"message"}
        assert {line["loops"] for line in lines} == {20}
        assert shared.ended == ["close"]
        assert shared.messages.empty(), "as many are got as were put"
