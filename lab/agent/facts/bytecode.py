"""Cached bytecode, which is compiled when an image or a stage is built, and required of every measured child.

Packed and official images contain hardly any ``.pyc``, and a read-only root never gains them. A spawned child that
compiles its imports takes about four times as long, so bytecode is part of the target.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

# No scenario imports these, and compiling them would take a third of the whole time.
UNUSED = (
    r"[\\/](test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|site-packages|dist-packages|pydoc_data"
    r"|config-[^\\/]*)[\\/]"
)


def compile_target() -> None:
    """Compile the standard library and the staged folder, as far as they are writable.

    The mode is ``unchecked-hash``, because file times may change when an image is copied, and because checking them
    costs one ``stat`` per import.
    """
    import sysconfig

    make_readable(stage_folder())
    compile_folder(sysconfig.get_path("stdlib"))
    compile_folder(stage_folder())


def make_readable(folder: str) -> None:
    """Let all users read the folder: images run as nobody, but umask 077 makes a clone readable only for its owner."""
    for parent, _folders, files in os.walk(folder):
        for path in [parent, *(os.path.join(parent, name) for name in files)]:
            mode = os.stat(path).st_mode
            os.chmod(path, mode | 0o444 | (0o111 if path == parent else 0))


def compile_folder(folder: str) -> None:
    """Compile every module below ``folder`` in one process per CPU; errors are printed to standard error."""
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
    """Path of the folder that holds ``__main__.py`` and ``lab``."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def uncached_modules() -> List[str]:
    """Names of the imported modules that had no cached bytecode and were compiled by their import, sorted.

    ``__main__`` is left out, because it is never cached; built-in, frozen and extension modules need no cache.
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
