"""System V message queues, by ctypes: ``msgget``, ``msgsnd``, ``msgrcv``.

Such a queue has no name that could be removed while it is in use, and it outlives its processes. So a note in the
cell's temporary folder records each key before its queue is created, and the supervisor removes the queues of all notes
that are left; see ``remove_left``.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import sys

from lab.agent.case import Unsupported
from lab.agent.toolkit.channels import End
from lab.agent.toolkit.channels.libc import complain, functions
from lab.agent.toolkit.channels.limits import require_at_most
from lab.agent.toolkit.channels.payloads import pickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Tuple

    from lab.agent.toolkit.channels import Ends, Needs, Receive, Send

WHAT = "System V message queues"
IPC_CREAT, IPC_EXCL, IPC_RMID = 0o1000, 0o2000, 0
NOTE = "sysv-"  # prefix of the note's file name, before the queue's key; the supervisor knows it
LEAST_BYTES = 256  # so that an answer always fits
TYPE_BYTES = ctypes.sizeof(ctypes.c_long)
ANY_TYPE = (1).to_bytes(TYPE_BYTES, sys.byteorder)
REFUSALS = {
    errno.ENOSYS: "this kernel has no System V message queues",
    errno.ENOSPC: "the limit for System V message queues is reached (kernel.msgmni)",
    errno.EACCES: "System V message queues are not allowed here",
    errno.EPERM: "System V message queues are not allowed here",
}


class SystemVQueueEnd(End):
    """An end with one queue per direction; the side that created the queues has their ``notes`` (path -> queue)."""

    def __init__(self, reader: int, writer: int, message_bytes: int, notes: Dict[str, int]) -> None:
        self._reader = reader
        self._writer = writer
        self._message_bytes = message_bytes
        self._notes = notes

    def calls(self, payload: str) -> Tuple[Send, Receive]:
        """``msgsnd`` and ``msgrcv``, for bytes or for pickled objects; the type before each message is not used."""
        msgsnd, msgrcv = functions(["msgsnd", "msgrcv"], WHAT)
        msgsnd.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_int]
        msgrcv.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long, ctypes.c_int]
        msgrcv.restype = ctypes.c_ssize_t
        reader, writer, longest = self._reader, self._writer, self._message_bytes
        buffer = ctypes.create_string_buffer(TYPE_BYTES + longest)
        view, address = memoryview(buffer).cast("B"), ctypes.addressof(buffer)

        def send(message: bytes) -> None:
            while msgsnd(writer, ANY_TYPE + message, len(message), 0):
                complain("msgsnd")

        def receive() -> bytes:
            size = msgrcv(reader, address, longest, 0, 0)
            while size < 0:
                complain("msgrcv")
                size = msgrcv(reader, address, longest, 0, 0)
            return view[TYPE_BYTES : TYPE_BYTES + size].tobytes()

        return pickled(payload, send, receive)

    def close(self) -> None:
        """Remove the queues and their notes, if this side created them."""
        (msgctl,) = functions(["msgctl"], WHAT)
        for path, queue in self._notes.items():
            msgctl(queue, IPC_RMID, None)
            os.unlink(path)
        self._notes.clear()


def sysv_mq(needs: Needs) -> Ends:
    """Two System V message queues, one per direction."""
    functions(["msgget"], WHAT)
    for limit in ("kernel/msgmax", "kernel/msgmnb"):
        require_at_most(needs.message_bytes, limit, "System V message queue")
    size = max(needs.message_bytes, LEAST_BYTES)
    notes: Dict[str, int] = {}
    try:
        back, forth = new_queue(notes), new_queue(notes)
    except BaseException:
        SystemVQueueEnd(0, 0, 0, notes).close()
        raise
    return SystemVQueueEnd(back, forth, size, notes), SystemVQueueEnd(forth, back, size, {})


def new_queue(notes: Dict[str, int]) -> int:
    """Create a queue after noting its key; return its id.

    Raises:
        Unsupported: this kernel has no such queues, or a limit is reached.
    """
    import tempfile

    (msgget,) = functions(["msgget"], WHAT)
    while True:
        key = int.from_bytes(os.urandom(4), "little") & 0x7FFFFFFF or 1
        path = os.path.join(tempfile.gettempdir(), "%s%d" % (NOTE, key))
        with open(path, "x", encoding="ascii", newline=""):
            pass
        found: int = msgget(key, IPC_CREAT | IPC_EXCL | 0o600)
        if found >= 0:
            notes[path] = found
            return found
        number = ctypes.get_errno()
        os.unlink(path)
        if number in REFUSALS:
            raise Unsupported(REFUSALS[number])
        if number != errno.EEXIST:
            complain("msgget")


def remove_left(folder: str) -> None:
    """Remove the queues that are noted in the temporary ``folder`` of a killed cell."""
    keys = [int(name[len(NOTE) :]) for name in os.listdir(folder) if name.startswith(NOTE)]
    if not keys:
        return
    with contextlib.suppress(Unsupported):
        msgget, msgctl = functions(["msgget", "msgctl"], WHAT)
        for key in keys:
            queue = msgget(key, 0)
            if queue >= 0:
                msgctl(queue, IPC_RMID, None)
