"""A CPU quota for a native target: a control group for the run's agent, where this user may create one.

Version 1: a child of the own group in the controllers cpu and cpuacct. Version 2: a child of the nearest group that,
from the own one upwards, delegates the controller (``cgroup.subtree_control``); the kernel admits a process if the user
who moves it may write ``cgroup.procs`` of the common ancestor. Where no group can be made this way, this user's systemd
is asked for one (``lab.targets.scope``). The group is removed on every exit. Its name carries the run's id and process,
so that ``--resume`` and ``lab clean`` find what a killed run left and keep what a living run uses.

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
GONE_S = 5.0  # killed processes leave their group with a delay
LOOK_S = 0.01


@dataclass(frozen=True, kw_only=True)
class Group:
    """One control group: a folder in each hierarchy that it belongs to.

    ``command`` is a prefix that starts a command in the group, where a process cannot be moved in.
    """

    folders: tuple[Path, ...]
    command: tuple[str, ...] = ()

    def take(self, pid: int) -> None:
        """Move a process into the group; its children belong to it as well.

        Raises:
            TargetUnsupported: the kernel refuses.
        """
        for folder in self.folders:
            _write(folder / "cgroup.procs", str(pid))

    def is_idle(self) -> bool:
        """Whether the group has no process."""
        return not any(_pids(folder) for folder in self.folders)

    def remove(self) -> None:
        """Kill what still runs in the group, and remove it."""
        limit = time.monotonic() + GONE_S
        while any(folder.is_dir() for folder in self.folders) and time.monotonic() < limit:
            for folder in self.folders:
                _kill_all(folder)
                with contextlib.suppress(OSError):  # busy until the last process is gone
                    folder.rmdir()
            time.sleep(LOOK_S)


@contextlib.contextmanager
def quota_group(limit: Limit, run_id: str, root: str = cgroup.ROOT) -> Iterator[Group]:
    """A group with the limit's quota; one that an earlier start by this process left is removed first.

    Raises:
        TargetUnsupported: this system or this user cannot set a quota.
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


def quota_as_found(cpus: int, root: str = cgroup.ROOT) -> Limit | None:
    """The quota of the control groups that this process runs in, if it is tighter than ``cpus`` CPUs."""
    found, period_us = cgroup.quota(root)
    if found is None or period_us is None or found >= cpus:
        return None
    return Limit(mode="quota", cpus=found, period_us=period_us, as_found=True)


def why_no_quota(root: str = cgroup.ROOT) -> str:
    """Why a native target cannot have a quota here; empty where it can, as far as can be read."""
    try:
        parents(root)
    except TargetUnsupported as error:
        return str(error) if sys.platform == "win32" or why_no_scope(root) else ""
    return ""


def parents(root: str = cgroup.ROOT) -> tuple[Path, ...]:
    """The folders in which a group can be made, the one that holds the quota first.

    Raises:
        TargetUnsupported: there is none, with the reason.
    """
    if sys.platform == "win32":
        raise TargetUnsupported("native quotas are not supported on Windows, which has no control groups")
    version = cgroup.version(root)
    if version is None:
        raise TargetUnsupported("this system has no control groups, which a quota needs")
    return _parents_v2(root) if version == cgroup.UNIFIED else _parents_v1(root)


def remove_groups(run_id: str = "", root: str = cgroup.ROOT) -> int:
    """Remove the groups that dead runs left; how many there were.

    With a ``run_id``, whose folder the caller has locked, only those of this run.
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
            raise TargetUnsupported(f"a quota needs the controller {controllers[-1]}, which is not mounted")
        found.append(Path(folder))
    refused = [folder for folder in found if not os.access(folder, os.W_OK)]
    if refused:
        raise TargetUnsupported(f"this user may not create a control group in {_shown(refused[0], root)}; {REMEDY}")
    return tuple(dict.fromkeys(found))


def _parents_v2(root: str) -> tuple[Path, ...]:
    own = Path(cgroup.own_folder((), root) or root)
    mount = Path(root, "sys/fs/cgroup")
    delegating = [folder for folder in (own, *own.parents) if folder.is_relative_to(mount) and _delegates_cpu(folder)]
    for folder in delegating:
        if os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK):
            return (folder,)
    if not delegating:
        raise TargetUnsupported(f"no control group from the own one upwards delegates the controller cpu; {REMEDY}")
    raise TargetUnsupported(f"this user may not create a control group in {_shown(delegating[0], root)}; {REMEDY}")


def _delegates_cpu(folder: Path) -> bool:
    try:
        return "cpu" in (folder / "cgroup.subtree_control").read_text(encoding="ascii").split()
    except OSError:
        return False


def _make(folder: Path) -> None:
    try:
        folder.mkdir()
    except OSError as error:
        raise TargetUnsupported(f"the control group {folder} cannot be created ({error.strerror}); {REMEDY}") from None


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
    """The processes of a group; none where it was removed meanwhile."""
    try:
        return [int(word) for word in (folder / "cgroup.procs").read_text(encoding="ascii").split()]
    except OSError:
        return []


def _shown(folder: Path, root: str) -> str:
    """The folder's path on the machine that the tree was captured from."""
    return "/" + folder.relative_to(root).as_posix()
