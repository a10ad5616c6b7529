"""Ownership of what a killed run leaves behind: the process that made it.

An owner is host, process id, start in clock ticks since boot, boot and PID namespace: none of them changes when the
wall clock is set. Elsewhere than on Linux the start is the time that the kernel stored, and the last two are unknown.

Containers and networks carry the owner as a label, claims of stages as their text, control groups and systemd scopes in
their name. Whether a process of another machine or PID namespace lives is unknown here.

Source: proc(5), /proc/pid/stat, field 22 (starttime); /proc/sys/kernel/random/boot_id; pid_namespaces(7).
"""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import psutil

OLD_PARTS = 3  # of an older lab: host, process, start by the wall clock
UNKNOWN = "-"
START = 19  # index of the start among the fields of /proc/PID/stat after the name and its parenthesis
SEPARATOR = ":"  # host names never contain it; names of control groups and systemd units may


def owner() -> str:
    """This process, in the form of a label. Its start is unknown where /proc is that of another PID namespace."""
    try:
        start = _start(os.getpid())
    except psutil.Error:
        start = UNKNOWN
    return f"{socket.gethostname()} {os.getpid()} {start} {_boot()} {_namespace()}"


def with_owner(run_id: str) -> str:
    """A name that carries the run and this process, for things that have no labels."""
    return SEPARATOR.join([run_id, *owner().split(" ")])


def is_gone(named: str, *, idle: bool = False) -> bool:
    """Whether the owner ``named`` has ended; where an older lab named none, whether the thing is idle."""
    host, *parts = named.split(" ")
    if len(parts) + 1 not in (OLD_PARTS, OLD_PARTS + 2):
        return idle
    if host != socket.gethostname():
        return False
    process, start, *place = parts
    if place and place != [_boot(), _namespace()]:
        return place[0] != _boot()  # this host was started anew since; another namespace of this boot is unknown
    try:
        return _start(int(process)) != start and bool(place) and start != UNKNOWN
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:  # it lives, and belongs to another user
        return False


def _start(pid: int) -> str:
    """Clock ticks from boot to the start of a process; without /proc, the start time that the kernel stored.

    Raises:
        psutil.NoSuchProcess: it has ended.
        psutil.AccessDenied: it lives, and /proc hides it (mount option hidepid).
    """
    if sys.platform != "linux":  # under Wine the path /proc may lead to that of the Linux below
        return f"{psutil.Process(pid).create_time():.0f}"
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise (psutil.AccessDenied if psutil.pid_exists(pid) else psutil.NoSuchProcess)(pid) from None
    return fields[START]


def _boot() -> str:
    """The boot of this machine, as the kernel names it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return UNKNOWN


def _namespace() -> str:
    """The number of this process's PID namespace."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return UNKNOWN


def is_left_over(name: str, run_id: str, *, idle: bool) -> bool:
    """Whether no living run uses the thing that has this name (``with_owner``).

    Args:
        name: the thing's name from the run's id on.
        run_id: a run whose folder the caller has locked; or empty, for any run.
        idle: whether nothing runs in the thing.
    """
    if run_id:
        return name == run_id or name.startswith(run_id + SEPARATOR)
    return is_gone(" ".join(name.split(SEPARATOR)[1:]), idle=idle)
