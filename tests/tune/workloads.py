"""Five functions with known truth, by which `lab tune` is checked: see ``tests.tune.grid``."""

from __future__ import annotations

import os
import random
import socket
import socketserver
import threading

STEPS = 20_000
REPLY_S = 0.005
LARGE_BYTES = 8 * 2**20

even_items = list(range(400))
heavy_items = [int(20 * random.Random(seed).paretovariate(1.2)) for seed in range(400)]
blas_items = list(range(60))
io_items = list(range(200))
large_items = list(range(100))


def even(item: int) -> int:
    """Pure Python; all items take equally long, so that N processes are nearly N times as fast."""
    total = 0
    for number in range(STEPS):
        total += number * item % 7
    return total


def heavy(steps: int) -> int:
    """Pure Python with a heavy tail, so that small chunks are best."""
    total = 0
    for number in range(min(steps, 20_000) * 20):
        total += number % 7
    return total


def blas(seed: int) -> float:
    """A product of matrices, whose library has threads of its own: either these or processes, not both."""
    import numpy as np

    matrix = np.random.default_rng(seed).random((300, 300))
    return float((matrix @ matrix).sum())


def io(item: int) -> bytes:
    """Ask a server on loopback, which answers after 5 ms: threads are enough, and more of them than CPUs."""
    with socket.create_connection(("127.0.0.1", _port())) as connection:
        connection.sendall(b"%d\n" % item)
        return connection.recv(64)


def large(item: int) -> bytes:
    """Return 8 MB that are quickly made: the size of the result eats what a process saves."""
    return bytes([item % 256]) * LARGE_BYTES


class _Answer(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline()
        threading.Event().wait(REPLY_S)
        self.wfile.write(line)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


def _port() -> int:
    """The port of the server that ``serving`` started."""
    return int(os.environ["LAB_TUNE_PORT"])


def serving() -> _Server:
    """Start the server of ``io`` in this process; its port is in the environment, which targets inherit."""
    server = _Server(("127.0.0.1", 0), _Answer)
    os.environ["LAB_TUNE_PORT"] = str(server.server_address[1])
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
