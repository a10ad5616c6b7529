"""A CPU quota from the user's own systemd, for control groups of version 2 where none can be created by hand.

The group of a login session belongs to root, and its user may not move a process out of it into the tree of the user's
manager, which has the controller. The manager may: ``systemd-run --user --scope`` asks it for a scope for its own
process and then replaces itself by the command, which keeps process id and pipes. The scope ends with its last process.

The quota is read back in the target, like every other limit.

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
    """The prefix that runs a command under the limit's quota, in a scope of this name."""
    quota = f"CPUQuota={limit.cpus * 100:g}%"
    period = f"CPUQuotaPeriodSec={limit.period_us}us"
    unit = f"--unit={PREFIX}{name}{SUFFIX}"
    return ("systemd-run", "--user", "--scope", "--quiet", "--collect", unit, "-p", quota, "-p", period, "--")


def why_no_scope(root: str = cgroup.ROOT) -> str:
    """Why this user's systemd cannot give a scope with a quota; empty where it can, as far as can be read."""
    if cgroup.version(root) != cgroup.UNIFIED:
        return "a scope of systemd has a quota only under control groups of version 2"
    if not shutil.which("systemd-run"):
        return "systemd-run is not installed"
    manager = manager_folder(root)
    try:
        controllers = (manager / "cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        return "no systemd manager of this user is running"
    return "" if "cpu" in controllers else "the controller cpu is not delegated to this user's systemd"


def stop_scopes(run_id: str = "", root: str = cgroup.ROOT) -> int:
    """Stop the scopes that dead runs left, with what still runs in them; how many there were.

    With a ``run_id`` only those of this run. A scope ends with its last process, so one without an owner is in use.
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
    """The control group of this user's manager."""
    uid = os.getuid()
    return Path(root, f"sys/fs/cgroup/user.slice/user-{uid}.slice/user@{uid}.service")
