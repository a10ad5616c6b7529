"""The folder that is shipped to a target: ``__main__.py`` and ``lab/agent``; its hash names images and stages.

``package`` is the folder ``lab`` that the agent is taken from: this one, or one of another checkout. Native targets run
compiled stages in this user's cache. Runs share them, and spawned children import from them during a run, so each
process claims a stage before it looks whether the stage exists, and ``lab clean`` keeps what a living process has
claimed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from lab.errors import NothingToRunOn
from lab.targets.interpreters import Interpreter
from lab.targets.owners import is_gone, owner

PACKAGE = Path(__file__).resolve().parents[1]


def staged_files(package: Path = PACKAGE) -> Iterator[tuple[str, Path]]:
    """Path inside the stage -> file of the package, sorted by the former."""
    agent = package / "agent"
    found = {"__main__.py": agent / "stage_main.py", "lab/__init__.py": package / "__init__.py"}
    for path in agent.rglob("*.py"):
        found["lab/agent/" + path.relative_to(agent).as_posix()] = path
    yield from sorted(found.items())


def agent_hash(package: Path = PACKAGE) -> str:
    """Twelve hexadecimal digits of SHA-256 over the staged files' names and contents."""
    digest = hashlib.sha256()
    for name, path in staged_files(package):
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()[:12]


def write_stage(folder: Path, package: Path = PACKAGE) -> None:
    """Copy the staged files into ``folder``."""
    for name, path in staged_files(package):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


@dataclass(frozen=True, kw_only=True)
class Cleared:
    """How many stages were removed, and how many are in use."""

    removed: int
    in_use: int


def stages_folder() -> Path:
    """The folder of all stages."""
    return platformdirs.user_cache_path("comparison-lab") / "stages"


def claims_folder() -> Path:
    """The folder of all claims, one file per process and stage: the owner's line, then the stage's name."""
    return platformdirs.user_cache_path("comparison-lab") / "stages-in-use"


def compiled_stage(interpreter: Interpreter, package: Path) -> Path:
    """The claimed stage for this interpreter; it is made once for each agent and patch version.

    Raises:
        NothingToRunOn: it cannot be written or compiled.
    """
    name = f"{agent_hash(package)}-{interpreter.patch}{'t' if interpreter.free_threaded else ''}"
    claim(name)
    folder = stages_folder() / name
    if not folder.exists():
        make_stage(folder, interpreter, package)
    return folder


def claim(name: str) -> None:
    """Record that this process uses the stage; claims of ended processes are removed."""
    with contextlib.suppress(
        OSError
    ):  # a user who may not write there cannot make a stage either, and that is reported
        claims_folder().mkdir(parents=True, exist_ok=True)
        claimed_names()
        path = claims_folder() / f"{socket.gethostname()}-{os.getpid()}-{name}"
        path.write_text(f"{owner()}\n{name}\n", encoding="utf-8", newline="\n")


def claimed_names() -> set[str]:
    """The stages that living processes use; the claims of ended ones are removed."""
    names = set()
    for path in claims_folder().glob("*"):
        with contextlib.suppress(OSError):  # another lab has removed it meanwhile
            named, _, name = path.read_text(encoding="utf-8").strip().partition("\n")
            if is_gone(named, idle=True):
                path.unlink()
            else:
                names.add(name)
    return names


def remove_unused() -> Cleared:
    """Remove all stages that no living process uses, unfinished ones included."""
    used = claimed_names()
    folders = [path for path in stages_folder().glob("*") if path.is_dir()]
    unfinished = tuple(f"{name}." for name in used)
    unused = [path for path in folders if path.name not in used and not path.name.startswith(unfinished)]
    for path in unused:
        shutil.rmtree(path, ignore_errors=True)
    return Cleared(removed=len(unused), in_use=len(folders) - len(unused))


def make_stage(folder: Path, interpreter: Interpreter, package: Path) -> None:
    """Write and compile a stage; the folder appears complete or not at all.

    Raises:
        NothingToRunOn: it cannot be written or compiled.
    """
    partial = folder.with_name(f"{folder.name}.{os.getpid()}")
    try:
        write_stage(partial, package)
        code = (
            "import compileall, py_compile, sys\n"
            "mode = py_compile.PycInvalidationMode.UNCHECKED_HASH\n"
            "sys.exit(not compileall.compile_dir(sys.argv[1], quiet=1, invalidation_mode=mode))"
        )
        subprocess.run([str(interpreter.executable), "-I", "-c", code, str(partial)], check=True, capture_output=True)
        partial.replace(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        if not folder.exists():  # another run may have made it meanwhile
            raise NothingToRunOn(
                f"the agent cannot be staged for Python {interpreter.patch} in {folder} ({error}); "
                "check that the folder can be written"
            ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
