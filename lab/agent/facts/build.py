"""How an interpreter was built, as far as speed depends on it.

Within one build class a difference is the version's; across classes it is the images'.
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

# `push rbp; mov rbp, rsp`, with which a function begins that keeps a frame pointer. Builds with them have thousands,
# those without 0 to 2 (counted in CPython 3.9 to 3.13 as built by pyenv and Debian).
X86_64_PROLOGUE = b"\x55\x48\x89\xe5"
ENOUGH_PROLOGUES = 500
CHUNK_BYTES = 1 << 20


def build_class(config: Dict[str, Any], keeps_frames: Optional[bool] = None) -> Dict[str, Any]:
    """The class out of ``sysconfig`` variables.

    Flags given to ``make`` alone leave no trace in them, and the official images get ``-fno-omit-frame-pointer`` in
    this way; ``keeps_frames`` is what the machine code says (None: it cannot be told). Debian gets PGO and LTO in this
    way too, so for an interpreter of a distribution (prefix ``/usr``) a missing flag is None, "not told", and not no.
    """
    absent = None if config.get("prefix") == DISTRIBUTION_PREFIX else False
    arguments = str(config.get("CONFIG_ARGS") or "")
    flags = " ".join(str(config.get(name) or "") for name in FLAG_VARIABLES)
    level = re.findall(r"-O(\w+)", flags)
    return {
        "pgo": "--enable-optimizations" in arguments or absent,
        "lto": "--with-lto" in arguments or "-flto" in flags or absent,
        "frame_pointers": "-fno-omit-frame-pointer" in flags or bool(keeps_frames),
        "debug": bool(config.get("Py_DEBUG")),
        "shared": bool(config.get("Py_ENABLE_SHARED")),
        "optimisation": level[-1] if level else None,
        "compiler": platform.python_compiler(),
    }


def keeps_frames(path: str, machine: str) -> Optional[bool]:
    """Whether the functions of a program or library keep frame pointers; None where that is not known how to tell."""
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
    """The file that holds the interpreter's code: libpython where one is mapped, else the program."""
    try:
        with open(os.path.join(root, "proc/self/maps"), encoding="utf-8", errors="replace") as file:
            mapped = [line.split()[-1] for line in file if "/libpython" in line]
    except OSError:
        mapped = []
    return mapped[0] if mapped else sys.executable
