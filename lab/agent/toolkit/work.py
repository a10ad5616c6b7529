"""Tasks for workers: functions at module level, so that every start method finds them."""

from __future__ import annotations

import hashlib
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, List

HASHED_BYTES = 1_048_576
COPIED_BYTES = 2 * 1_048_576
COPIED_WINDOWS = 32  # 64 MiB in all, more than the caches of most processors
WAIT_S = 0.001
PURE_PYTHON_STEPS = 8_000
GAUGED_STEPS = 4_000
GAUGED_RUNS = 5
_COPIED: List[Any] = []
_BUFFER = bytes(range(256)) * (HASHED_BYTES // 256)


def identity(value: int) -> int:
    """Return ``value``: the smallest task, so that only the pool is measured."""
    return value


def pure_python(seed: int, size: float = 1.0) -> int:
    """Compute for about 0.4 ms with interpreted integer arithmetic, which holds the GIL."""
    return spin(round(PURE_PYTHON_STEPS * size), seed)


def spin(steps: int, seed: int = 0) -> int:
    """Run ``steps`` steps of interpreted integer arithmetic; return the result."""
    total = seed
    for step in range(steps):
        total = (total * 31 + step) & 0xFFFFFFFF
    return total


def steps_per_ms() -> int:
    """Number of steps of ``spin`` in a millisecond here, by the fastest and thus least disturbed of a few runs."""
    clock = time.perf_counter_ns
    fastest_ns = 0
    for _ in range(GAUGED_RUNS):
        start = clock()
        spin(GAUGED_STEPS)
        elapsed_ns = clock() - start
        fastest_ns = min(fastest_ns or elapsed_ns, elapsed_ns)
    return max(1, round(1_000_000 * GAUGED_STEPS / max(fastest_ns, 1)))


def hashing(seed: int, size: float = 1.0) -> int:
    """Compute the SHA-256 of 1 MiB; ``hashlib`` releases the GIL for data above 2,047 bytes."""
    digest = hashlib.sha256(seed.to_bytes(8, "little"))
    digest.update(memoryview(_BUFFER)[: round(HASHED_BYTES * size)])
    return int.from_bytes(digest.digest()[:4], "little")


def memory(seed: int, size: float = 1.0) -> int:
    """Copy 2 MiB of 64 MiB, another window for each seed, to be limited by memory; holds the GIL."""
    if not _COPIED:
        _COPIED.extend((memoryview(_BUFFER * (COPIED_BYTES * COPIED_WINDOWS // HASHED_BYTES)), bytearray(COPIED_BYTES)))
    source, target = _COPIED
    start, length = seed % COPIED_WINDOWS * COPIED_BYTES, round(COPIED_BYTES * size)
    target[:length] = source[start : start + length]
    return int(target[seed % COPIED_BYTES]) + seed


def waiting(seed: int, size: float = 1.0) -> int:
    """Sleep for one millisecond, as if waiting for an answer."""
    time.sleep(WAIT_S * size)
    return seed


# Each takes a seed, and the length of its task as a share of the usual one, up to 1.
WORKS: Dict[str, Callable[..., int]] = {
    "pure_python": pure_python,
    "hashing": hashing,
    "memory": memory,
    "waiting": waiting,
}
TASK_NS = {"pure_python": 400_000, "hashing": 600_000, "memory": 200_000, "waiting": 1_000_000}  # about
