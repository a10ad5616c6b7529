"""A CPU quota for a native target: a control group for the run's agent, where this user may make one.

Version 1: a child of the own group in the controllers cpu and cpuacct. Version 2: a child of the nearest group from the
own one up that hands the controller down (``cgroup.subtree_control``); the kernel lets a process in where its mover may
write ``cgroup.procs`` of the group above both. Where no group may be made so, this user's systemd is asked for one
(``lab.targets.scope``). The group is removed on every way out; what a killed run leaves carries the run's id and its
process in its name, so that ``--resume`` and ``lab clean`` find it, and leave alone what a living run is in.

Sources: Documentation/scheduler/sched-bwc.rst; Documentation/admin-guide/cgroup-v2.rst, sections "Top-down Constraint"
and "Delegation Containment".
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.agent.facts import cgroup
from lab.errors import TargetUnsupported
from lab.model import Limit
from lab.targets.owners import is_left_over, with_owner
from lab.targets.scope import scope_command, stop_scopes, why_no_scope

NAME = "comparison-lab."
REMEDY = "run as root, give this user a delegated group (systemd-run --user --scope -p Delegate=yes), or use an engine"
GONE_S = 5.0  # killed processes leave their group as the kernel gets to them
LOOK_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Group:
    """One control group: a folder for each hierarchy that it is in.

    ``command``: what stands before a command to run it in there, where that is how a process gets in.
    """

    folders: tuple[Path, ...]
    command: tuple[str, ...] = ()

    def take(self, pid: int) -> None:
        """Put a process in; what it starts is in as well.

        Raises:
            TargetUnsupported: the kernel refuses.
        """
        for folder in self.folders:
            _write(folder / "cgroup.procs", str(pid))

    def is_idle(self) -> bool:
        """Whether no process is in it."""
        return not any(_pids(folder) for folder in self.folders)

    def remove(self) -> None:
        """End what still runs in it, and remove it."""
        limit = time.monotonic() + GONE_S
        while any(folder.is_dir() for folder in self.folders) and time.monotonic() < limit:
            for folder in self.folders:
                _kill_all(folder)
                with contextlib.suppress(OSError):  # busy until the last process is gone
                    folder.rmdir()
            time.sleep(LOOK_S)


@contextlib.contextmanager
def quota_group(limit: Limit, run_id: str, root: str = cgroup.ROOT) -> Iterator[Group]:
    """A group under the limit's quota; one that an earlier start by this process left is removed first.

    Raises:
        TargetUnsupported: this system or this user cannot have one.
    """
    try:
        above = parents(root)
    except TargetUnsupported:
        if why_no_scope(root):
            raise
        name = with_owner(run_id)
        stop_scopes(name, root)
        yield Group(folders=(), command=scope_command(limit, name))
        return
    group = Group(folders=tuple(folder / (NAME + with_owner(run_id)) for folder in above))
    group.remove()
    try:
        for folder in group.folders:
            _make(folder)
        _limit(group.folders[0], limit, unified=cgroup.version(root) == cgroup.UNIFIED)
        yield group
    finally:
        group.remove()


def why_no_quota(root: str = cgroup.ROOT) -> str:
    """Why a native target cannot have a quota here; empty where it can, as far as can be seen without trying."""
    try:
        parents(root)
    except TargetUnsupported as error:
        return str(error) if sys.platform == "win32" or why_no_scope(root) else ""
    return ""


def parents(root: str = cgroup.ROOT) -> tuple[Path, ...]:
    """The folders that a group can be made in, the one with the quota first.

    Raises:
        TargetUnsupported: there are none, with the reason.
    """
    if sys.platform == "win32":
        raise TargetUnsupported("no quota natively on Windows yet: it would be a Job Object's hard cap on its CPU rate")
    version = cgroup.version(root)
    if version is None:
        raise TargetUnsupported("this system has no control groups, and no quota without them")
    return _parents_v2(root) if version == cgroup.UNIFIED else _parents_v1(root)


def remove_groups(run_id: str = "", root: str = cgroup.ROOT) -> int:
    """Remove the groups that a dead run left, or, without an id, those of all dead runs; how many there were.

    ``run_id``: of a run whose folder the caller has locked.
    """
    if sys.platform == "win32":
        return 0
    return _remove_made(run_id, root) + stop_scopes(run_id, root)


def _remove_made(run_id: str, root: str) -> int:
    try:
        above = parents(root)
    except TargetUnsupported:
        return 0
    found = {path.name for folder in above for path in folder.glob(NAME + "*")}
    groups = {name: Group(folders=tuple(folder / name for folder in above)) for name in sorted(found)}
    left = [
        group for name, group in groups.items() if is_left_over(name.removeprefix(NAME), run_id, idle=group.is_idle())
    ]
    for group in left:
        group.remove()
    return len(left)


def _parents_v1(root: str) -> tuple[Path, ...]:
    """One folder, where both controllers are mounted together, else two."""
    found = []
    for controllers in (cgroup.V1_CPU, cgroup.V1_CPUACCT):
        folder = cgroup.own_folder(controllers, root)
        if folder is None:
            raise TargetUnsupported(f"no quota without the controller {controllers[-1]}, and it is not mounted")
        found.append(Path(folder))
    refused = [folder for folder in found if not os.access(folder, os.W_OK)]
    if refused:
        raise TargetUnsupported(f"no control group may be made in {_shown(refused[0], root)}; {REMEDY}")
    return tuple(dict.fromkeys(found))


def _parents_v2(root: str) -> tuple[Path, ...]:
    own = Path(cgroup.own_folder((), root) or root)
    mount = Path(root, "sys/fs/cgroup")
    handing = [folder for folder in (own, *own.parents) if folder.is_relative_to(mount) and _hands_cpu_down(folder)]
    for folder in handing:
        if os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK):
            return (folder,)
    if not handing:
        raise TargetUnsupported(f"no control group from the own one up hands the controller cpu down; {REMEDY}")
    raise TargetUnsupported(f"no control group may be made in {_shown(handing[0], root)}; {REMEDY}")


def _hands_cpu_down(folder: Path) -> bool:
    try:
        return "cpu" in (folder / "cgroup.subtree_control").read_text(encoding="ascii").split()
    except OSError:
        return False


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise TargetUnsupported(f"the control group {folder} cannot be made ({error.strerror}); {REMEDY}") from None


def _limit(folder: Path, limit: Limit, *, unified: bool) -> None:
    quota_us = round(limit.cpus * limit.period_us)
    if unified:
        _write(folder / "cpu.max", f"{quota_us} {limit.period_us}")
    else:
        _write(folder / "cpu.cfs_period_us", str(limit.period_us))
        _write(folder / "cpu.cfs_quota_us", str(quota_us))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii", newline="")
    except OSError as error:
        raise TargetUnsupported(f"the kernel refuses {text!r} in {path} ({error.strerror}); {REMEDY}") from None


def _kill_all(folder: Path) -> None:
    for pid in _pids(folder):
        with contextlib.suppress(OSError):  # it has ended
            os.kill(pid, signal.SIGKILL)


def _pids(folder: Path) -> Sequence[int]:
    """What runs in a group; nothing where it has gone meanwhile."""
    try:
        return [int(word) for word in (folder / "cgroup.procs").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _shown(folder: Path, root: str) -> str:
    """The folder as it is called on the machine that the tree is of."""
    return "/" + folder.relative_to(root).as_posix()
