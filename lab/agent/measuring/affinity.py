"""CPU affinity: the CPUs that this process may use, and binding it to some of them, by each system's own calls.

Linux binds threads, and whatever a thread starts inherits its binding. Windows binds processes, whose children inherit
it, and threads within them; a mask covers the 64 CPUs of the process's processor group (SetProcessAffinityMask). macOS
can bind neither.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, List, Optional

MASK_BITS = 64


def allowed() -> Optional[List[int]]:
    """CPU numbers that this process may use, sorted; None if the system has no such interface."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    if sys.platform == "win32":
        return _windows_mask()
    return None


def bind(cpus: List[int]) -> None:
    """Bind this process and whatever it starts from now on.

    Raises:
        OSError: a CPU is not available, or the system cannot bind processes.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)
    elif sys.platform == "win32":
        kernel = _kernel32()
        if not kernel.SetProcessAffinityMask(kernel.GetCurrentProcess(), _mask(cpus)):
            raise OSError("this process cannot be bound to the CPUs %s" % cpus)
    else:
        raise OSError("this system has no interface to bind a process to a CPU")


def bind_thread(cpus: List[int]) -> None:
    """Bind the calling thread alone.

    Raises:
        OSError: as in ``bind``.
    """
    if sys.platform == "win32":
        kernel = _kernel32()
        if not kernel.SetThreadAffinityMask(kernel.GetCurrentThread(), _mask(cpus)):
            raise OSError("this thread cannot be bound to the CPUs %s" % cpus)
    else:
        bind(cpus)


def processor_groups() -> Optional[int]:
    """Number of processor groups (of up to 64 CPUs each) on Windows; None on other systems."""
    return (int(_kernel32().GetActiveProcessorGroupCount()) or None) if sys.platform == "win32" else None


def _windows_mask() -> Optional[List[int]]:
    import ctypes

    own, machine = ctypes.c_size_t(), ctypes.c_size_t()
    kernel = _kernel32()
    if not kernel.GetProcessAffinityMask(kernel.GetCurrentProcess(), ctypes.byref(own), ctypes.byref(machine)):
        return None
    return [cpu for cpu in range(MASK_BITS) if own.value >> cpu & 1] or None


def _mask(cpus: List[int]) -> Any:
    import ctypes

    return ctypes.c_size_t(sum(1 << cpu for cpu in set(cpus)))


def _kernel32() -> Any:
    """kernel32 with argument types set, so that ctypes does not cut pseudo handles to the width of an int."""
    import ctypes

    kernel = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined,unused-ignore]  # the stubs have it only on Windows
    for name in ("GetCurrentProcess", "GetCurrentThread"):
        getattr(kernel, name).restype = ctypes.c_void_p
    kernel.SetThreadAffinityMask.restype = ctypes.c_size_t
    kernel.GetProcessAffinityMask.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
    for name in ("SetProcessAffinityMask", "SetThreadAffinityMask"):
        getattr(kernel, name).argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return kernel
