"""Write down which lines of the package this process runs, wherever the package was copied to.

The sampler has a copy of this file run at the end of the package's ``__init__.py`` in its copy of the tree, and so in
every process that imports the package: in agents as well, which run isolated, from a copied folder, on interpreters
from Python 3.9 on that have no coverage.py. Each line is written at once, the first time: processes may be killed. The
process that runs pytest is left to coverage.py; only what it forks is recorded here.

A module runs only once in a process, whoever needs it afterwards. In every process, each module of the package that is
loaded by its name (``importlib.import_module``) is therefore written down as well, as line 0 of its file.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any


class Recorder:
    """Appends ``file:line`` to a file per process in ``folder``, below ``=context`` with the test that runs."""

    def __init__(self, folder: str, package: str) -> None:
        self.folder = folder
        self.package = package
        self.names: dict[str, str | None] = {}  # path -> lab/stats/x.py, None for files of others
        self.seen: set[tuple[str | None, int]] = set()

    def begin(self) -> None:
        """Begin anew in this process, under the test that runs now."""
        context = self.context()
        if context is None:
            return
        self.seen.clear()
        self.write("=" + context)
        threading.settrace(self.on_call)
        sys.settrace(self.on_call)

    def context(self) -> str | None:
        """The test that runs now; None if the recording has ended and this process has outlived it."""
        try:
            with open(self.folder + "/context", encoding="utf-8") as file:  # noqa: PTH123 - pathlib is a large import
                return file.read()
        except OSError:
            return None

    def watch_names(self) -> None:
        """Write down what is loaded by its name from now on, whether or not it was loaded before."""
        original = importlib.import_module

        def import_module(name: str, package: str | None = None) -> ModuleType:
            module = original(name, package)
            file, context = self.name(getattr(module, "__file__", None) or ""), self.context()
            if file is not None and context is not None:
                self.write(f"={context}\n{file}:0")
            return module

        importlib.import_module = import_module

    def on_call(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Trace a function if it is the package's."""
        path = frame.f_code.co_filename
        if path not in self.names:
            self.names[path] = self.name(path)
        return self.on_line(frame, event, argument) if self.names[path] else None

    def on_line(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        """Write a line down where it is new."""
        line = (self.names[frame.f_code.co_filename], frame.f_lineno)
        if line not in self.seen:
            self.seen.add(line)
            self.write(f"{line[0]}:{line[1]}")
        return self.on_line

    def name(self, path: str) -> str | None:
        """The file as the repository calls it."""
        path = path.replace("\\", "/")
        position = path.rfind("/" + self.package + "/")
        return path[position + 1 :] if position >= 0 else None

    def write(self, line: str) -> None:
        """Open, append, close: tests look at descriptors that are left open."""
        path = f"{self.folder}/{os.getpid()}.lines"
        with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
            file.write(line + "\n")


def record(folder: str, package: str) -> None:
    """Record this process and what it forks."""
    recorder = Recorder(folder, package)
    recorder.watch_names()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=recorder.begin)
    if "coverage" not in sys.modules:
        recorder.begin()
