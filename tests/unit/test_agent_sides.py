"""What works together in a measurement, with threads of this process as its sides: teams, shares, roles, a server."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import socket
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from lab.agent.scenarios.ipc import fan
from lab.agent.scenarios.sync import primitives
from lab.agent.toolkit import shares, teams, waiting_server, work
from lab.agent.toolkit.channels import STOP, partner
from lab.agent.toolkit.teams import ThreadTeam
from lab.agent.toolkit.watch import PartnerDied

if TYPE_CHECKING:
    from collections.abc import Callable

JOIN_S = 10.0


def in_threads(*sides: Callable[[], object]) -> None:
    """Run each side in a thread of its own until all have ended."""
    threads = [threading.Thread(target=side, daemon=True) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_S)
    assert not any(thread.is_alive() for thread in threads), "a side waits for ever"


# --- teams ------------------------------------------------------------------------------------------------------------


def test_each_member_does_its_share_of_a_batch_and_answers_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    before = set(threading.enumerate())
    bound: list[Any] = []
    monkeypatch.setattr("lab.agent.measuring.placement.pin_thread", bound.append)
    done: list[tuple[int, int, str]] = []

    def share(loops: int, index: int, name: str) -> None:
        done.append((loops, index, name))

    with ThreadTeam(3, share, ("x",), [4, 6]) as members:
        began = time.perf_counter_ns()
        assert 0 < members.batch(5) <= time.perf_counter_ns() - began
        assert sorted(done) == [(5, 0, "x"), (5, 1, "x"), (5, 2, "x")]
        assert members.ask(1, lambda name: name + "!") == "x!"
        assert members.ask(2, lambda one, two: one + two, 3, 4) == 7
        assert len(set(threading.enumerate()) - before) == 3
    assert sorted(bound) == [[4], [4], [6]]
    assert set(threading.enumerate()) <= before


def test_a_member_in_a_process_serves_its_word_until_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[Any] = []
    monkeypatch.setattr("lab.agent.measuring.placement.pin", bound.append)
    done: list[tuple[int, int, str]] = []

    class Words:
        """What is sent to a member; functions of a test cannot be pickled."""

        def __init__(self) -> None:
            self.words: list[Any] = [4, (lambda *args: args, ()), (lambda *args: args, (1, 2)), None]
            self.answers: list[Any] = []

        def recv(self) -> Any:
            return self.words.pop(0)

        def send(self, answer: Any) -> None:
            self.answers.append(answer)

    end = Words()
    teams.serve(end, lambda loops, index, name: done.append((loops, index, name)), 2, ("x",), [3])  # type: ignore[arg-type]
    assert (done, end.answers, end.words, bound) == ([(4, 2, "x")], [2, ("x",), (1, 2)], [], [[3]])


class Member:
    """A process that a team starts, without one: it only notes what is done with it."""

    made: list[Member]

    def __init__(self, *, target: Any, args: tuple[Any, ...], daemon: bool = False) -> None:
        self.target, self.args, self.daemon = target, args, daemon
        self.calls: list[str] = []
        self.pid = 100 + len(Member.made)
        Member.made.append(self)

    def start(self) -> None:
        self.calls.append("start")

    def join(self, timeout: float | None = None) -> None:
        self.calls.append("join" if timeout else "join for ever")

    def is_alive(self) -> bool:
        return self.pid == 101 and "kill" not in self.calls

    def kill(self) -> None:
        self.calls.append("kill")


class Context:
    """A start method whose processes are ``Member``."""

    Process = Member

    def Pipe(self, duplex: bool = True) -> Any:  # noqa: FBT001, FBT002, N802 - the context's name and parameter
        return multiprocessing.Pipe(duplex)


def test_a_team_starts_its_members_on_its_cpus_in_turn_and_ends_them_even_where_they_hang() -> None:
    Member.made = []
    with teams.Team(Context(), 3, print, ("x",), [4, 6]) as members:  # type: ignore[arg-type]
        assert members.pids() == [100, 101, 102]
        assert [member.calls for member in members.processes] == [["start"]] * 3
        assert [member.args[1:] for member in Member.made] == [
            (print, 0, ("x",), [4]),
            (print, 1, ("x",), [6]),
            (print, 2, ("x",), [4]),
        ]
        assert all(member.args[0].closed for member in Member.made), "the parent closes its copy of the other end"
    ended = ["start", "join"]
    assert [member.calls for member in Member.made] == [ended, [*ended, "kill", "join for ever"], ended]
    Member.made = []
    with teams.Team(Context(), 1, print):  # type: ignore[arg-type]
        assert Member.made[0].args[-1] is None


# --- shares -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(shares.HANDED_OVER))
def test_two_sides_that_hand_something_over_wait_for_one_another(name: str) -> None:
    args = primitives.hand_over_args(threading, name)
    with ThreadTeam(2, shares.HANDED_OVER[name], args) as two:
        in_threads(lambda: [two.batch(loops) for loops in (1, 4, 5)])


@pytest.mark.parametrize("name", ["lock", "event", "condition"])
def test_a_side_that_is_left_alone_waits(name: str) -> None:
    args = primitives.hand_over_args(threading, name)
    side = threading.Thread(target=shares.HANDED_OVER[name], args=(2, 0, *args), daemon=True)
    side.start()
    side.join(0.05)
    assert side.is_alive()
    shares.HANDED_OVER[name](2, 1, *args)
    side.join(JOIN_S)
    assert not side.is_alive()


class Counted:
    """A primitive that counts what is done with it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Callable[..., bool]:
        def call(*_: object) -> bool:
            self.calls.append(name)
            return True

        return call

    def __enter__(self) -> None:
        self.calls.append("enter")

    def __exit__(self, *_: object) -> None:
        self.calls.append("exit")


@pytest.mark.parametrize(
    ("name", "calls"),
    [
        ("lock", ["acquire", "release"]),
        ("bounded_semaphore", ["acquire", "release"]),
        ("event", ["set", "is_set"]),
        ("condition", ["enter", "notify", "exit"]),
        ("barrier", ["wait"]),
    ],
)
def test_an_operation_on_a_primitive_is_what_it_is_called(name: str, calls: list[str]) -> None:
    primitive = Counted()
    shares.OPERATIONS[name](3, 0, primitive)
    assert primitive.calls == 3 * calls


def test_a_primitive_is_tried_before_it_is_timed() -> None:
    lock, event = threading.Lock(), threading.Event()
    assert shares.take(lock)
    assert not shares.take(lock)
    shares.leave(lock)
    assert not lock.locked()
    assert not shares.is_set(event)
    shares.set_it(event)
    assert shares.is_set(event)
    assert shares.is_held_back(threading.Barrier(2))
    assert not shares.is_held_back(threading.Barrier(1))


def test_what_is_handed_over_is_not_there_at_first() -> None:
    assert [lock.locked() for lock in primitives.hand_over_args(threading, "lock")] == [True, True]
    assert [event.is_set() for event in primitives.hand_over_args(threading, "event")] == [False, False]
    assert primitives.hand_over_args(threading, "condition")[1].value == 0
    assert len(primitives.hand_over_args(threading, "rlock")) == 1 + shares.RING


# --- the other side of a channel --------------------------------------------------------------------------------------


class Channel:
    """One side of a channel: what will be received, and what was sent."""

    def __init__(self, *messages: bytes) -> None:
        self.messages = list(messages)
        self.sent: list[bytes] = []

    def receive(self) -> bytes:
        return self.messages.pop(0)


def test_an_echo_sends_back_what_it_receives_until_it_is_stopped() -> None:
    channel = Channel(b"a", b"b", STOP, b"c")
    partner.echo(channel.sent.append, channel.receive)
    assert (channel.sent, channel.messages) == ([b"a", b"b"], [b"c"])


def test_a_stamp_numbers_its_burst_and_answers_with_the_moment_of_each_message(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter(range(70, 80))
    monkeypatch.setattr("time.perf_counter_ns", lambda: next(moments))
    channel = Channel(b"a", b"b", STOP)
    partner.stamp(channel.sent.append, channel.receive, 3)
    assert [int.from_bytes(message, "little") for message in channel.sent] == [0, 1, 2, 70, 71]
    assert {len(message) for message in channel.sent} == {8}


@pytest.mark.parametrize(("third", "verdict"), [(b"x", b"1"), (b"y", b"0")])
def test_a_sink_says_of_the_first_window_whether_it_was_as_expected(third: bytes, verdict: bytes) -> None:
    channel = Channel(b"x", b"x", third, *[b"x"] * 6, STOP)
    partner.sink(channel.sent.append, channel.receive, 3, b"x")
    assert channel.sent == [verdict, b"1", b"1"]
    assert channel.messages == []


class Seen(bytes):
    """A message whose reading is noted, as a view of shared memory; it is empty for the last message."""

    reads: ClassVar[list[int]] = []

    def __getitem__(self, part: Any) -> Any:
        self.reads.append(len(range(*part.indices(len(self)))))
        return memoryview(bytes(self))[part]

    def __bytes__(self) -> bytes:
        self.reads.append(len(self))
        return b"".join([self])


@pytest.mark.parametrize(("role", "reads"), [("sink", 0), ("touching_sink", 100), ("copying_sink", 6400)])
def test_a_sink_of_shared_memory_reads_every_cache_line_or_all_bytes(role: str, reads: int) -> None:
    Seen.reads.clear()
    content = bytes(range(256)) * 25
    channel = Channel(content, *[Seen(content)] * 3, Seen())
    getattr(partner, role)(channel.sent.append, channel.receive, 1, content)
    assert channel.sent == [b"1"] * 4
    lines = [count for count in Seen.reads if count]
    assert min(lines, default=0) == reads
    assert len(lines) >= 3 * bool(reads)


def test_the_other_side_says_what_it_is_before_it_plays_its_role() -> None:
    happened: list[str] = []

    class End:
        def open(self) -> None:
            happened.append("open")

        def calls(self, payload: str) -> tuple[str, str]:
            happened.append(payload)
            return "send", "receive"

        def close(self) -> None:
            happened.append("close")

    class Control:
        def send(self, found: dict[str, Any]) -> None:
            happened.append(f"is {found['pid']}")

    def role(send: str, receive: str, number: int) -> None:
        happened.append(f"{send} {receive} {number}")

    partner.serve(End(), Control(), (role, (5,), None), "object", None)  # type: ignore[arg-type]
    assert happened == ["open", "object", f"is {os.getpid()}", "send receive 5", "close"]


def test_the_diagnostic_placement_alone_keeps_cpus_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.agent.measuring.placement.KeptAwake", lambda cpus: cpus)
    assert partner.kept_awake({"placement": "cross_cpu_awake"}, [1], [2]) == [1, 2]  # type: ignore[arg-type,comparison-overlap]
    with partner.kept_awake({"placement": "cross_cpu"}, [1], [2]) as nothing:  # type: ignore[arg-type]
        assert nothing is None


def test_who_died_is_named_with_its_code() -> None:
    assert str(PartnerDied(-9)) == "the process at the other side ended with code -9"


class Fan:
    """A queue of the fan: what is in it, and what was put."""

    def __init__(self, *messages: Any) -> None:
        self.messages = list(messages)
        self.sent: list[Any] = []
        self.put = self.sent.append

    def getter(self) -> Callable[[], Any]:
        return lambda: self.messages.pop(0)


def test_many_that_put_say_whose_each_message_is_and_many_that_get_stop_at_the_end() -> None:
    one = Fan()
    fan.put(3, 0, one, b"x")  # type: ignore[arg-type]
    fan.put_numbered(2, 7, one)  # type: ignore[arg-type]
    assert one.sent == [b"x"] * 3 + [(7, 0), (7, 1)]
    other, third = Fan(1, 2, fan.END, 3), Fan(4, 5, fan.END, 6)
    fan.get(1, 0, other)  # type: ignore[arg-type]
    fan.get_and_report(1, 0, third, one)  # type: ignore[arg-type]
    assert (other.messages, third.messages, one.sent[-1]) == ([3], [6], [4, 5])


# --- the server of what waits -----------------------------------------------------------------------------------------


def test_a_server_answers_each_request_with_its_number_and_not_before_its_delay() -> None:
    mine, theirs = multiprocessing.Pipe(duplex=False)
    server = threading.Thread(target=waiting_server.serve, args=(theirs, 20_000_000), daemon=True)
    server.start()
    port = mine.recv()
    answers: list[int] = []
    began = time.perf_counter_ns()
    in_threads(*(lambda number=number: answers.append(waiting_server.fetch(port, number)) for number in (5, 6, 700)))
    assert time.perf_counter_ns() - began >= 20_000_000
    assert sorted(answers) == [5, 6, 700]
    with socket.create_connection((waiting_server.LOOPBACK, port)) as connection:
        connection.sendall(waiting_server.STOP)
    server.join(JOIN_S)
    assert not server.is_alive()
    mine.close()


# --- work -------------------------------------------------------------------------------------------------------------


def test_steps_are_gauged_by_the_fastest_run(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = iter([9_000, 2_000, 4_000, 3_000, 8_000])
    clock = {"ns": 0}

    def spin(steps: int, seed: int = 0) -> int:
        assert (steps, seed) == (work.GAUGED_STEPS, 0)
        clock["ns"] += next(durations)
        return 0

    monkeypatch.setattr(work, "spin", spin)
    monkeypatch.setattr("time.perf_counter_ns", lambda: clock["ns"])
    assert work.steps_per_ms() == 1_000_000 * work.GAUGED_STEPS // 2_000


def test_work_is_the_same_everywhere() -> None:
    """Results, and with them what is worked at, are those of every run that has been made."""
    assert (work.identity(4), work.spin(3, 1)) == (4, ((1 * 31 + 0) * 31 + 1) * 31 + 2)
    assert work.pure_python(0) == work.spin(8_000)
    hashed = hashlib.sha256((1).to_bytes(8, "little") + bytes(range(256)) * 4096)
    assert work.hashing(1) == int.from_bytes(hashed.digest()[:4], "little")
    assert [work.memory(seed) for seed in (0, 1, 33)] == [0, 2, 66]
    assert work.waiting(6) == 6
