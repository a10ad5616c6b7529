"""The state of the C library's allocator, on which the cost of large messages depends.

glibc takes a block of 128 KiB and more from the kernel and gives it back when it is freed, so each message touches new
pages. Once a process has freed one larger block, of up to 32 MiB, its thresholds have grown, and it keeps freed memory
for the next message (mallopt(3): M_MMAP_THRESHOLD and M_TRIM_THRESHOLD are dynamic). So what a process happens to have
freed before decides: a round trip of 1 MiB over ``Pipe()`` takes 2.4 ms in fresh processes and 1.2 ms after that.
"""

from __future__ import annotations

import os
import sys

from lab.agent.case import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional

FRESH, RETAINED = "fresh", "retained"
STATES = (FRESH, RETAINED)
LEAST_BYTES = 65_536  # smaller messages do not depend on it
MOST_BYTES = 16_777_216  # larger ones are above every threshold that grows by itself
BLOCK_BYTES = 33_000_000  # just below the largest threshold, DEFAULT_MMAP_THRESHOLD_MAX of 32 MiB
FIXED_BY = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "MALLOC_MMAP_MAX_")


def allocated(values: Dict[str, Any]) -> Optional[Dict[str, Any]]:
    """The case of these values: without a state for small messages; None for one that would change nothing."""
    size = values.get("payload_bytes") or 0
    if size < LEAST_BYTES:
        return {**values, "allocator": None}
    return None if values["allocator"] == RETAINED and size > MOST_BYTES else values


def prepare(state: Optional[str]) -> None:
    """Bring this process's allocator into the state, in each process that sends or receives.

    Raises:
        Unsupported: the allocator has no such state here.
    """
    if state == RETAINED:
        reason = without_thresholds()
        if reason:
            raise Unsupported(reason)
        bytearray(BLOCK_BYTES)  # freed at once


def without_thresholds() -> str:
    """Why the thresholds of this process's allocator do not grow; empty if they do."""
    try:
        library = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except (AttributeError, ValueError, OSError):
        library = ""
    if not library.startswith("glibc"):
        return "the state of the allocator is glibc's, and this Python uses another C library"
    if "t" in getattr(sys, "abiflags", ""):
        return "a free-threaded Python allocates with mimalloc, not with the C library"
    fixed = [name for name in FIXED_BY if name in os.environ]
    return "the environment fixes the allocator's thresholds: %s" % ", ".join(fixed) if fixed else ""
