"""A process beside this one, for the two parts of a report's making that take longest: reading raw files and drawing.

It is spawned when there is first work that is worth it, and what it is given travels: the bytes that come out are the
same whichever process made them.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
from concurrent.futures import ProcessPoolExecutor
from functools import cache


def usable_cpus() -> int:
    """On how many CPUs this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def second_process() -> ProcessPoolExecutor:
    """Started with the first work that is worth it; it ends with this process, which alone hears Ctrl-C."""
    atexit.register(second_process.cache_clear)  # later, the modules that its end needs may be gone
    return ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    )
