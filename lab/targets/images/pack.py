"""Which files of an interpreter go into a base image, and the tar of them.

Files keep their paths, so that the executable's run path and ``sysconfig`` stay valid. No bytecode is packed: the build
of the image compiles it. The same content gives the same tar: sorted, owned by root, times zero.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from lab.errors import EngineError
from lab.targets.images.model import PYTHON_IN_IMAGE
from lab.targets.interpreters import Interpreter

# The agent's list of what is never imported (lab/agent/bytecode.py), plus what only building extensions needs.
EXCLUDED_FOLDERS = re.compile(
    r"test|tests|idlelib|lib2to3|tkinter|turtledemo|ensurepip|site-packages|dist-packages|pydoc_data|__pycache__|config-.*"
)
# Host configuration, and extension modules that tests or Tk (with all of X11 behind it) need.
EXCLUDED_FILES = re.compile(
    r"(site|user)customize\.py|.*\.(pyc|a|o)|_tkinter\..*\.so|(_test|_ctypes_test|_xxtest|xx).*\.so"
)
# The C library opens these by name while a program runs, so that ldd does not list them: `pthread_exit` aborts without
# libgcc_s; older C libraries look names up in libnss_*; ctypes users ask for librt.
OPENED_LATE = ("libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2", "librt.so.1", "libpthread.so.0", "libdl.so.2")

LAYOUT = """
import json, sys, sysconfig
paths = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")}
paths |= {path for path in sys.path if path.endswith("lib-dynload")}
json.dump(sorted(paths), sys.stdout)
"""
PROBE_TIMEOUT_S = 30
LITERALS = {
    "/etc/passwd": b"root:x:0:0:root:/root:/bin/false\nnobody:x:65534:65534:nobody:/tmp:/bin/false\n",
    "/etc/group": b"root:x:0:\nnogroup:x:65534:\n",
}
EMPTY_FOLDERS = {"/tmp": 0o1777, "/var/tmp": 0o1777, "/proc": 0o755, "/sys": 0o755, "/dev": 0o755}  # noqa: S108 - in the image


@dataclass(frozen=True, kw_only=True)
class Contents:
    """The content of a base image by path inside it."""

    files: dict[str, Path]
    links: dict[str, str]

    def fingerprint(self) -> str:
        """A hash of sizes and times of the files, not of their content: it takes milliseconds."""
        digest = hashlib.sha256(Path(__file__).read_bytes())
        digest.update(json.dumps(self.links, sort_keys=True).encode())
        for name in sorted(self.files):
            found = self.files[name].stat()
            digest.update(f"{name}\0{found.st_size}\0{found.st_mtime_ns}\0{found.st_ctime_ns}\n".encode())
        return digest.hexdigest()


def contents_of(interpreter: Interpreter) -> Contents:
    """Standard library, executable and every shared library that these need.

    Raises:
        EngineError: the interpreter or ldd does not answer.
    """
    executable = interpreter.executable
    files = {str(path): path for folder in library_folders(interpreter) for path in library_files(folder)}
    files[str(executable)] = executable
    linked = [path for path in files.values() if path == executable or ".so" in path.suffixes]
    needed = sorted(needed_libraries(linked))
    files |= {str(path): path for path in needed}
    links = {} if str(executable) == PYTHON_IN_IMAGE else {PYTHON_IN_IMAGE: str(executable)}
    return Contents(files=files, links=links | late_links(needed, interpreter.prefix, files))


def library_folders(interpreter: Interpreter) -> tuple[Path, ...]:
    """The folders of the standard library, without those that lie inside another one."""
    layout = _output([str(interpreter.executable), "-I", "-S", "-c", LAYOUT], what=str(interpreter.executable))
    folders = [Path(path) for path in json.loads(layout) if Path(path).is_dir()]
    return tuple(folder for folder in folders if not any(other in folder.parents for other in folders))


def library_files(folder: Path) -> Iterator[Path]:
    """The files of the standard library that the lab can need."""
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not EXCLUDED_FOLDERS.fullmatch(name)]
        for name in names:
            path = Path(parent, name)
            if not EXCLUDED_FILES.fullmatch(name) and path.is_file():
                yield path


def needed_libraries(linked: Iterable[Path]) -> set[Path]:
    """The shared libraries behind executables and extension modules, the loader included, as the loader names them."""
    listed = _output(["ldd", *map(str, linked)], what="ldd", check=False)
    needed = set(parse_ldd(listed))
    if not needed:
        raise EngineError("ldd names no shared library: this host's interpreters cannot be packed; use --image")
    for folder in {path.parent for path in needed if path.name.startswith("libc.")}:
        needed |= {folder / name for name in OPENED_LATE if (folder / name).is_file()}
    return needed


def parse_ldd(output: str) -> Iterator[Path]:
    """The paths in ldd's output, without missing libraries, the kernel's own one and the headings of files.

    A loader that is not the system's has its own path on the left, and on the right that of the system's loader.
    """
    for line in output.splitlines():
        found = re.match(r"\s+(?:(.+?) => )?(/.+?) \(0x[0-9a-f]+\)$", line)
        if found:
            yield Path(found[1] if found[1] and found[1].startswith("/") else found[2])


def late_links(needed: Iterable[Path], prefix: Path, files: dict[str, Path]) -> dict[str, str]:
    """Links next to the C library for libraries that this host finds by its ld.so.cache, which is not packed."""
    home = next((path.parent for path in needed if path.name.startswith("libc.")), None)
    if home is None:
        return {}
    usual = {home, *(PurePosixPath(folder) for folder in ("/lib", "/lib64", "/usr/lib", "/usr/lib64"))}
    links = {
        str(home / path.name): str(path) for path in needed if path.parent not in usual and prefix not in path.parents
    }
    return {name: target for name, target in links.items() if name not in files}


def write_tar(contents: Contents, stream: IO[bytes]) -> str:
    """Write the tar; SHA-256 of it, as ``sha256:…``."""
    hashing = _Hashing(stream)
    with tarfile.open(fileobj=hashing, mode="w|", format=tarfile.GNU_FORMAT, bufsize=1 << 20) as tar:
        for entry, source in _entries(contents):
            if isinstance(source, Path):
                with source.open("rb") as file:
                    tar.addfile(entry, file)
            else:
                tar.addfile(entry, io.BytesIO(source))
    return "sha256:" + hashing.digest.hexdigest()


class _Hashing(io.RawIOBase):
    """Passes on what is written, and hashes it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # tarfile writes bytes only
        self.digest.update(data)
        return self._stream.write(data)


def _entries(contents: Contents) -> Iterator[tuple[tarfile.TarInfo, Path | bytes]]:
    """Every member in the order of names, parents first, with what it holds."""
    names = {*contents.files, *contents.links, *LITERALS, *EMPTY_FOLDERS}
    folders = {str(parent): 0o755 for name in names for parent in PurePosixPath(name).parents if str(parent) != "/"}
    folders |= EMPTY_FOLDERS
    for name in sorted({*names, *folders}):
        entry = tarfile.TarInfo(name.lstrip("/"))
        source: Path | bytes = b""
        if name in folders:
            entry.type, entry.mode = tarfile.DIRTYPE, folders[name]
        elif name in contents.links:
            entry.type, entry.linkname = tarfile.SYMTYPE, contents.links[name]
        else:
            source = LITERALS.get(name) or contents.files[name]
            entry.size, entry.mode = _size_and_mode(source)
        yield entry, source


def _size_and_mode(source: Path | bytes) -> tuple[int, int]:
    """Size and mode, readable by everybody: the image's user is nobody."""
    if isinstance(source, bytes):
        return len(source), 0o644
    found = source.stat()
    return found.st_size, 0o755 if found.st_mode & stat.S_IXUSR else 0o644


def _output(command: list[str], *, what: str, check: bool = True) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=check,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise EngineError(f"{what} does not answer ({error}): this host's interpreters cannot be packed") from None
    return done.stdout
