"""A fixed loop beside each block: what the same work takes now. It is recorded, and never used to correct anything.

Dividing by such a loop raised the scatter of round trips when it was tried; beside them it shows drift of the machine.
"""

from __future__ import annotations

import time
from itertools import repeat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict

LOOPS = 100_000  # some 2 to 6 ms; the same everywhere and for ever, else canaries of two runs could not be compared


def canary(when: str) -> Dict[str, Any]:
    """The raw line: ``when`` is before or after the block's cells; ``cpu_ns`` is this process's CPU time in it."""
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
