"""Ownership of what a killed run leaves behind: machine, process id and start time of the process that made it.

Containers and networks carry the owner as a label, claims of stages as their text, control groups and systemd scopes in
their name. Whether a process of another machine lives is unknown here.
"""

from __future__ import annotations

import os
import socket

import psutil

PARTS = 3  # machine, process, start
SEPARATOR = ":"  # host names never contain it; names of control groups and systemd units may
START_TOLERANCE_S = 2.0  # the start time is computed from ticks since boot, and the clock may be adjusted meanwhile


def owner() -> str:
    """This process, in the form of a label."""
    return f"{socket.gethostname()} {os.getpid()} {psutil.Process().create_time():.0f}"


def with_owner(run_id: str) -> str:
    """A name that carries the run and this process, for things that have no labels."""
    return SEPARATOR.join([run_id, *owner().split(" ")])


def is_gone(named: str, *, idle: bool = False) -> bool:
    """Whether the owner ``named`` has ended; where an older lab named none, whether the thing is idle."""
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
    except psutil.AccessDenied:  # it lives, and belongs to another user
        return False


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
