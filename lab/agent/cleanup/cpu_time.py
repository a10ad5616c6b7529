"""Whether a cell that ran out of time waited or was at work, by the CPU time of its process group.

Read twice, a moment apart, once the deadline has passed: what no longer uses a CPU waits for something that does not
come, what does is too slow for its time, or goes round in circles. Processes under SCHED_IDLE do not count: they keep
CPUs awake (``lab.agent.measuring.placement``) whatever the cell does. Without ``/proc`` (macOS, Windows) nothing is
said.

Source: proc(5), /proc/pid/stat: fields 5 (pgrp), 14 to 17 (utime, stime, cutime, cstime: of children waited for) and 41
(policy).
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

PROC = "/proc"
LOOK_S = 0.25  # longer than two periods of a quota, in one of which a group may stand still
SCHED_IDLE = 5  # os.SCHED_IDLE, where the system has it
WAITS_S = 0.02  # two ticks: one may fall on a process that only looks whether there is something to do
GROUP, FIRST_TIME, LAST_TIME, POLICY = 2, 11, 14, 38  # places behind the name, which ends with a parenthesis


def how_it_stood(group: int) -> str:
    """What the group did at the end of its time, in words for a reason; empty where that cannot be seen."""
    before_s = group_cpu_s(group)
    time.sleep(LOOK_S)
    after_s = group_cpu_s(group)
    return "" if before_s is None or after_s is None else in_words(before_s, after_s - before_s)


def in_words(spent_s: float, lately_s: float) -> str:
    """The words for the CPU seconds spent until the deadline, and in the moment after it."""
    if lately_s < WAITS_S:
        doing = "none at the end: they waited (a hang, or a wait that long)"
    else:
        doing = "went on: they were at work (too slow, or an endless loop)"
    return "its processes used %.1f s of CPU time and %s" % (spent_s, doing)


def group_cpu_s(group: int, folder: str = PROC) -> Optional[float]:
    """CPU time of the group's processes and of their children that have ended, in seconds; None where none is seen."""
    try:
        pids = [name for name in os.listdir(folder) if name.isdigit()]
    except OSError:
        return None
    ticks = [found for found in (_ticks(group, os.path.join(folder, pid, "stat")) for pid in pids) if found is not None]
    return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None


def _ticks(group: int, path: str) -> Optional[int]:
    """The ticks of one process; None where it is of another group, keeps a CPU awake, or has gone meanwhile."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        if int(fields[GROUP]) != group or int(fields[POLICY]) == SCHED_IDLE:
            return None
        return sum(map(int, fields[FIRST_TIME : LAST_TIME + 1]))
    except (OSError, ValueError, IndexError):
        return None
