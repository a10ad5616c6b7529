"""Who made a thing that a run left, and whether that process still runs."""

from __future__ import annotations

import socket
from typing import Any

import psutil
import pytest

from lab.targets import owners

HOST = socket.gethostname()
NOBODY = 2**22 + 1  # beyond what a process id may be


NAME, PID, START, BOOT, SPACE = owners.owner().split(" ")


@pytest.mark.parametrize(
    ("named", "idle", "is_gone"),
    [
        (f"{HOST} {PID} {START} {BOOT} {SPACE}", True, False),
        (f"{HOST} {PID} {int(START) - 1} {BOOT} {SPACE}", False, True),
        (f"{HOST} {NOBODY} {START} {BOOT} {SPACE}", False, True),
        (f"{HOST} {PID} {START} another-boot {SPACE}", False, True),
        (f"{HOST} {NOBODY} {START} {BOOT} 1", True, False),
        (f"another-machine {NOBODY} {START} {BOOT} {SPACE}", True, False),
        (f"{HOST} {PID} 5", True, False),  # of an older lab, whose clock may have been set meanwhile
        (f"{HOST} {NOBODY} 5", False, True),
        (f"another-machine {NOBODY} 5", True, False),
        ("", True, True),
        ("", False, False),
        ("two parts", False, False),
    ],
)
def test_a_process_is_gone_where_this_machine_has_none_of_that_id_and_start(
    named: str, *, idle: bool, is_gone: bool
) -> None:
    assert owners.is_gone(named, idle=idle) is is_gone


def test_a_process_of_somebody_else_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> Any:
        raise psutil.AccessDenied

    monkeypatch.setattr(owners, "_start", refuse)
    assert owners.is_gone(f"{HOST} 1 5 {BOOT} {SPACE}") is False


def test_a_living_process_stays_alive_when_the_clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """psutil computes start times from the boot time of /proc/stat, which moves with the clock."""
    named = owners.owner()
    true_start = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: true_start(process) + 3600)
    assert owners.is_gone(named, idle=True) is False


def test_things_of_a_locked_run_are_left_over_by_their_name_alone() -> None:
    name = owners.with_owner("run")
    assert name == f"run:{HOST}:{PID}:{START}:{BOOT}:{SPACE}"
    assert owners.is_left_over(name, "run", idle=False)
    assert owners.is_left_over("run", "run", idle=False)
    assert not owners.is_left_over("run2:x:1:2", "run", idle=True)
    assert not owners.is_left_over(name, "", idle=True)
    assert owners.is_left_over(f"run:{HOST}:{NOBODY}:5", "", idle=False)


def test_where_proc_shows_another_namespace_a_process_has_no_known_start_and_is_never_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hidden(pid: int) -> str:
        raise psutil.AccessDenied(pid)

    with monkeypatch.context() as patch:
        patch.setattr(owners, "_start", hidden)
        named = owners.owner()
    assert named.split(" ")[2] == owners.UNKNOWN
    assert not owners.is_gone(named)
