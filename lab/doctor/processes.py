"""Other processes that are busy now."""

from __future__ import annotations

import os
import time

import psutil

from lab.doctor.finding import Finding, harms, ok, unknown

WATCH_S = 0.5
BUSY_PERCENT = 10.0  # of one CPU
SHOWN = 3


def busy_processes(watch_s: float = WATCH_S) -> Finding:
    """Other processes that use more than a tenth of a CPU during ``watch_s`` seconds."""
    seen = []
    for process in psutil.process_iter():
        try:
            process.cpu_percent()
        except psutil.Error:
            continue
        seen.append(process)
    if not seen:
        return unknown("busy processes", "the processes of other users are hidden on this system")
    time.sleep(watch_s)
    return judge([use for process in seen if process.pid != os.getpid() and (use := _use(process))])


def judge(uses: list[tuple[float, str]]) -> Finding:
    """The finding for percent of a CPU and name of each process."""
    busy = sorted((use for use in uses if use[0] >= BUSY_PERCENT), reverse=True)
    if not busy:
        return ok("busy processes", f"none above {BUSY_PERCENT:g}% of a CPU")
    names = ", ".join(f"{name} {percent:.0f}%" for percent, name in busy[:SHOWN])
    return harms("busy processes", f"{len(busy)}: {names}", "end or pause them while the lab measures")


def _use(process: psutil.Process) -> tuple[float, str] | None:
    try:
        return process.cpu_percent(), process.name()
    except psutil.Error:
        return None
