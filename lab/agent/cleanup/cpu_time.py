"""Find out whether a cell that exceeded its deadline was waiting or working, from the CPU time of its process group.

The CPU time is read twice, a moment apart, after the deadline. A group that uses no CPU time waits for something that
does not happen; one that does is too slow or in an endless loop. Processes under SCHED_IDLE do not count, because they
only keep CPUs awake (``lab.agent.measuring.placement``). Without ``/proc`` (macOS, Windows) the answer is unknown.

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
LOOK_S = 0.25  # longer than two periods of a quota, because a group may be throttled during a whole period
SCHED_IDLE = 5  # os.SCHED_IDLE, which not every system defines
WAITS_S = 0.02  # two ticks, because one may be charged to a process that only polls
GROUP, FIRST_TIME, LAST_TIME, POLICY = 2, 11, 14, 38  # indices of the fields after the name and its parenthesis


def activity_at_deadline(group: int) -> str:
    """Describe, for a reason, whether the group waited or worked when its time was over; empty if unknown."""
    before_s = group_cpu_s(group)
    time.sleep(LOOK_S)
    after_s = group_cpu_s(group)
    return "" if before_s is None or after_s is None else activity(before_s, after_s - before_s)


def activity(spent_s: float, lately_s: float) -> str:
    """Describe a group that spent so many CPU seconds until the deadline and so many in the moment after it."""
    if lately_s < WAITS_S:
        doing = "none at the end, so they were waiting (a hang, or one very long wait)"
    else:
        doing = "were still working at the end (they are too slow, or in an endless loop)"
    return "its processes used %.1f s of CPU time and %s" % (spent_s, doing)


def group_cpu_s(group: int, folder: str = PROC) -> Optional[float]:
    """CPU seconds of the group's processes and of their ended children; None if no process is found."""
    try:
        pids = [name for name in os.listdir(folder) if name.isdigit()]
    except OSError:
        return None
    ticks = [found for found in (_ticks(group, os.path.join(folder, pid, "stat")) for pid in pids) if found is not None]
    return sum(ticks) / os.sysconf("SC_CLK_TCK") if ticks else None


def _ticks(group: int, path: str) -> Optional[int]:
    """Clock ticks of one process; None if it belongs to another group, is SCHED_IDLE, or has ended meanwhile."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        if int(fields[GROUP]) != group or int(fields[POLICY]) == SCHED_IDLE:
            return None
        return sum(map(int, fields[FIRST_TIME : LAST_TIME + 1]))
    except (OSError, ValueError, IndexError):
        return None
