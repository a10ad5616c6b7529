"""What is compared: functions named on the command line, in gate.toml, or marked in a module, and how they are run."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import msgspec

from lab.errors import UsageError
from lab.gate.repository import Side
from lab.tune.choices import SERIAL, Choice, Executor
from lab.tune.subject import DRIVE, Check, Subject, parse_subject

DEFAULT_FILE = "gate.toml"
MARK = re.compile(r"#\s*lab:\s*gate\b(?:\s+items=(?P<items>.+?))?\s*$")
EXECUTORS: dict[str, Executor] = {"executor": "process_pool_executor", "interpreters": "interpreter_pool_executor"}
AS_FORM = "write serial, or EXECUTOR:WORKERS:START_METHOD:CHUNKSIZE such as pool:4:spawn:16 or threads:4"
MOST_PARTS = 3  # after the executor
START_METHODS = ("", "fork", "forkserver", "spawn")


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"pool": "as"}):
    """One function, as an entry ``[[function]]`` of gate.toml has it."""

    target: str
    items: str = ""
    init: str = ""
    check: Check = "equal"
    pool: str = ""


class GateFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of gate.toml."""

    function: list[Named]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One function. ``place`` is its file relative to the repository's top folder."""

    named: Named
    place: Path
    function: str
    choice: Choice

    @property
    def label(self) -> str:
        """Its name in tables: file and function."""
        return f"{self.place.as_posix()}:{self.function}"

    def state(self, side: Side) -> Literal["present", "missing"]:
        """Whether the function's file binds its name in this commit; a file that cannot be parsed counts as present."""
        file = side.folder / self.place
        if not file.is_file():
            return "missing"
        try:
            names = set(_bound(ast.parse(file.read_bytes())))
        except (SyntaxError, ValueError):
            return "present"
        return "present" if names & {self.function.partition(".")[0], "*"} else "missing"

    def subject(self, side: Side) -> Subject:
        """What is measured in this commit.

        Raises:
            UsageError: the items or the initializer are not of the form that they have to have.
        """
        named = self.named
        return parse_subject(
            f"{side.folder / self.place}:{self.function}",
            items=named.items,
            initializer=named.init,
            check=named.check,
            folder=side.folder,
        )


def parse_wanted(target: str, common: Named, *, here: Path, head: Side, top: Path) -> list[Wanted]:
    """The functions that TARGET names; ``common`` has the options of the command line.

    Args:
        target: a function, a module with marked functions, a TOML file, or empty for gate.toml.
        common: items, initializer, check and pool; entries of a file may set their own.
        here: the folder that names are relative to, in the user's working tree.
        head: where files are read.
        top: the top folder of the working tree.

    Raises:
        UsageError: it names nothing that can be compared.
    """
    if not here.resolve().is_relative_to(top.resolve()):
        raise UsageError(f"{here} is not in {top}; start gate in the repository of the function")
    inside = here.resolve().relative_to(top.resolve())
    if not target or target.endswith(".toml"):
        entries = _read_file(head.folder / inside / (target or DEFAULT_FILE), target or DEFAULT_FILE)
        entries = [msgspec.structs.replace(entry, pool=entry.pool or common.pool) for entry in entries]
    elif ":" in (target[2:] if DRIVE.match(target) else target):
        entries = [msgspec.structs.replace(common, target=target)]
    else:
        file = _place(target, inside, head, top)
        entries = [
            msgspec.structs.replace(common, target=f"{target}:{name}", items=items or common.items)
            for name, items in marked(head.folder / file)
        ]
        if not entries:
            raise UsageError(
                f"{target} marks no function; write {target}:FUNCTION, or `# lab: gate` above each function to compare"
            )
    return [_wanted(entry, inside, head, top) for entry in entries]


def parse_choice(text: str) -> Choice:
    """Parse ``--as``: the executor, and optionally its workers, start method and chunk size.

    Raises:
        UsageError: it is not of that form.
    """
    name, *rest = (text or "serial").split(":")
    executor = EXECUTORS.get(name, name)
    workers, method, chunksize = (*rest, *("",) * (MOST_PARTS - len(rest)))[:MOST_PARTS]
    known = executor in get_args(Executor) and method in START_METHODS and len(rest) <= MOST_PARTS
    if (
        not known
        or (executor == "serial" and rest)
        or not all(not part or part.isdecimal() for part in (workers, chunksize))
    ):
        raise UsageError(f"--as {text!r} is not a way to run a function; {AS_FORM}")
    if executor == "serial":
        return SERIAL
    return Choice(
        executor=executor,  # type: ignore[arg-type]  # checked above
        workers=int(workers or 0),
        start_method=method,
        chunksize=int(chunksize or 0),
    )


def marked(file: Path) -> list[tuple[str, str]]:
    """The functions of a module with the comment ``# lab: gate``, and the items that it names (or empty).

    The comment stands in the line of ``def`` or in the line above the function and its decorators.

    Raises:
        UsageError: the file is not Python.
    """
    text = file.read_text(encoding="utf-8", errors="replace")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise UsageError(
            f"{file.name} cannot be read for marks ({error}); correct it, or name FILE.py:FUNCTION"
        ) from None
    lines = ["", *text.splitlines()]
    found = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            mark = MARK.search(lines[node.lineno]) or MARK.match(lines[first - 1])
            if mark:
                found.append((node.name, mark["items"] or ""))
    return found


def _read_file(path: Path, shown: str) -> list[Named]:
    if not path.is_file():
        raise UsageError(
            f"{shown} does not exist in the head; name a function such as work.py:resize, or commit a file with "
            '[[function]] and target = "work.py:resize"'
        )
    try:
        entries = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), GateFile).function
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise UsageError(
            f"{shown} is not a list of functions ({error}); its keys are target, items, init, check, as"
        ) from None
    if not entries:
        raise UsageError(f"{shown} names no function; add [[function]] with a target")
    return entries


def _wanted(named: Named, inside: Path, head: Side, top: Path) -> Wanted:
    place, colon, function = named.target.rpartition(":")
    if not colon or not all(part.isidentifier() for part in function.split(".")):
        raise UsageError(f"{named.target!r} names no function; write it as work.py:resize or package.module:function")
    file = _place(place, inside, head, top)
    return Wanted(named=named, place=file, function=function, choice=parse_choice(named.pool))


def _place(text: str, inside: Path, head: Side, top: Path) -> Path:
    """The file of FILE.py or of a module, relative to the top; a module is looked for here, in src and at the top.

    A module that the environment has installed from the working tree would be the same on both sides, so it is never
    taken from there.
    """
    if text.endswith((".py", ".pyw")) or "/" in text or "\\" in text:
        path = (top / inside / text).resolve()
        if not path.is_relative_to(top.resolve()):
            raise UsageError(f"{text} is not in the repository {top}, so it has no other commit; name a file in it")
        if not (head.folder / path.relative_to(top.resolve())).is_file():
            raise UsageError(f"{text} does not exist in {head.words}; name a file that is committed, or git add it")
        return path.relative_to(top.resolve())
    parts = Path(*text.split("."))
    for folder in dict.fromkeys((inside, inside / "src", Path(), Path("src"))):
        for candidate in (folder / parts.with_suffix(".py"), folder / parts / "__init__.py"):
            if (head.folder / candidate).is_file():
                return candidate
    raise UsageError(
        f"the module {text} is not a file of {head.words}; write its path, such as src/{parts}.py:FUNCTION"
    )


def _bound(tree: ast.Module) -> Iterator[str]:
    """Every name that the module may bind."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
