"""The build class of an interpreter: the build options that affect its speed.

A difference within one build class is due to the Python version; across classes it may be due to the image.
"""

from __future__ import annotations

import os
import platform
import re
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Optional, Tuple

DISTRIBUTION_PREFIX = "'--prefix=/usr'"
FLAG_VARIABLES = ("CFLAGS", "PY_CFLAGS", "PY_CORE_CFLAGS", "CONFIGURE_CFLAGS", "CONFIGURE_CFLAGS_NODIST")

# `push rbp; mov rbp, rsp`: functions that keep a frame pointer begin with it. Builds with frame pointers contain
# thousands, others 0 to 2 (counted in CPython 3.9 to 3.13 as built by pyenv and Debian).
X86_64_PROLOGUE = b"\x55\x48\x89\xe5"
ENOUGH_PROLOGUES = 500
CHUNK_BYTES = 1 << 20
TAIL_CALL_SINCE = (3, 14)
JIT_SINCE = (3, 13)
HOT_LOOPS = 20_000  # the JIT of 3.14 and 3.15 compiles a loop after about 4,000 iterations


def build_class(
    config: Dict[str, Any], frame_pointers: Optional[bool] = None, version: Tuple[int, ...] = sys.version_info[:2]
) -> Dict[str, Any]:
    """The build class as the variables of ``sysconfig`` show it.

    Flags that were passed to ``make`` alone do not appear in the variables. The official images get
    ``-fno-omit-frame-pointer`` in this way, so ``frame_pointers`` says what the machine code shows (None: unknown).
    Debian passes PGO and LTO in this way, so for a distribution's interpreter (configured for the prefix ``/usr``) a
    missing flag gives None (unknown) and not False. So it does on Windows, where no arguments are recorded.

    ``jit`` and ``tail_call``: whether the JIT compiler and the interpreter of tail calls are compiled in. Whether a
    compiled-in JIT is on is a matter of the process; see ``jit_state``.
    """
    arguments = str(config.get("CONFIG_ARGS") or "")
    without_flag = None if not arguments or DISTRIBUTION_PREFIX in arguments else False
    flags = " ".join(str(config.get(name) or "") for name in FLAG_VARIABLES)
    level = re.findall(r"-O(\w+)", flags)
    return {
        "pgo": "--enable-optimizations" in arguments or without_flag,
        "lto": "--with-lto" in arguments or "-flto" in flags or without_flag,
        "frame_pointers": "-fno-omit-frame-pointer" in flags or bool(frame_pointers),
        "jit": version >= JIT_SINCE and ("-D_Py_JIT" in flags or _configured_jit(arguments)),
        "tail_call": version >= TAIL_CALL_SINCE and _tail_call(config, arguments),
        "debug": bool(config.get("Py_DEBUG")),
        "shared": bool(config.get("Py_ENABLE_SHARED")),
        "optimisation": level[-1] if level else None,
        "compiler": platform.python_compiler(),
    }


def _configured_jit(arguments: str) -> bool:
    """Whether the arguments ask for the JIT; ``interpreter`` runs its instructions without compiling them."""
    found = re.search(r"--enable-experimental-jit(?:=([\w-]+))?", arguments)
    return found is not None and found.group(1) not in ("no", "interpreter", "interpreter-off")


def _tail_call(config: Dict[str, Any], arguments: str) -> Optional[bool]:
    """Whether the interpreter loop consists of tail calls; the variable has an underscore from 3.15 on."""
    for name in ("Py_TAIL_CALL_INTERP", "_Py_TAIL_CALL_INTERP"):
        if config.get(name) is not None:
            return bool(config[name])
    return None if not arguments else "--with-tail-call-interp" in arguments


def jit_state() -> Dict[str, Optional[bool]]:
    """Whether this process may use the JIT (``enabled``), and whether a hot loop ran its code (``active``).

    None where the interpreter does not report it: ``sys._jit`` exists from 3.14 on. ``PYTHON_JIT`` sets it, but not for
    ``python -I``, which ignores the environment: what is measured has the default of the build.
    """
    jit = getattr(sys, "_jit", None)
    if jit is None:
        return {"enabled": None, "active": None}
    active = False
    for _ in range(HOT_LOOPS if jit.is_enabled() else 0):
        active = jit.is_active() or active
    return {"enabled": jit.is_enabled(), "active": active}


def is_free_threaded() -> bool:
    """Whether this interpreter was built to run without a GIL; its version says so since such builds exist (3.13)."""
    return "free-threading" in sys.version


def gil_enabled() -> bool:
    """Whether this process has a GIL now; importing an extension module can switch it on in a free-threaded build."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


def has_frame_pointers(path: str, machine: str) -> Optional[bool]:
    """Whether the functions of a program or library keep frame pointers; None if unknown, as on other machines."""
    if machine.lower() not in ("x86_64", "amd64"):
        return None
    found = 0
    try:
        with open(path, "rb") as file:
            chunk = file.read(CHUNK_BYTES)
            while chunk and found < ENOUGH_PROLOGUES:
                found += chunk.count(X86_64_PROLOGUE)
                chunk = file.read(CHUNK_BYTES)
    except OSError:
        return None
    return found >= ENOUGH_PROLOGUES


def interpreter_file(root: str = os.path.abspath(os.sep)) -> str:
    """Path of the file that holds the interpreter's code: libpython if it is mapped, else the program."""
    try:
        with open(os.path.join(root, "proc/self/maps"), encoding="utf-8", errors="replace") as file:
            mapped = [line.split()[-1] for line in file if "/libpython" in line]
    except OSError:
        mapped = []
    return mapped[0] if mapped else sys.executable
