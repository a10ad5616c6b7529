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
    from typing import Any, Dict, Optional

DISTRIBUTION_PREFIX = "/usr"
FLAG_VARIABLES = ("CFLAGS", "PY_CFLAGS", "PY_CORE_CFLAGS", "CONFIGURE_CFLAGS")

# `push rbp; mov rbp, rsp`: functions that keep a frame pointer begin with it. Builds with frame pointers contain
# thousands, others 0 to 2 (counted in CPython 3.9 to 3.13 as built by pyenv and Debian).
X86_64_PROLOGUE = b"\x55\x48\x89\xe5"
ENOUGH_PROLOGUES = 500
CHUNK_BYTES = 1 << 20


def build_class(config: Dict[str, Any], frame_pointers: Optional[bool] = None) -> Dict[str, Any]:
    """The build class as the variables of ``sysconfig`` show it.

    Flags that were passed to ``make`` alone do not appear in the variables. The official images get
    ``-fno-omit-frame-pointer`` in this way, so ``frame_pointers`` says what the machine code shows (None: unknown).
    Debian passes PGO and LTO in this way, so for a distribution's interpreter (prefix ``/usr``) a missing flag gives
    None (unknown) and not False.
    """
    without_flag = None if config.get("prefix") == DISTRIBUTION_PREFIX else False
    arguments = str(config.get("CONFIG_ARGS") or "")
    flags = " ".join(str(config.get(name) or "") for name in FLAG_VARIABLES)
    level = re.findall(r"-O(\w+)", flags)
    return {
        "pgo": "--enable-optimizations" in arguments or without_flag,
        "lto": "--with-lto" in arguments or "-flto" in flags or without_flag,
        "frame_pointers": "-fno-omit-frame-pointer" in flags or bool(frame_pointers),
        "debug": bool(config.get("Py_DEBUG")),
        "shared": bool(config.get("Py_ENABLE_SHARED")),
        "optimisation": level[-1] if level else None,
        "compiler": platform.python_compiler(),
    }


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
