"""Work that is shared out to workers: functions at module level, so that every start method finds them."""

from __future__ import annotations

import hashlib

HASHED_BYTES = 1_048_576
PURE_PYTHON_STEPS = 8_000
_BUFFER = bytes(range(256)) * (HASHED_BYTES // 256)


def identity(value: int) -> int:
    """The smallest task: what is timed around it is the pool."""
    return value


def pure_python(seed: int) -> int:
    """Some 0.4 ms of interpreted integer arithmetic; it holds the GIL."""
    total = seed
    for step in range(PURE_PYTHON_STEPS):
        total = (total * 31 + step) & 0xFFFFFFFF
    return total


def hashing(seed: int) -> int:
    """SHA-256 of 1 MiB; ``hashlib`` releases the GIL for data above 2,047 bytes."""
    digest = hashlib.sha256(seed.to_bytes(8, "little"))
    digest.update(_BUFFER)
    return int.from_bytes(digest.digest()[:4], "little")


WORKS = {"pure_python": pure_python, "hashing": hashing}
