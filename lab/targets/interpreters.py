"""The CPython interpreters on this machine, one per version: from pyenv, uv, the Windows registry, PATH and so on.

findpython names the candidates; its own queries of each one take seconds. Here each real file is queried once, all of
them concurrently.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from lab.errors import NothingToRunOn

OLDEST = (3, 9)
PROBE_TIMEOUT_S = 10.0  # a cold interpreter on a slow disk takes one or two
STORE_STUB_REMEDY = (
    "is the Microsoft Store's stub, not an interpreter: install Python from python.org, or switch the stub off under "
    "Settings, Apps, App execution aliases"
)

# A virtual environment reports its base; `free-threading` has stood in sys.version since such builds exist (3.13), and
# is cheaper to read than sysconfig.
PROBE = """
import json, sys
json.dump({
    "implementation": sys.implementation.name,
    "version": list(sys.version_info),
    "free_threaded": "free-threading" in sys.version,
    "executable": getattr(sys, "_base_executable", None) or sys.executable,
    "prefix": sys.base_prefix,
}, sys.stdout)
"""


@dataclass(frozen=True, kw_only=True)
class Interpreter:
    """One interpreter on this machine."""

    version: str  # "3.13"
    patch: str  # "3.13.0", "3.15.0rc1"
    free_threaded: bool
    executable: Path  # a real file: never a shim, never a virtual environment's link
    prefix: Path
    os: str  # linux, macos, windows
    arch: str  # x86_64, aarch64

    @property
    def key(self) -> str:
        """The version as users write it: ``3.13`` or ``3.13t``."""
        return self.version + ("t" if self.free_threaded else "")

    @property
    def tag(self) -> str:
        """The version as in ids and image tags: ``py313`` or ``py313t``."""
        return python_tag(self.key)


@dataclass(frozen=True, kw_only=True)
class Search:
    """The interpreters found, sorted by version, and one sentence for each candidate that was passed over."""

    interpreters: tuple[Interpreter, ...]
    complaints: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """An interpreter, and its full version for choosing the newest patch."""

    interpreter: Interpreter
    full_version: tuple[int, int, int, str, int]


def python_tag(key: str) -> str:
    """``3.13t`` -> ``py313t``."""
    return "py" + key.replace(".", "")


def key_order(key: str) -> tuple[int, int, bool]:
    """Sort key for versions: 3.9, 3.10, 3.13, 3.13t.

    Raises:
        ValueError: it is not of the form ``3.13`` or ``3.13t``.
    """
    found = re.fullmatch(r"(\d+)\.(\d+)(t?)", key)
    if found is None:
        raise ValueError(f"{key!r} is not a Python version such as 3.13 or 3.13t")
    return int(found[1]), int(found[2]), found[3] == "t"


def oldest_and_newest(keys: Sequence[str]) -> tuple[str, ...]:
    """The oldest and the newest of these versions; free-threaded builds count only if all of them are."""
    plain = [key for key in sorted(keys, key=key_order) if not key.endswith("t")] or sorted(keys, key=key_order)
    return tuple(dict.fromkeys((plain[0], plain[-1]))) if plain else ()


def find_interpreters() -> tuple[Interpreter, ...]:
    """One interpreter per version, CPython 3.9 and newer, sorted by version."""
    return search().interpreters


def search(candidates: Iterable[Path] | None = None) -> Search:
    """Query each of ``candidates`` (None: all that findpython offers).

    Interpreters that are too old or not CPython are left out silently; broken ones get a sentence in ``complaints``.
    """
    paths = sorted(_real_files(_offered() if candidates is None else candidates))
    with ThreadPoolExecutor(max_workers=min(8, (os.cpu_count() or 1) * 2)) as pool:
        answers = list(pool.map(_ask, paths))
    return Search(
        interpreters=_newest_patches(answer for answer in answers if isinstance(answer, _Answer)),
        complaints=tuple(answer for answer in answers if isinstance(answer, str)),
    )


def interpreter_at(path: str) -> Interpreter:
    """The interpreter of a path; that of a virtual environment keeps the environment's packages.

    Raises:
        NothingToRunOn: it does not answer, or is none that the lab can use.
    """
    named = Path(path).expanduser().absolute()  # not resolved: a virtual environment is known by its link
    answer = _ask(named)
    if isinstance(answer, _Answer):
        return replace(answer.interpreter, executable=named)
    why = answer or f"is not a CPython of {OLDEST[0]}.{OLDEST[1]} or newer"
    raise NothingToRunOn(f"{path} cannot be used ({why}): name an interpreter, such as .venv/bin/python")


def _offered() -> Iterator[Path]:
    """Every file that findpython takes for an interpreter, and the running one."""
    from findpython.providers import ALL_PROVIDERS  # costs 50 ms, which `--help` need not pay

    yield Path(sys.executable)
    for provider in ALL_PROVIDERS.values():
        source = provider.create()
        for found in source.find_pythons() if source else ():
            yield found.executable


def _real_files(paths: Iterable[Path]) -> set[Path]:
    """The distinct files behind ``paths``, without shims (other providers name what they start) and old versions."""
    return {_resolved(path) for path in paths if path.parent.name != "shims" and not _named_too_old(path.name)}


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except OSError:  # an app execution alias of the Microsoft Store cannot be followed
        return path.absolute()


def _named_too_old(name: str) -> bool:
    found = re.match(r"python(\d)(?:\.(\d+))?", name)
    return found is not None and (int(found[1]), int(found[2] or OLDEST[1])) < OLDEST


def _ask(path: Path) -> _Answer | str | None:
    """The interpreter at ``path``; a sentence where it is broken, None where the lab does not measure its kind."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", PROBE], capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"{path} was passed over: it did not answer within {PROBE_TIMEOUT_S:g} s"
    except OSError as error:
        return f"{path} {_remedy(path) or f'was passed over: it cannot be started ({error.strerror})'}"
    try:
        return _parsed(json.loads(done.stdout))
    except (ValueError, KeyError, TypeError):
        if re.search(r"python2|pypy", path.name) or done.stderr.startswith("Unknown option: -I"):
            return None
        tail = (done.stderr.strip().splitlines() or ["no output"])[-1]
        return f"{path} {_remedy(path) or f'was passed over: it ended with code {done.returncode} ({tail})'}"


def _remedy(path: Path) -> str | None:
    """The Store's stub lies in the folder ``WindowsApps``, as its real interpreters do; the stub cannot be started."""
    return STORE_STUB_REMEDY if "WindowsApps" in path.parts else None


def _parsed(found: dict[str, object]) -> _Answer | None:
    """The answer in the probe's JSON; None for another implementation or an old version."""
    version = found["version"]
    if not isinstance(version, list):
        raise TypeError("the version is not a list")
    major, minor, micro, level, serial = version
    if found["implementation"] != "cpython" or (major, minor) < OLDEST:
        return None
    suffix = "" if level == "final" else {"alpha": "a", "beta": "b", "candidate": "rc"}[level] + str(serial)
    return _Answer(
        interpreter=Interpreter(
            version=f"{major}.{minor}",
            patch=f"{major}.{minor}.{micro}{suffix}",
            free_threaded=bool(found["free_threaded"]),
            executable=_resolved(Path(str(found["executable"]))),
            prefix=Path(str(found["prefix"])),
            os=host_os(),
            arch=host_arch(),
        ),
        full_version=(major, minor, micro, level, serial),
    )


def _newest_patches(answers: Iterable[_Answer]) -> tuple[Interpreter, ...]:
    """The newest patch of each key. The names alpha, beta, candidate and final sort in the order of the releases."""
    best: dict[str, _Answer] = {}
    for answer in answers:
        key = answer.interpreter.key
        if key not in best or answer.full_version > best[key].full_version:
            best[key] = answer
    return tuple(best[key].interpreter for key in sorted(best, key=key_order))


def below_home(path: Path) -> str:
    """The path with the home folder written as ``~``, since manifests are shared."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def host_os() -> str:
    """The system's name as in ids and tables."""
    return {"win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)


def host_arch() -> str:
    """The machine's architecture as the Linux kernel names it."""
    return normal_arch(platform.machine())


def normal_arch(name: str) -> str:
    """One name for an architecture that engines, kernels and Windows name differently: ``amd64`` -> ``x86_64``."""
    lower = name.lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(lower, lower)
