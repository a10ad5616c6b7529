"""Parses what the user wants to tune: the function, the items and the initializer, as a file or a module and a name."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lab.errors import UsageError

Check = Literal["equal", "approx", "none"]
FORM = "write it as work.py:resize or package.module:function"
DRIVE = re.compile(r"[A-Za-z]:[\\/]")


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A name in a module, which is importable once ``folder`` is on sys.path."""

    module: str
    name: str
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is measured. Without ``items`` they are ITEMS or items() of the function's module."""

    function: Reference
    items: Reference | str | None = None  # a str is an expression
    initializer: Reference | None = None
    check: Check = "equal"

    @property
    def label(self) -> str:
        """The name of its scenario: ``own.resize``."""
        return f"own.{self.function.name}"

    @property
    def folders(self) -> tuple[Path, ...]:
        """The folders that its modules are imported from."""
        named = (self.function, self.items, self.initializer)
        return tuple(dict.fromkeys(one.folder for one in named if isinstance(one, Reference)))


def parse_subject(
    target: str, *, items: str = "", initializer: str = "", check: Check = "equal", folder: Path | None = None
) -> Subject:
    """Parse the options of the command line; ``folder`` is the working folder, where modules are looked for.

    Raises:
        UsageError: an option is not of the form that it has to have, or names a file that does not exist.
    """
    here = (folder or Path.cwd()).absolute()
    function = reference(target, here, "the function")
    return Subject(
        function=function,
        items=_items(items, function, here) if items else None,
        initializer=_within(initializer, function, here, "the initializer") if initializer else None,
        check=check,
    )


def reference(text: str, here: Path, what: str) -> Reference:
    r"""Parse FILE.py:NAME or MODULE:NAME; the file may have a drive letter, as in ``C:\x\work.py:resize``.

    Raises:
        UsageError: it is neither, or the file does not exist.
    """
    drive = text[:2] if DRIVE.match(text) else ""
    place, colon, name = text[len(drive) :].rpartition(":")
    place = drive + place
    if not colon or not place or not name or not all(part.isidentifier() for part in name.split(".")):
        raise UsageError(f"{text!r} names no function for {what}: {FORM}")
    if not (place.endswith((".py", ".pyw")) or "/" in place or "\\" in place):
        if not all(part.isidentifier() for part in place.split(".")):
            raise UsageError(f"{place!r} is neither a file that ends in .py nor a module: {FORM}")
        return Reference(module=place, name=name, folder=here)
    path = Path(place) if Path(place).is_absolute() else here / place
    if not path.is_file():
        raise UsageError(f"{path} does not exist: {FORM}, with the path from here")
    return _in_package(path, name)


def _in_package(path: Path, name: str) -> Reference:
    """A file of a package is imported as the package's module, because its own imports may be relative."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return Reference(module=".".join(parts), name=name, folder=folder)


def _within(text: str, function: Reference, here: Path, what: str) -> Reference:
    if all(part.isidentifier() for part in text.split(".")):
        return Reference(module=function.module, name=text, folder=function.folder)
    return reference(text, here, what)


def _items(text: str, function: Reference, here: Path) -> Reference | str:
    """A name of the function's module, a reference, or an expression: whatever it can be read as, in this order."""
    if text.isidentifier():
        return Reference(module=function.module, name=text, folder=function.folder)
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return reference(text, here, "the items")
    return text
