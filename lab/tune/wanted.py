"""What the command line of a tune says, as it is kept in the run folder so that the tune can be resumed."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Self

import msgspec

from lab.errors import BadFiles, UsageError
from lab.model import MachineId
from lab.text import replace_text
from lab.tune.lines import Job
from lab.tune.subject import Check, Reference, Subject, parse_subject

OPTIONS = "tune-options.json"


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """The options; empty ones have defaults. ``folder`` is the working folder that names are relative to."""

    target: str
    folder: str
    items: str = ""
    init: str = ""
    cpus: str = "N"
    python: str = ""
    check: Check = "equal"
    budget_s: float = 120.0
    seed: int = 0

    def subject(self) -> Subject:
        """The function with its items.

        Raises:
            UsageError: a name is malformed, or its file does not exist.
        """
        return parse_subject(
            self.target, items=self.items, initializer=self.init, check=self.check, folder=Path(self.folder)
        )


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """The options with what must be the same when the tune is resumed."""

    wanted: Wanted
    machine: MachineId
    kernel: str
    pythons: dict[str, str]  # target -> full version of its interpreter

    def write(self, folder: Path) -> None:
        """Write it into the run folder."""
        replace_text(folder / OPTIONS, msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from a run folder.

        Raises:
            BadFiles: the folder was not written by a tune, or is damaged.
        """
        try:
            return msgspec.json.decode((folder / OPTIONS).read_bytes(), type=cls)
        except FileNotFoundError:
            raise BadFiles(
                f"{folder} has no {OPTIONS}, so it is not the folder of a tune; name the folder that lab tune printed"
            ) from None
        except msgspec.DecodeError as error:
            raise BadFiles(f"{folder / OPTIONS} is damaged ({error}); start again without --resume") from None

    def refuse_others(self, now: Kept, folder: Path) -> None:
        """Refuse to resume where the machine or an interpreter is another one.

        Raises:
            UsageError: something differs; the message names it.
        """
        differs = list(self.machine.differing_fields(now.machine))
        differs += ["kernel"] if self.kernel != now.kernel else []
        differs += [f"Python of {target}" for target, was in self.pythons.items() if now.pythons.get(target) != was]
        if differs:
            raise UsageError(
                f"{folder} cannot be continued here, because of another {', '.join(differs)}; "
                "start again without --resume"
            )


def job_of(subject: Subject) -> Job:
    """How the user's own program names function, items and initializer."""
    function, init = subject.function, subject.initializer
    names: dict[str, set[str]] = {}

    def imported(reference: Reference) -> str:
        names.setdefault(reference.module, set()).add(reference.name.partition(".")[0])
        return reference.name

    called = imported(function)
    if isinstance(subject.items, str):
        items = subject.items
    else:
        reference = subject.items or _default_items(function)
        items = imported(reference) + ("()" if reference.name in _functions(reference) else "")
    initializer = imported(init) if init else ""
    imports = tuple(f"from {module} import {', '.join(sorted(found))}" for module, found in sorted(names.items()))
    return Job(function=called, items=items, imports=imports, initializer=initializer)


def _default_items(function: Reference) -> Reference:
    """ITEMS, or items() where the module has only that."""
    name = "items" if "items" in _functions(function) and "ITEMS" not in _source(function) else "ITEMS"
    return Reference(module=function.module, name=name, folder=function.folder)


def _functions(reference: Reference) -> set[str]:
    """The names of functions in a module's source; none where that is not found."""
    try:
        tree = ast.parse(_source(reference))
    except SyntaxError:
        return set()
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def _source(reference: Reference) -> str:
    path = reference.folder.joinpath(*reference.module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate.read_text(encoding="utf-8", errors="replace")
    return ""
