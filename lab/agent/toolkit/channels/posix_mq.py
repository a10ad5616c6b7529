"""POSIX message queues, by ctypes: ``mq_open``, ``mq_send``, ``mq_receive``.

A queue's name is removed right after its creation. Because a process can be killed in between, a note in the cell's
temporary folder records each name while it exists; see ``remove_left``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels.descriptors import DescriptorEnd
from lab.agent.toolkit.channels.libc import complain, functions
from lab.agent.toolkit.channels.limits import kernel_limit, require_at_most
from lab.agent.toolkit.channels.payloads import pickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send

WHAT = "POSIX message queues"
NOTE = "posixmq-"  # prefix of the note's file name, before the queue's name; the supervisor knows it
LEAST_BYTES = 256  # so that an answer always fits
MESSAGES = 10  # the kernel's default limit for a user
LIMIT_REACHED = "this user's limit for POSIX message queues is reached (RLIMIT_MSGQUEUE or fs.mqueue.queues_max)"
REFUSALS = {
    errno.ENOSYS: "this kernel has no POSIX message queues",
    errno.EMFILE: LIMIT_REACHED,
    errno.ENOSPC: LIMIT_REACHED,
    errno.EACCES: "POSIX message queues are not allowed here",
    errno.EPERM: "POSIX message queues are not allowed here",
}


class Attributes(ctypes.Structure):
    """``struct mq_attr``."""

    _fields_ = (
        ("mq_flags", ctypes.c_long),
        ("mq_maxmsg", ctypes.c_long),
        ("mq_msgsize", ctypes.c_long),
        ("mq_curmsgs", ctypes.c_long),
        ("reserved", ctypes.c_long * 4),
    )


class PosixQueueEnd(DescriptorEnd):
    """An end with one nameless queue per direction; on Linux a queue's handle is a descriptor."""

    def __init__(self, reader: int, writer: int, longest: int) -> None:
        super().__init__(reader, writer)
        self._longest = longest

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """``mq_send`` and ``mq_receive``, for bytes or for pickled objects."""
        mq_send, mq_receive = functions(["mq_send", "mq_receive"], WHAT)
        mq_send.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint]
        mq_receive.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        mq_receive.restype = ctypes.c_ssize_t
        reader, writer, longest = self.reader, self.writer, self._longest
        buffer = ctypes.create_string_buffer(longest)
        view, address = memoryview(buffer).cast("B"), ctypes.addressof(buffer)

        def send(message: bytes) -> None:
            while mq_send(writer, message, len(message), 0):
                complain("mq_send")

        def receive() -> bytes:
            size = mq_receive(reader, address, longest, None)
            while size < 0:
                complain("mq_receive")
                size = mq_receive(reader, address, longest, None)
            return view[:size].tobytes()

        return pickled(payload, send, receive)


def posix_mq(needs: Needs) -> Ends:
    """Two POSIX message queues without names, one per direction."""
    require_at_most(needs.message_bytes, "fs/mqueue/msgsize_max", "POSIX message queue")
    size = max(needs.message_bytes, LEAST_BYTES)
    back, forth = new_queue(size), new_queue(size)
    # The other side gets duplicates, because each side closes its own.
    return PosixQueueEnd(back, forth, size), PosixQueueEnd(os.dup(forth), os.dup(back), size)


def new_queue(size: int) -> int:
    """Create a queue without a name for messages of at most ``size`` bytes; return its descriptor.

    Raises:
        Unsupported: this kernel has no such queues, or a limit is reached.
    """
    import tempfile

    mq_open, mq_unlink = functions(["mq_open", "mq_unlink"], WHAT)
    name = "comparison-lab-" + os.urandom(8).hex()
    note = os.path.join(tempfile.gettempdir(), NOTE + name)
    with open(note, "x", encoding="ascii", newline="\n"):
        pass
    limit = kernel_limit("fs/mqueue/msg_max") or MESSAGES
    wanted: Any = Attributes(mq_maxmsg=min(MESSAGES, limit), mq_msgsize=size)
    found: int = mq_open(encoded_name(name), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600, ctypes.byref(wanted))
    if found < 0:
        number = ctypes.get_errno()
        os.unlink(note)
        if number in REFUSALS:
            raise Unsupported(REFUSALS[number])
        complain("mq_open")
    mq_unlink(encoded_name(name))
    os.unlink(note)
    os.set_inheritable(found, False)
    return found


def encoded_name(name: str) -> bytes:
    """A queue's name as the C library expects it."""
    return b"/" + name.encode()


def remove_left(folder: str) -> None:
    """Remove the queues that are noted in the temporary ``folder`` of a killed cell."""
    with contextlib.suppress(Unsupported):
        (mq_unlink,) = functions(["mq_unlink"], WHAT)
        for note in os.listdir(folder):
            if note.startswith(NOTE):
                mq_unlink(encoded_name(note[len(NOTE) :]))  # fails if the queue was never created
