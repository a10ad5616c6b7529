"""Windows job objects: they end a process together with all its descendants, whether or not their parents live.

A process is assigned to a job before it starts another one; its descendants then belong to the job as well. Closing
the last handle ends all of them (JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE), so that nothing survives a killed supervisor.
Jobs can be nested from Windows 8 on. Other systems use process groups, see ``lab.agent.supervisor``.

Source: Microsoft, "Job Objects", "Nested Jobs" and JOBOBJECT_EXTENDED_LIMIT_INFORMATION.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import subprocess
    from typing import Any, Optional

EXTENDED_LIMIT_INFORMATION = 9
KILL_ON_JOB_CLOSE = 0x2000
ENDED = 1  # exit code of processes that are ended with their job


class Job:
    """One job object; it exists as long as this handle is open."""

    def __init__(self, kernel: Any, handle: Any) -> None:
        self._kernel = kernel
        self._handle = handle

    def end(self) -> None:
        """End every process of the job and close its handle."""
        if self._handle:
            self._kernel.TerminateJobObject(self._handle, ENDED)
            self._kernel.CloseHandle(self._handle)
            self._handle = None


def job_of(process: subprocess.Popen[Any]) -> Optional[Job]:
    """A new job that holds this process; None on other systems, and where Windows refuses.

    Call it before the process receives its task: processes that it has started by then stay outside of the job.
    """
    return _new_job(process) if sys.platform == "win32" else None


def _new_job(process: subprocess.Popen[Any]) -> Optional[Job]:
    import ctypes

    kernel = _kernel32()
    handle = kernel.CreateJobObjectW(None, None)
    if not handle:
        return None
    limits, its_handle = _limits(), int(getattr(process, "_handle"))  # noqa: B009 - only Popen of Windows has it, and mypy checks for other systems
    size = ctypes.sizeof(limits)
    if kernel.SetInformationJobObject(
        handle, EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size
    ) and kernel.AssignProcessToJobObject(handle, its_handle):
        return Job(kernel, handle)
    kernel.CloseHandle(handle)
    return None


def _limits() -> Any:
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION with JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE set."""
    import ctypes

    word, size = ctypes.c_uint32, ctypes.c_size_t

    class Basic(ctypes.Structure):
        _fields_ = [
            ("per_process_user_time", ctypes.c_int64),
            ("per_job_user_time", ctypes.c_int64),
            ("flags", word),
            ("minimum_working_set", size),
            ("maximum_working_set", size),
            ("active_processes", word),
            ("affinity", size),
            ("priority_class", word),
            ("scheduling_class", word),
        ]

    class Extended(ctypes.Structure):
        _fields_ = [
            ("basic", Basic),
            ("io_counters", ctypes.c_uint64 * 6),
            ("process_memory", size),
            ("job_memory", size),
            ("peak_process_memory", size),
            ("peak_job_memory", size),
        ]

    found = Extended()
    found.basic.flags = KILL_ON_JOB_CLOSE
    return found


def _kernel32() -> Any:
    """kernel32 with argument types set, so that ctypes does not cut handles to the width of an int."""
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]  # the stubs have it only on Windows
    handle, pointer, word = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint32
    kernel.CreateJobObjectW.restype = handle
    kernel.CreateJobObjectW.argtypes = (pointer, ctypes.c_wchar_p)
    kernel.SetInformationJobObject.argtypes = (handle, ctypes.c_int, pointer, word)
    kernel.AssignProcessToJobObject.argtypes = (handle, handle)
    kernel.TerminateJobObject.argtypes = (handle, ctypes.c_uint)
    kernel.CloseHandle.argtypes = (handle,)
    return kernel
