"""Who else uses this machine: load, steal, memory and swap, from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil

from lab.doctor.finding import Finding, harms, ok, read, unknown
from lab.text import plural

QUIET_LOAD = 0.1  # of the CPUs
STEAL_SHARE = 0.01
STEAL_FIELD = 7  # user nice system idle iowait irq softirq steal, proc(5)
WATCH_S = 0.5
BUSY_PERCENT = 10.0  # of one CPU
SHOWN = 3
LEAST_SHM_BYTES = 256 * 1024**2  # as in the lab's containers


def load(root: Path, cpus: int) -> Finding:
    """Processes that run or wait for a CPU, over the last minute."""
    words = (read(root, "proc/loadavg") or "").split()
    if not words:
        return unknown("load", "this system has no /proc/loadavg", "look at the task manager")
    value = float(words[0])
    if value <= QUIET_LOAD * cpus:
        return ok("load", f"{value:g} on {plural(cpus, 'CPU')}")
    return harms(
        "load",
        f"{value:g} on {plural(cpus, 'CPU')}: other processes are running",
        "ps -eo pcpu,pid,comm --sort=-pcpu | head",
    )


def steal(root: Path) -> Finding:
    """The share of time since boot in which the hypervisor gave a CPU of this machine to another one."""
    line = (read(root, "proc/stat") or "").partition("\n")[0].split()
    if len(line) <= STEAL_FIELD + 1 or line[0] != "cpu":
        return unknown("steal", "the kernel does not count it")
    times = [int(word) for word in line[1 : STEAL_FIELD + 2]]
    share = times[STEAL_FIELD] / max(1, sum(times))
    if share <= STEAL_SHARE:
        return ok("steal", f"{share:.2%} since boot")
    return harms(
        "steal", f"{share:.1%} since boot", "take a dedicated machine, or measure more rounds (--profile standard)"
    )


def swap(root: Path) -> Finding:
    """Swapped pages make a first access thousands of times slower."""
    fields = _fields(read(root, "proc/meminfo"))
    if "SwapTotal" not in fields:
        return unknown("swap", "this system has no /proc/meminfo")
    used = fields["SwapTotal"] - fields.get("SwapFree", fields["SwapTotal"])
    if used == 0:
        return ok("swap", "none in use")
    return harms("swap", f"{used // 1024} MiB in use", "sudo swapoff -a && sudo swapon -a")


def shared_memory(free_bytes: int | None) -> Finding:
    """Queues, locks and SharedMemory live in /dev/shm; overfilled it gives bus errors (cpython#93253)."""
    if free_bytes is None:
        return unknown("shared memory", "this system has no /dev/shm: segments are elsewhere")
    seen = f"{free_bytes // 1024**2} MiB free in /dev/shm"
    if free_bytes >= LEAST_SHM_BYTES:
        return ok("shared memory", seen)
    return harms("shared memory", seen, "sudo mount -o remount,size=1g /dev/shm (in a container: --shm-size 256m)")


def _fields(text: str | None) -> dict[str, int]:
    """Name -> kB of /proc/meminfo."""
    found = {}
    for line in (text or "").splitlines():
        name, _, rest = line.partition(":")
        words = rest.split()
        if words and words[0].isdigit():
            found[name] = int(words[0])
    return found


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
    return judge_busy([use for process in seen if process.pid != os.getpid() and (use := _use(process))])


def judge_busy(uses: list[tuple[float, str]]) -> Finding:
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
