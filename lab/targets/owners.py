"""Which lab made a thing that stays behind when a run is killed: its machine, process id and the process's start.

Containers and networks carry it as a label, claims of stages as their text; of control groups and systemd's scopes the
name is all that there is to write on. Of another machine's processes nothing can be known here.
"""

from __future__ import annotations

import os
import socket

import psutil

PARTS = 3  # machine, process, start
SEPARATOR = ":"  # in no host's name; names of control groups and of systemd's units may have it
START_TOLERANCE_S = 2.0  # a process's start is read from ticks since boot, and the clock may be set meanwhile


def owner() -> str:
    """This process, as a label names it."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"


def with_owner(run_id: str) -> str:
    """A name of a thing of this run and process, where there is no other place to say whose it is."""
    return SEPARATOR.join([run_id, *owner().split(" ")])


def is_gone(named: str, *, idle: bool = False) -> bool:
    """Whether the process that is named so has ended; an older lab names none: then only what is idle is left over."""
    parts = named.split(" ")
    if len(parts) != PARTS:
        return idle
    machine, process, began = parts
    if machine != socket.gethostname():
        return False
    try:
        return abs(psutil.Process(int(process)).create_time() - float(began)) > START_TOLERANCE_S
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:  # it is there, and of somebody else
        return False


def is_left_over(name: str, run_id: str, *, idle: bool) -> bool:
    """Whether nobody uses the thing of this name (``with_owner``) any more.

    Args:
        name: what it is called, without what is before the run's id.
        run_id: a run whose folder the caller has locked: nobody else is at it; or empty, for any run.
        idle: whether nothing runs in it.
    """
    if run_id:
        return name == run_id or name.startswith(run_id + SEPARATOR)
    return is_gone(" ".join(name.split(SEPARATOR)[1:]), idle=idle)
