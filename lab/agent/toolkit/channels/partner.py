"""The process at the other side of a channel: start, check, watch and end."""

from __future__ import annotations

import contextlib
import time

from lab.agent.case import observe
from lab.agent.measuring import placement
from lab.agent.toolkit import allocator
from lab.agent.toolkit.channels import STOP, Ended, Needs, open_channel
from lab.agent.toolkit.channels.payloads import carried_bytes
from lab.agent.toolkit.watch import PartnerDied, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, ContextManager, Dict, Iterator, List, Optional, Tuple

    from lab.agent.case import Case
    from lab.agent.toolkit.channels import End, Receive, Send

    Role = Callable[..., None]

JOIN_S = 10.0
CACHE_LINE = 64  # bytes; on processors with longer lines, every line is read more than once
DEATH_S = 1.0


@contextlib.contextmanager
def partner(
    case: Case,
    role: Role,
    *args: Any,
    content: Any,
    window: int = 1,
    buffer_bytes: Optional[int] = None,
) -> Iterator[Tuple[Send, Receive]]:
    """A context in which ``role(send, receive, *args)`` runs at the other side; it gives this side's functions.

    ``content`` is the message that is sent every time. The role returns when it receives ``STOP``, or ends with its
    stream; the exit code of its process is verified. The channel is removed in every case.
    """
    state = case.values.get("allocator")
    allocator.prepare(state)  # first: where that is unsupported, the other side would die of it
    mine, theirs = case.sides()
    context: Any = case.context()
    placement.pin(mine)  # now, because feeder threads and a manager's process inherit it
    sizes = [carried_bytes(case["payload"], each) for each in (content, ANSWERS.get(role, content))]
    needs = Needs(context, sizes[0], window, buffer_bytes, answer_bytes=sizes[1])
    here, there = open_channel(case["mechanism"], needs)
    control, its_control = context.Pipe()
    other = context.Process(
        target=serve, args=(there, its_control, (role, args, state), case["payload"], theirs), daemon=True
    )
    try:
        other.start()
        its_control.close()
        with Watch([other]):
            here.open()
            observed = control.recv()
            here.connected(other.pid)
            there.release()
            case.verify_workers([observed], parent=observe()["pid"])
            case.verify(
                theirs is None or observed["cpus"] == theirs, "the other side may run on CPUs %s" % observed["cpus"]
            )
            send, receive = here.calls(case["payload"])
            with kept_awake(case, mine, theirs):
                yield send, receive
        here.stop(send)
        other.join(JOIN_S)
        case.verify(other.exitcode == 0, "the other side ended with code %s" % other.exitcode)
    except BaseException as error:
        if other.pid is not None:
            if isinstance(error, (EOFError, OSError)):
                other.join(DEATH_S)  # its closed channel may be noticed before its death
            dead = other.exitcode not in (None, 0)
            code = other.exitcode
            other.kill()
            other.join()
            here.abandon()
            if dead:
                raise PartnerDied(code) from error
        raise
    control.close()
    here.close()


def serve(
    there: End,
    control: Any,
    part: Tuple[Role, Tuple[Any, ...], Optional[str]],
    payload: str,
    cpus: Optional[List[int]],
) -> None:
    """Main function of the other side: describe itself, then run its role."""
    role, args, state = part
    allocator.prepare(state)
    placement.pin(cpus)
    there.open()
    send, receive = there.calls(payload)
    control.send(observe())
    with contextlib.suppress(Ended):
        role(send, receive, *args)
    there.close()


def echo(send: Send, receive: Receive) -> None:
    """Send each message back until ``STOP``."""
    message = receive()
    while message != STOP:
        send(message)
        message = receive()


def stamp(send: Send, receive: Receive, burst: int) -> None:
    """Send ``burst`` numbered messages; then answer each message with the time (ns) at which it was received."""
    clock = time.perf_counter_ns
    for number in range(burst):
        send(number.to_bytes(8, "little"))
    message = receive()
    now = clock()
    while message != STOP:
        send(now.to_bytes(8, "little"))
        message = receive()
        now = clock()


def sink(send: Send, receive: Receive, window: int, expected: Any) -> None:
    """Answer once per window; the first answer says whether all messages of the first window were as expected."""
    read_and_answer(send, receive, window, expected, receive)


def touching_sink(send: Send, receive: Receive, window: int, expected: Any) -> None:
    """A ``sink`` that reads a byte of every cache line of each message, by a slice, which takes longer than a copy."""

    def read() -> Any:
        return receive()[::CACHE_LINE].tobytes()

    read_and_answer(send, receive, window, expected, read)


def copying_sink(send: Send, receive: Receive, window: int, expected: Any) -> None:
    """A ``sink`` that copies each message out of the shared memory."""

    def read() -> Any:
        return bytes(receive())

    read_and_answer(send, receive, window, expected, read)


def read_and_answer(send: Send, receive: Receive, window: int, expected: Any, read: Receive) -> None:
    """Answer once per window until ``STOP``; ``read`` receives a message and uses it, to the extent that is timed."""
    right = [receive() == expected for _ in range(window)]
    send(b"1" if all(right) else b"0")
    message = read()
    while message != STOP:
        for _ in range(window - 1):
            read()
        send(b"1")
        message = read()


# What a role answers; each other role answers with the message itself.
ANSWERS: Dict[Role, bytes] = {stamp: bytes(8), sink: b"1", touching_sink: b"1", copying_sink: b"1"}


def kept_awake(case: Case, mine: Optional[List[int]], theirs: Optional[List[int]]) -> ContextManager[None]:
    """A context that keeps both sides' CPUs awake if the placement is ``cross_cpu_awake``, and does nothing else."""
    if case["placement"] == "cross_cpu_awake":
        return placement.KeptAwake([*(mine or []), *(theirs or [])])
    return contextlib.nullcontext()
