"""A fixed loop that is timed before and after each block. It shows drift of the machine and never corrects a time.

Dividing round trips by such a loop was tried, and increased their scatter.
"""

from __future__ import annotations

import time
from itertools import repeat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

LOOPS = 100_000  # about 2 to 6 ms; never change it, or canaries of different runs cannot be compared


def canary(when: str) -> Dict[str, Any]:
    """Run the loop; return its raw line. ``when`` is ``before`` or ``after`` (the block's cells).

    ``elapsed_ns`` is the wall time, ``cpu_ns`` this process's CPU time.
    """
    spent_ns = time.process_time_ns()
    start_ns = time.perf_counter_ns()
    total = 0
    for _ in repeat(None, LOOPS):
        total = (total + 7) & 0xFFFF
    elapsed_ns = time.perf_counter_ns() - start_ns
    return {
        "kind": "canary",
        "when": when,
        "loops": LOOPS,
        "elapsed_ns": elapsed_ns,
        "cpu_ns": time.process_time_ns() - spent_ns,
    }
