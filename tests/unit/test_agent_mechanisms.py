"""Every mechanism between two threads of this process: messages arrive whole, in order, and nothing stays."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import sys
import threading
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.case import Case, Unsupported, VerificationError
from lab.agent.toolkit.channels import (
    MECHANISMS,
    SEGMENTS,
    STOP,
    Ended,
    Needs,
    descriptors,
    libc,
    open_channel,
    partner,
    queues,
    segments,
    sysv_mq,
)
from lab.agent.toolkit.channels.limits import kernel_limit
from lab.agent.toolkit.watch import PartnerDied

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a part of them only")

JOIN_S = 10.0
# A signal goes to a process, and a manager is one.
IN_ONE_PROCESS = tuple(name for name in MECHANISMS if name not in ("signal", "manager_queue"))
LIMITS = {"posix_mq": "fs/mqueue/msgsize_max", "sysv_mq": "kernel/msgmax"}


@pytest.fixture(autouse=True)
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("t")  # a UNIX socket's path is short
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def together(*sides: Callable[[], object]) -> None:
    threads = [threading.Thread(target=side, daemon=True) for side in sides]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(JOIN_S)
    assert not any(thread.is_alive() for thread in threads), "a side waits for ever"


def descriptors_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if not path.is_dir()]


def contents(size: int) -> list[bytes]:
    return [bytes([number]) * size for number in range(4)]


@pytest.mark.parametrize("size", [1, 64, 16_384, 16_385, 200_000])
@pytest.mark.parametrize("mechanism", IN_ONE_PROCESS)
def test_messages_arrive_whole_and_in_order_and_nothing_stays(mechanism: str, size: int, scratch: Path) -> None:
    if mechanism in LIMITS and size > (kernel_limit(LIMITS[mechanism]) or 0):
        with pytest.raises(Unsupported, match="exceeds the kernel's limit"):
            open_channel(mechanism, Needs(multiprocessing.get_context("fork"), size))
        return
    payload = "object" if "queue" in mechanism else "bytes"
    method = "spawn" if mechanism in ("mmap", "eventfd") else "fork"
    carry(mechanism, Needs(multiprocessing.get_context(method), size), payload, contents(size), scratch)


@pytest.mark.parametrize("mechanism", [name for name in IN_ONE_PROCESS if "queue" not in name])
def test_objects_arrive_as_they_were(mechanism: str, scratch: Path) -> None:
    for sent in ({"id": 1, "at": [1.5, None]}, "text", (1, 2)):
        needs = Needs(multiprocessing.get_context("fork"), len(pickle.dumps(sent, pickle.HIGHEST_PROTOCOL)))
        carry(mechanism, needs, "object", [sent, sent], scratch)


@pytest.mark.parametrize("mechanism", ["os_pipe", "pipe", "duplex_pipe", "fifo", "unix_socket", "tcp_socket"])
def test_messages_arrive_through_a_buffer_of_another_size(mechanism: str, scratch: Path) -> None:
    needs = Needs(multiprocessing.get_context("fork"), 50_000, buffer_bytes=8192)
    carry(mechanism, needs, "bytes", contents(50_000), scratch)


def carry(mechanism: str, needs: Needs, payload: str, messages: list[Any], scratch: Path) -> None:
    """Send each there and back, one after the other; then look at what is left."""
    multiprocessing.get_context("fork").Lock()  # what the first use of a lock opens for good
    before = descriptors_open()
    here, there = open_channel(mechanism, needs)
    received: list[Any] = []

    def other() -> None:
        there.open()
        send, receive = there.calls(payload)
        for _ in messages:
            message = receive()
            send(bytes(message) if payload == "bytes" else message)

    def this() -> None:
        here.open()
        send, receive = here.calls(payload)
        for message in messages:
            send(message)
            found = receive()
            received.append(bytes(found) if payload == "bytes" else found)

    together(other, this)
    assert received == messages
    if "sysv" not in mechanism:  # their notes stay until the queues are removed
        here.connected(os.getpid())
        assert files(scratch) == []
    there.close()
    here.close()
    assert files(scratch) == []
    assert descriptors_open() <= before + (1 if mechanism in SEGMENTS else 0)  # a tracker of resources may have begun


@pytest.mark.parametrize(("method", "names"), [("fork", 0), ("spawn", 2)])
def test_memory_has_a_name_only_where_the_other_side_needs_one_and_until_both_have_it(
    monkeypatch: pytest.MonkeyPatch, scratch: Path, method: str, names: int
) -> None:
    """A kill between making a segment and removing its name would leave it for ever."""
    needs = Needs(multiprocessing.get_context(method), 64)
    here, there = open_channel("mmap", needs)
    assert len(files(scratch)) == names
    here.connected(0)
    assert files(scratch) == []
    there.close()
    here.close()
    removed: list[str] = []
    unlink = SharedMemory.unlink

    def noted(segment: SharedMemory) -> None:
        removed.append(segment.name)
        unlink(segment)

    monkeypatch.setattr(SharedMemory, "unlink", noted)
    here, there = open_channel("shared_memory", needs)
    assert len(removed) == 2 - names
    here.connected(0)
    here.connected(0)
    assert len(removed) == len(set(removed)) == 2
    there.close()
    here.close()


@pytest.mark.parametrize("make", [segments.SharedSegment, segments.MappedFile])
def test_a_spawned_process_is_handed_the_same_memory_and_only_its_maker_removes_the_name(make: type[Any]) -> None:
    segment = make(64, forks=False)
    handed_over = pickle.dumps(segment)
    copies = [pickle.loads(handed_over)]
    copies[0].buffer[:5] = b"hello"
    assert bytes(segment.buffer[:5]) == b"hello"
    copies[0].unlink()
    copies.append(pickle.loads(handed_over))
    segment.unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(handed_over)
    for each in (*copies, segment):
        each.close()


@pytest.mark.parametrize("mechanism", SEGMENTS)
@pytest.mark.parametrize("size", [1, 5000])
def test_as_many_messages_as_a_window_has_may_be_under_way(mechanism: str, size: int) -> None:
    here, there = open_channel(mechanism, Needs(multiprocessing.get_context("fork"), size, window=3))
    send, receive = here.calls("bytes")[0], there.calls("bytes")[1]
    for turn in range(3):
        window = [bytes([3 * turn + number]) * size for number in range(3)]
        for message in window:
            send(message)
        assert [bytes(receive()) for _ in range(3)] == window
    there.close()
    here.close()


@pytest.mark.parametrize("mechanism", ["os_pipe", "fifo", "unix_socket", "tcp_socket"])
@pytest.mark.parametrize("size", [64, 100_000])
def test_answers_of_a_stream_have_their_own_size_and_its_end_ends_the_conversation(mechanism: str, size: int) -> None:
    here, there = open_channel(mechanism, Needs(multiprocessing.get_context("fork"), size, answer_bytes=8))
    seen: list[Any] = []

    def other() -> None:
        there.open()
        send, receive = there.calls("bytes")
        try:
            while True:
                seen.append(bytes(receive()))
                for number in range(3):
                    send(number.to_bytes(8, "little"))
        except Ended:
            seen.append("ended")

    def this() -> None:
        here.open()
        send, receive = here.calls("bytes")
        for message in contents(size):
            send(message)
            seen.append([int.from_bytes(receive(), "little") for _ in range(3)])
        here.stop(send)

    together(other, this)
    assert seen == [part for message in contents(size) for part in (message, [0, 1, 2])] + ["ended"]
    here.connected(os.getpid())
    there.close()
    here.close()


def test_what_a_pipe_takes_is_counted_until_it_is_full() -> None:
    before = descriptors_open()
    for wanted in (4096, 65_536):
        needs = Needs(multiprocessing.get_context("fork"), 64, buffer_bytes=wanted)
        assert descriptors.buffered_bytes(needs) == wanted
    assert descriptors_open() == before


# --- queues that several share ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mechanism", ["queue", "simple_queue", "joinable_queue"])
def test_a_shared_queue_gives_what_was_put_and_is_closed_with_its_thread(mechanism: str) -> None:
    before = descriptors_open()
    shared = queues.SharedQueue(mechanism, multiprocessing.get_context("fork"))
    receive = shared.getter()
    for number in range(3):
        shared.put(number)
    assert [receive() for _ in range(3)] == [0, 1, 2]
    together(shared.close)  # a joinable one would wait for ever for what nobody has acknowledged
    del receive
    del shared
    assert descriptors_open() <= before


class Noted:
    """A queue, a manager or a context that notes its calls."""

    def __init__(self, *missing: str) -> None:
        self._missing = missing
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in self._missing:
            raise AttributeError(name)

        def call(*_: object) -> Noted:
            self.calls.append(name)
            return self

        return call


@pytest.mark.parametrize(
    ("mechanism", "close", "abandon"),
    [
        ("queue", ["close", "join_thread"], ["cancel_join_thread", "close"]),
        ("joinable_queue", ["join", "close", "join_thread"], ["cancel_join_thread", "close"]),
        ("manager_queue", ["shutdown"], ["shutdown"]),
    ],
)
def test_a_shared_queue_waits_for_what_it_must_and_for_nothing_where_a_process_has_died(
    mechanism: str, close: list[str], abandon: list[str]
) -> None:
    for end, expected in (("close", close), ("abandon", abandon)):
        context = Noted()
        shared = queues.SharedQueue(mechanism, context)
        context.calls.clear()
        getattr(shared, end)()
        assert list(dict.fromkeys(context.calls)) == expected


def test_a_joinable_queue_acknowledges_what_it_got_and_waits_for_its_own_acknowledgement() -> None:
    reader, writer = Noted(), Noted()
    send, receive = queues.JoinableEnd(reader, writer).calls("object")
    send(b"message")
    receive()
    assert (reader.calls, writer.calls) == (["get", "task_done"], ["put", "join"])


def test_what_goes_to_another_process_has_no_manager() -> None:
    shared = queues.SharedQueue("manager_queue", Noted())
    assert shared.__getstate__()["_manager"] is None


# --- System V queues --------------------------------------------------------------------------------------------------


def system_v_queues() -> set[str]:
    return set(Path("/proc/sysvipc/msg").read_text(encoding="ascii").splitlines()[1:])


def test_a_system_v_queue_that_a_kill_has_left_is_removed_by_its_note(scratch: Path) -> None:
    before = system_v_queues()
    sysv_mq.remove_left(str(scratch))
    queue = sysv_mq.new_queue({})
    assert len(system_v_queues() - before) == 1
    (note,) = scratch.iterdir()
    assert note.name.startswith("sysv-")
    sysv_mq.remove_left(str(scratch))
    assert system_v_queues() == before
    sysv_mq.remove_left(str(scratch))  # it has gone already
    assert queue >= 0


def test_a_system_v_queue_whose_id_is_0_is_made_and_removed_as_any_other(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    removed: list[int] = []
    calls = {"msgget": lambda *_: 0, "msgctl": lambda queue, *_: removed.append(queue)}
    monkeypatch.setattr(sysv_mq, "functions", lambda names, _what: [calls[name] for name in names])
    ctypes.set_errno(0)
    notes: dict[str, int] = {}
    assert sysv_mq.new_queue(notes) == 0
    assert [Path(note) for note in notes] == list(scratch.iterdir())
    sysv_mq.remove_left(str(scratch))
    assert removed == [0]


@pytest.mark.parametrize(("number", "words"), [(38, "no System V message queues"), (28, "kernel.msgmni")])
def test_a_refusal_of_the_kernel_is_a_reason_and_leaves_no_note(
    scratch: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    monkeypatch.setattr(sysv_mq, "functions", lambda _names, _what: [lambda *_: -1])
    ctypes.set_errno(number)
    with pytest.raises(Unsupported, match=words):
        sysv_mq.new_queue({})
    assert list(scratch.iterdir()) == []


def test_a_call_that_a_signal_interrupted_is_tried_again_and_another_failure_is_raised() -> None:
    ctypes.set_errno(4)
    libc.complain("msgrcv")
    ctypes.set_errno(22)
    with pytest.raises(OSError, match="msgrcv: Invalid argument"):
        libc.complain("msgrcv")
    with pytest.raises(Unsupported, match="this system has no telepathy"):
        libc.functions(["no_such_function"], "telepathy")


# --- the process at the other side ------------------------------------------------------------------------------------


class End:
    """An end of a pipe between threads, which closing does not close: here both ends are one process's."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    def send(self, message: Any) -> None:
        self.connection.send(message)

    def recv(self) -> Any:
        return self.connection.recv()

    def close(self) -> None: ...


class Context:
    """A start method whose processes are threads; ``code`` is what they end with."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.started: list[Any] = []
        self.queues: list[Any] = []

    def get_start_method(self) -> str:
        return "fork"

    def SimpleQueue(self) -> Any:  # noqa: N802 - the context's name for it
        self.queues.append(multiprocessing.get_context("fork").SimpleQueue())
        return self.queues[-1]

    def Pipe(self) -> tuple[End, End]:  # noqa: N802 - the context's name for it
        one, other = multiprocessing.Pipe()
        return End(one), End(other)

    def Process(self, **settings: Any) -> Any:  # noqa: N802
        context = self

        class Started:
            pid = 2**22 + 1

            def __init__(self) -> None:
                self.thread = threading.Thread(target=settings["target"], args=settings["args"], daemon=True)
                self.start = self.thread.start
                self.join = self.thread.join

            @property
            def exitcode(self) -> int | None:
                ended = not self.thread.is_alive() and self.thread.ident is not None
                return context.code if ended else None

            def kill(self) -> None:
                """A thread cannot be killed: it is sent its last message, whichever queue it reads."""
                for each in context.queues if self.thread.is_alive() else ():
                    each.put(STOP)
                self.thread.join(JOIN_S)

        self.started.append(Started())
        return self.started[-1]


def played(monkeypatch: pytest.MonkeyPatch, context: Context, **observed: Any) -> Any:
    values = {"mechanism": "simple_queue", "payload": "object", "placement": "same_cpu"}
    case = Case({"values": values, "seed": 0}, {"round": 0, "batches": 1, "own_cgroup": False}, lambda _line: None)
    monkeypatch.setattr(case, "context", lambda: context)
    monkeypatch.setattr(case, "sides", lambda: (None, [0]))
    bound: list[Any] = []
    monkeypatch.setattr("lab.agent.measuring.placement.pin", bound.append)
    monkeypatch.setattr(case, "verify_workers", lambda workers, parent: checked.append((workers, parent)))
    checked: list[Any] = []
    found = {"pid": 7, "cpus": [0], **observed}
    monkeypatch.setattr(partner, "observe", lambda: found)
    with partner.partner(case, partner.echo, content=b"x") as (send, receive):
        send(b"hello")
        assert receive() == b"hello"
    assert sorted(bound, key=str) == [None, [0]]
    return checked


def test_the_other_side_is_verified_plays_its_role_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context()
    ((workers, parent),) = played(monkeypatch, context)
    assert workers == [{"pid": 7, "cpus": [0]}]
    assert parent == 7
    (process,) = context.started
    assert not process.thread.is_alive()


def test_another_side_that_does_not_end_well_or_runs_elsewhere_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(VerificationError, match=r"the other side may run on CPUs \[3\]"):
        played(monkeypatch, Context(), cpus=[3])
    # It ends with a code once it was stopped: by then the watch is over, and the verification has to see it.
    with pytest.raises((VerificationError, PartnerDied), match="ended with code 5"):
        played(monkeypatch, Context(code=5))
