"""A CPU quota by the user's own systemd, where control groups are of version 2 and none may be made by hand.

The group of a login session is root's, and a process may not be moved out of it by its user into the tree of the user's
manager, which has the controller. The manager may: ``systemd-run --user --scope`` asks it for a scope around its own
process and then becomes the command, which keeps process id and pipes. The scope ends with its last process.

That the quota holds is read back in the target, as that of any other.

Sources: systemd-run(1), --scope and --collect; systemd.resource-control(5), CPUQuota= and CPUQuotaPeriodSec=;
Documentation/admin-guide/cgroup-v2.rst, "Delegation Containment".
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from lab.agent.facts import cgroup
from lab.model import Limit
from lab.targets.owners import is_left_over

PREFIX = "comparison-lab-"
SUFFIX = ".scope"
STOP_TIMEOUT_S = 10


def scope_command(limit: Limit, name: str) -> tuple[str, ...]:
    """What stands before a command to run it under the limit's quota, in a scope of this name."""
    quota = f"CPUQuota={limit.cpus * 100:g}%"
    period = f"CPUQuotaPeriodSec={limit.period_us}us"
    unit = f"--unit={PREFIX}{name}{SUFFIX}"
    return ("systemd-run", "--user", "--scope", "--quiet", "--collect", unit, "-p", quota, "-p", period, "--")


def why_no_scope(root: str = cgroup.ROOT) -> str:
    """Why this user's systemd gives no scope with a quota; empty where it does, as far as can be seen."""
    if cgroup.version(root) != cgroup.UNIFIED:
        return "a scope of systemd has a quota under version 2 of control groups alone"
    if not shutil.which("systemd-run"):
        return "there is no systemd-run"
    manager = manager_folder(root)
    try:
        controllers = (manager / "cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        return "no systemd of this user runs"
    return "" if "cpu" in controllers else "this user's systemd has not been handed the controller cpu"


def stop_scopes(run_id: str = "", root: str = cgroup.ROOT) -> int:
    """Stop the scopes that a dead run left with what still runs in them, or, without an id, those of all; how many.

    A scope ends with its last process: one that names no owner is in use.
    """
    if why_no_scope(root):
        return 0
    scopes = {path.name for path in manager_folder(root).rglob(f"{PREFIX}*{SUFFIX}")}
    found = [
        name
        for name in sorted(scopes)
        if is_left_over(name.removeprefix(PREFIX).removesuffix(SUFFIX), run_id, idle=False)
    ]
    for name in found:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            subprocess.run(
                ["systemctl", "--user", "stop", name], check=False, capture_output=True, timeout=STOP_TIMEOUT_S
            )
    return len(found)


def manager_folder(root: str) -> Path:
    """The group of this user's manager."""
    uid = os.getuid()
    return Path(root, f"sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service")
