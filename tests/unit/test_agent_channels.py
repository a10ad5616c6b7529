"""Channels without a process: limits are stated, messages have their length."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.agent.case import Case, Unsupported
from lab.agent.toolkit.channels import BUFFERED, CONNECTIONS, MECHANISMS, QUEUES, SEGMENTS, limits, natural_payload
from lab.agent.toolkit.channels.payloads import PAYLOADS, TOKEN, carried_bytes, message, out_of_band
from lab.agent.toolkit.watch import PartnerDied, Watch
from lab.report.drawing import theme

CONTRACT = (
    "os_pipe, pipe, duplex_pipe, queue, simple_queue, joinable_queue, manager_queue, fifo, unix_socket, tcp_socket, "
    "listener_client, posix_mq, sysv_mq, shared_memory, mmap, eventfd, signal"
)


def test_the_mechanisms_are_those_of_the_contract_in_its_order() -> None:
    assert ", ".join(MECHANISMS) == CONTRACT
    assert set(MECHANISMS) >= QUEUES | CONNECTIONS | SEGMENTS | BUFFERED


def test_every_mechanism_has_a_colour_and_a_marker_of_its_own() -> None:
    assert list(theme.MECHANISMS) == list(MECHANISMS)
    looks = {(theme.mechanism(name).colour, theme.mechanism(name).marker) for name in MECHANISMS}
    assert len(looks) == len(MECHANISMS)


def test_what_a_mechanism_carries_by_nature() -> None:
    assert {name for name in MECHANISMS if natural_payload(name) == "object"} == set(QUEUES)
    assert natural_payload("signal") is None
    assert natural_payload("pipe") == "bytes"


@pytest.mark.parametrize("size", [1, 64, 257, 65_537])
def test_bytes_have_the_length_that_was_asked_for(size: int) -> None:
    assert len(message("bytes", size)) == len(message("object", size)) == len(message("oob", size)) == size


@pytest.mark.parametrize("payload", ["flat_list", "nested_dict"])
def test_objects_are_about_as_long_as_was_asked_for(payload: str) -> None:
    for size in (1024, 65_536, 1_048_576):
        found = len(pickle.dumps(message(payload, size), pickle.HIGHEST_PROTOCOL))
        assert 0.85 * size < found < 1.15 * size


def test_a_signal_has_a_token_for_a_message() -> None:
    assert message(None, None) == TOKEN
    assert carried_bytes(None, TOKEN) == len(TOKEN)


def test_a_channel_gets_the_length_as_it_is_carried() -> None:
    content = message("object", 64)
    assert carried_bytes("bytes", content) == 64
    assert carried_bytes("object", content) == len(pickle.dumps(content, pickle.HIGHEST_PROTOCOL))
    assert set(PAYLOADS) == {"bytes", "object", "flat_list", "nested_dict", "oob"}


def test_buffers_go_apart_from_the_pickle() -> None:
    frames: list[bytes] = []
    send, receive = out_of_band(lambda frame: frames.append(bytes(frame)), lambda: frames.pop(0))
    content = message("oob", 4096)
    send(content)
    assert [len(frame) for frame in frames][1:] == [4096]
    assert len(frames[0]) < 100
    assert receive() == content


def test_a_limit_of_the_kernel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "kernel_limit", lambda _name: 8192)
    limits.require_at_most(8192, "kernel/msgmax", "System V message queue")
    with pytest.raises(Unsupported, match=r"8193 bytes exceeds the kernel's limit kernel\.msgmax = 8192"):
        limits.require_at_most(8193, "kernel/msgmax", "System V message queue")


def test_without_such_a_limit_nothing_is_refused() -> None:
    assert limits.kernel_limit("no/such/limit") is None
    limits.require_at_most(2**40, "no/such/limit", "nothing")


@pytest.mark.skipif(not hasattr(os, "statvfs"), reason="this system has no statvfs")
def test_too_small_a_file_system_is_refused_with_both_sizes(tmp_path: Path) -> None:
    limits.require_room(str(tmp_path), 1)
    limits.require_room(str(tmp_path / "missing"), 2**60)
    with pytest.raises(Unsupported, match=r"needs 1152921504606846976 bytes in .*, which has only \d+ free"):
        limits.require_room(str(tmp_path), 2**60)


def test_a_file_system_that_is_just_large_enough_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _folder: SimpleNamespace(f_bavail=5, f_frsize=20), raising=False)
    limits.require_room("anywhere", 100)
    with pytest.raises(Unsupported, match="needs 101 bytes in anywhere, which has only 100 free"):
        limits.require_room("anywhere", 101)


def test_percentiles_need_ten_operations_beyond_them() -> None:
    lines: list[dict[str, object]] = []
    case = Case({"values": {}, "seed": 0}, {"round": 0, "batches": 1, "own_cgroup": False}, lines.append)
    case.record_latencies("trip", list(range(1, 1001)))
    assert [(line["metric"], line["value"]) for line in lines] == [("latency_p50", 500), ("latency_p99", 990)]
    lines.clear()
    case.record_latencies("trip", list(range(10_000, 0, -1)))
    assert [line["value"] for line in lines] == [5000, 9900, 9990]
    assert {line["columns"]["loops"] for line in lines} == {10_000}  # type: ignore[index]


def test_bytes_a_second_stand_beside_each_batch() -> None:
    lines: list[dict[str, object]] = []
    case = Case({"values": {}, "seed": 0}, {"round": 0, "batches": 2, "own_cgroup": False}, lines.append)
    case.measure("transfer", lambda loops: 1000 * loops, bytes_each=64)
    rates = [line for line in lines if line.get("metric") == "throughput"]
    assert [line["sample"] for line in rates] == [0, 1]
    assert {line["value"] for line in rates} == {64e6}


class Ended:
    exitcode: int | None = None


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells nobody that a child has died")
def test_a_death_before_the_watch_began_is_not_missed() -> None:
    dead = Ended()
    dead.exitcode = -9
    with pytest.raises(PartnerDied, match="ended with code -9"), Watch([dead]):  # type: ignore[list-item]
        pytest.fail("it was entered")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells nobody that a child has died")
def test_the_death_of_a_stranger_is_not_the_partners() -> None:
    with Watch([Ended()]):  # type: ignore[list-item]
        subprocess.run([sys.executable, "-c", ""], check=True)
        time.sleep(0.01)
    assert threading.active_count() >= 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="POSIX message queues are tried on Linux")
def test_a_posix_queue_that_a_kill_has_left_is_removed_by_its_note(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from lab.agent import supervisor
    from lab.agent.toolkit.channels import libc, posix_mq

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (mq_open,) = libc.functions(["mq_open"], posix_mq.WHAT)
    os.close(posix_mq.new_queue(256))
    assert list(tmp_path.iterdir()) == []

    # As a kill between making the queue and taking its name away leaves it: with its name, and its note.
    monkeypatch.setattr(posix_mq, "functions", lambda names, what: [*libc.functions(names[:1], what), killed])
    with pytest.raises(KeyboardInterrupt):
        posix_mq.new_queue(256)
    monkeypatch.setattr(posix_mq, "functions", libc.functions)
    (note,) = tmp_path.iterdir()
    name = posix_mq.encoded_name(note.name[len(posix_mq.NOTE) :])
    found = mq_open(name, os.O_RDONLY)
    assert found >= 0, "the test has left no queue"
    os.close(found)
    supervisor._remove_message_queues(str(tmp_path))
    assert mq_open(name, os.O_RDONLY) < 0


def killed(_name: bytes) -> None:
    raise KeyboardInterrupt
