"""Binding to CPUs by each system's own calls; those of Windows stand in for themselves here."""

from __future__ import annotations

import ctypes
import os
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from lab.agent.cleanup import job_objects
from lab.agent.measuring import affinity, placement
from lab.agent.toolkit.sidecars import manager_server


class Kernel:
    """The calls of kernel32 that bind: what they were given; ``answer`` is 0 where they fail."""

    def __init__(self, answer: int = 1, own: int = 0b1010, groups: int = 1) -> None:
        self.answer, self.own, self.groups = answer, own, groups
        self.bound: list[tuple[str, int, int]] = []

    def GetCurrentProcess(self) -> int:  # noqa: N802 - Windows's names
        return 11

    def GetCurrentThread(self) -> int:  # noqa: N802
        return 12

    def SetProcessAffinityMask(self, handle: int, mask: Any) -> int:  # noqa: N802
        self.bound.append(("process", handle, mask.value))
        return self.answer

    def SetThreadAffinityMask(self, handle: int, mask: Any) -> int:  # noqa: N802
        self.bound.append(("thread", handle, mask.value))
        return self.answer

    def GetProcessAffinityMask(self, handle: int, own: Any, machine: Any) -> int:  # noqa: N802
        assert handle == 11
        ctypes.cast(own, ctypes.POINTER(ctypes.c_size_t))[0] = self.own
        ctypes.cast(machine, ctypes.POINTER(ctypes.c_size_t))[0] = 0b1111
        return self.answer

    def GetActiveProcessorGroupCount(self) -> int:  # noqa: N802
        return self.groups


def on_windows(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> Kernel:
    monkeypatch.setattr(sys, "platform", "win32")
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    monkeypatch.setattr(affinity, "_kernel32", lambda: kernel)
    return kernel


def test_windows_binds_processes_and_threads_by_a_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = on_windows(monkeypatch, Kernel())
    affinity.bind([0, 5, 5])
    affinity.bind_thread([63])
    assert kernel.bound == [("process", 11, 0b100001), ("thread", 12, 1 << 63)]
    assert affinity.allowed() == [1, 3]


def test_windows_refuses_with_the_cpus_that_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    on_windows(monkeypatch, Kernel(answer=0))
    with pytest.raises(OSError, match=r"this process cannot be bound to the CPUs \[7\]"):
        affinity.bind([7])
    with pytest.raises(OSError, match=r"this thread cannot be bound to the CPUs \[7\]"):
        affinity.bind_thread([7])
    assert affinity.allowed() is None


def test_a_mask_of_another_processor_group_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process with threads in several groups is told an empty mask (GetProcessAffinityMask)."""
    on_windows(monkeypatch, Kernel(own=0))
    assert affinity.allowed() is None


@pytest.mark.parametrize(("groups", "known"), [(2, 2), (0, None)])
def test_processor_groups_are_windows_s(monkeypatch: pytest.MonkeyPatch, groups: int, known: int | None) -> None:
    if sys.platform != "win32":
        assert affinity.processor_groups() is None
    on_windows(monkeypatch, Kernel(groups=groups))
    assert affinity.processor_groups() == known


def test_a_system_without_a_call_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    for name in ("sched_getaffinity", "sched_setaffinity"):
        monkeypatch.delattr(os, name, raising=False)
    assert affinity.allowed() is None
    for bind in (affinity.bind, affinity.bind_thread):
        with pytest.raises(OSError, match="no interface to bind a process"):
            bind([0])


def test_linux_binds_the_calling_thread_and_every_thread_that_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[tuple[int, list[int]]] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "sched_setaffinity", lambda task, cpus: bound.append((task, cpus)), raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _task: {3, 1}, raising=False)
    assert affinity.allowed() == [1, 3]
    placement.pin([1])
    placement.pin_thread([2])
    placement.pin(None)
    placement.pin_thread(None)
    assert bound == [(0, [1]), (0, [2])]
    bound.clear()
    monkeypatch.setattr(os.path, "isdir", lambda path: path == "/proc/self/task")
    monkeypatch.setattr(os, "listdir", lambda _path: ["7", "8"])
    placement.pin_every_thread([1])
    assert bound == [(7, [1]), (8, [1])]
    bound.clear()
    monkeypatch.setattr(os.path, "isdir", lambda _path: False)
    placement.pin_every_thread([1])
    assert bound == [(0, [1])]


def test_a_manager_s_server_is_bound_where_cpus_are_given_and_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[list[int]] = []
    monkeypatch.setattr(placement, "pin_every_thread", bound.append)
    monkeypatch.setattr(placement, "allowed_cpus", lambda: [4])
    monkeypatch.setattr("socket.gethostname", lambda: "box")
    found = manager_server.settle([4])
    assert bound == [[4]]
    assert (found["cpus"], found["machine"], found["pid"], found["ppid"]) == ([4], "box", os.getpid(), None)
    manager_server.settle(None)
    assert bound == [[4]]
    assert manager_server.shared_dict() is manager_server.shared_dict()


def test_a_client_tries_until_its_server_listens_and_then_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = {"s": 0.0}
    attempts: list[float] = []

    def connect(_manager: object) -> None:
        attempts.append(now["s"])
        if ready_s is None or now["s"] < ready_s:
            raise ConnectionRefusedError

    def sleep(seconds: float) -> None:
        now["s"] += seconds

    monkeypatch.setattr(manager_server.Served, "connect", connect)
    monkeypatch.setattr(manager_server, "time", SimpleNamespace(monotonic=lambda: now["s"], sleep=sleep))
    settings = {"host": "127.0.0.1", "port": 1, "authkey": "00ff"}
    ready_s: float | None = 0.05
    manager_server.connect(settings)
    assert len(attempts) == 4
    ready_s = None
    with pytest.raises(ConnectionRefusedError):
        manager_server.connect(settings)
    assert attempts[-1] == pytest.approx(0.06 + manager_server.CONNECT_S, abs=0.05)


# --- jobs of Windows --------------------------------------------------------------------------------------------------


class Jobs:
    """The calls of kernel32 that make jobs; each fails where the test says so."""

    def __init__(self, *failing: str) -> None:
        self.failing = failing
        self.calls: list[tuple[Any, ...]] = []
        self.flags = 0

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> int:
            self.calls.append((name, *args))
            if name == "SetInformationJobObject":
                _handle, kind, limits, size = args
                assert (kind, size) == (9, ctypes.sizeof(limits._obj))
                self.flags = limits._obj.basic.flags
            return 0 if name in self.failing else 5

        return call

    @property
    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


PROCESS: Any = SimpleNamespace(_handle=77)


@pytest.fixture
def windows_jobs(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(*failing: str) -> Jobs:
        kernel = Jobs(*failing)
        monkeypatch.setattr(sys, "platform", "win32")
        monkeypatch.setattr(job_objects, "_kernel32", lambda: kernel)
        return kernel

    return install


def test_a_job_ends_all_that_is_in_it_once(windows_jobs: Any) -> None:
    kernel = windows_jobs()
    job = job_objects.job_of(PROCESS)
    assert kernel.flags == 0x2000, "JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE"
    assert kernel.calls[-1] == ("AssignProcessToJobObject", 5, 77)
    assert "CloseHandle" not in kernel.names
    kernel.calls.clear()
    assert job is not None
    job.end()
    job.end()
    assert kernel.calls == [("TerminateJobObject", 5, 1), ("CloseHandle", 5)]


@pytest.mark.parametrize("refused", ["SetInformationJobObject", "AssignProcessToJobObject"])
def test_a_job_that_windows_refuses_is_closed_again(windows_jobs: Any, refused: str) -> None:
    kernel = windows_jobs(refused)
    assert job_objects.job_of(PROCESS) is None
    assert kernel.calls[-1] == ("CloseHandle", 5)


def test_without_a_handle_there_is_no_job(windows_jobs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = windows_jobs("CreateJobObjectW")
    assert job_objects.job_of(PROCESS) is None
    assert kernel.names == ["CreateJobObjectW"]
    monkeypatch.setattr(sys, "platform", "linux")
    assert job_objects.job_of(PROCESS) is None
    assert kernel.names == ["CreateJobObjectW"]
