"""A server on loopback that answers each request after a fixed delay; I/O-bound work waits for it.

It uses one thread and ``select``, which costs little CPU time for any number of clients. Its delay is as exact as the
system's timers (asyncio would round it up to the next millisecond).
"""

from __future__ import annotations

import contextlib
import heapq
import select
import socket
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import BaseContext
    from typing import Any, List, Tuple

LOOPBACK = "127.0.0.1"
REQUEST_BYTES = 8
STOP = b"\xff" * REQUEST_BYTES
BACKLOG = 256
JOIN_S = 5.0


def fetch(port: int, number: int) -> int:
    """Send one request over a new connection; return the number in the answer, which repeats the request's."""
    with socket.create_connection((LOOPBACK, port)) as connection:
        connection.sendall(number.to_bytes(REQUEST_BYTES, "little"))
        return int.from_bytes(connection.recv(REQUEST_BYTES, socket.MSG_WAITALL), "little")


async def fetch_async(port: int, number: int) -> int:
    """Do the same as ``fetch`` without blocking the event loop."""
    import asyncio

    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    writer.write(number.to_bytes(REQUEST_BYTES, "little"))
    answer = await reader.readexactly(REQUEST_BYTES)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return int.from_bytes(answer, "little")


def serve(parent: Connection[Any, Any], delay_ns: int) -> None:
    """Send the port to the ``parent``, then answer requests until ``STOP`` arrives."""
    with socket.create_server((LOOPBACK, 0), backlog=BACKLOG) as door:
        parent.send(door.getsockname()[1])
        parent.close()
        clients: List[socket.socket] = []
        waiting: List[Tuple[int, int, socket.socket, bytes]] = []
        count = 0
        while True:
            timeout = max(0.0, (waiting[0][0] - time.perf_counter_ns()) / 1e9) if waiting else None
            ready, _, _ = select.select([door, *clients], [], [], timeout)
            while waiting and waiting[0][0] <= time.perf_counter_ns():
                _, _, client, request = heapq.heappop(waiting)
                with client, contextlib.suppress(OSError):
                    client.sendall(request)
            for item in ready:
                if item is door:
                    clients.append(door.accept()[0])
                    continue
                clients.remove(item)
                request = item.recv(REQUEST_BYTES)
                if request == STOP:
                    item.close()
                    return
                count += 1
                heapq.heappush(waiting, (time.perf_counter_ns() + delay_ns, count, item, request))


class WaitingServer:
    """A context manager for the server in a process of its own."""

    def __init__(self, context: BaseContext, delay_ns: int) -> None:
        receiver, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=serve, args=(theirs, delay_ns), daemon=True)  # type: ignore[attr-defined]
        self._process.start()
        theirs.close()
        self.pid: int = self._process.pid
        self.port: int = receiver.recv()
        receiver.close()

    def __enter__(self) -> WaitingServer:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port)) as connection:
            connection.sendall(STOP)
        self._process.join(JOIN_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
