"""A process beside this one, for the two parts of a report's making that take longest: reading raw files and drawing.

It is spawned when there is first work that is worth it, and what it is given travels: the bytes that come out are the
same whichever process made them.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

WORTH_READING = 16 << 20  # bytes of raw files: with fewer it has hardly started when this process is done


def usable_cpus() -> int:
    """On how many CPUs this process may run."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worth_sharing(raw: Iterable[Path]) -> bool:
    """Whether there are raw files enough, and a second CPU, for two processes to read them."""
    return usable_cpus() > 1 and sum(path.stat().st_size for path in raw) >= WORTH_READING


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


def is_there() -> bool:
    """Whether it was started already: then any work is worth giving to it."""
    return second_process.cache_info().currsize > 0


def have_imported(module: str) -> None:
    """Let it import a module that its next work needs, while this process does something else."""
    with suppress(BrokenExecutor):  # whoever has work for it sees that, and does the work itself
        second_process().submit(importlib.import_module, module)
