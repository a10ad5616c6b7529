"""Cached bytecode: made when an image or a stage is built, required of every child that is measured.

Packed and official images carry hardly any ``.pyc`` and a read-only root never gains them: a spawned child that
compiles what it imports takes about four times as long. So bytecode is part of the target.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

# Never imported by a scenario, and a third of the time of compiling everything.
UNUSED = (
    r"[\\/](test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|site-packages|dist-packages|pydoc_data"
    r"|config-[^\\/]*)[\\/]"
)


def compile_target() -> None:
    """Compile the standard library and the staged folder, as far as they can be written.

    ``unchecked-hash``: an image's file times may change when it is copied, and a check costs a ``stat`` an import.
    """
    import sysconfig

    make_readable(stage_folder())
    compile_folder(sysconfig.get_path("stdlib"))
    compile_folder(stage_folder())


def make_readable(folder: str) -> None:
    """Let everybody read the folder: an image's user is nobody, and a clone under umask 077 is its owner's only."""
    for parent, _folders, files in os.walk(folder):
        for path in [parent, *(os.path.join(parent, name) for name in files)]:
            mode = os.stat(path).st_mode
            os.chmod(path, mode | 0o444 | (0o111 if path == parent else 0))


def compile_folder(folder: str) -> None:
    """Compile every module below ``folder`` in all processors' worth of processes; errors are told on stderr."""
    import compileall
    import py_compile
    import re

    compileall.compile_dir(
        folder,
        quiet=1,
        force=True,
        workers=0,
        rx=re.compile(UNUSED),
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )


def stage_folder() -> str:
    """The folder that holds ``__main__.py`` and ``lab``."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def uncached_modules() -> List[str]:
    """Names of the imported modules that had no cached bytecode, so that their import compiled them.

    ``__main__`` never has any; built-in, frozen and extension modules need none.
    """
    names = []
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        cached = getattr(spec, "cached", None)
        if name in ("__main__", "__mp_main__") or not cached or not getattr(spec, "origin", "").endswith(".py"):
            continue
        if not os.path.exists(cached):
            names.append(name)
    return sorted(names)
