"""Pack a run into one file to send it: a zip archive whose bytes depend on the run's files alone.

An archive holds the files of a run folder: the manifest, the raw files, the CSVs, figures and pages. An archive may
come from anyone, so it is checked before anything is written: it must have only the names of such files, in one folder,
without links, and at most ``LARGEST_BYTES``.
"""

from __future__ import annotations

import contextlib
import lzma
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lab.errors import BadFiles, UsageError, is_unreadable
from lab.runs.folder import MANIFEST, RAW, RunFolder

SUFFIX = ".zip"
FOLDERS = (RAW, "figures")
ENDINGS = frozenset({".json", ".jsonl", ".torn", ".csv", ".md", ".html", ".svg", ".png"})
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip archive can hold
MODE = (stat.S_IFREG | 0o644) << 16
LARGEST_BYTES = 8 * 2**30
MOST_FILES = 100_000
LONGEST_PART = 255  # characters of a file's name, the limit of most file systems
DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
DEPTH = (2, 3)  # parts of a name: run/file, run/folder/file


def pack(run: Path, out: Path) -> Path:
    """Write the files of a run folder into the archive ``out`` atomically, and return its path.

    Raises:
        BadFiles: the folder is not a run, or a file in it cannot be read.
        UsageError: the archive cannot be written.
    """
    name = RunFolder.existing(run).manifest().run_id
    partial = out.with_name(out.name + ".partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for path in packed_files(run):
                entry = zipfile.ZipInfo(f"{name}/{path.relative_to(run).as_posix()}", EPOCH)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.create_system = 3  # Unix, on every system: the bytes must not depend on it
                entry.external_attr = MODE
                with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)
        partial.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):  # its folder may not exist
            partial.unlink()
        if is_unreadable(error):
            raise BadFiles(
                f"{error.filename} cannot be read ({error.strerror}); change its permissions and retry"
            ) from None
        raise UsageError(f"{out} cannot be written ({error.strerror}); choose another file with --out") from None
    return out


def packed_files(run: Path) -> list[Path]:
    """The files of a run folder that go into its archive, sorted by name."""
    found = [
        *run.iterdir(),
        *(path for folder in FOLDERS if (run / folder).is_dir() for path in (run / folder).iterdir()),
    ]
    wanted = [path for path in found if path.is_file() and not path.is_symlink() and path.suffix in ENDINGS]
    return sorted(wanted, key=lambda path: path.relative_to(run).as_posix())


def unpack(archive: Path, into: Path) -> Path:
    """Unpack the run in an archive below ``into``, and return its folder.

    Raises:
        BadFiles: the file is not an archive of a run, is damaged, or holds other files than a run.
    """
    with _reading(archive) as file:
        entries = file.infolist()
        top = _checked(archive, entries)
        for entry in entries:
            target = into.joinpath(*PurePosixPath(entry.filename).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with file.open(entry) as source, target.open("wb") as out:
                shutil.copyfileobj(source, out)
    return into / top


def check(archive: Path) -> None:
    """Check the names and sizes in an archive without unpacking it.

    Raises:
        BadFiles: the file is not an archive of a run, or holds other files than a run.
    """
    with _reading(archive) as file:
        _checked(archive, file.infolist())


@contextlib.contextmanager
def _reading(archive: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive; errors of reading it are raised as ``BadFiles``."""
    try:
        with zipfile.ZipFile(archive) as file:
            yield file
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise BadFiles(f"{archive} is not an archive of a run ({error}); export it again") from None
    except OSError as error:
        raise BadFiles(
            f"{archive} cannot be unpacked ({error.strerror or error}); check the file's permissions and the free space"
        ) from None


def _checked(archive: Path, entries: list[zipfile.ZipInfo]) -> str:
    """The name of the folder that holds all entries, after a check of every name and size.

    Raises:
        BadFiles: an entry is not a file of a run, the archive is too large, or does not hold exactly one run.
    """
    for entry in entries:
        if not _is_run_entry(entry):
            raise BadFiles(
                f"{archive} holds {entry.filename!r}, which is not a file of a run, so nothing was unpacked; "
                "make it again with: python -m lab export RUN"
            )
    if len(entries) > MOST_FILES:
        raise BadFiles(
            f"{archive} holds more than {MOST_FILES} files, so nothing was unpacked; "
            "name an archive made by: python -m lab export RUN"
        )
    if sum(entry.file_size for entry in entries) > LARGEST_BYTES:
        raise BadFiles(
            f"{archive} would take more than {LARGEST_BYTES >> 30} GiB, so nothing was unpacked; "
            "name an archive made by: python -m lab export RUN"
        )
    names = [entry.filename for entry in entries]
    tops = {PurePosixPath(name).parts[0] for name in names}
    if (
        len(tops) != 1
        or len({name.casefold() for name in names}) != len(names)
        or f"{next(iter(tops))}/{MANIFEST}" not in names
    ):
        raise BadFiles(f"{archive} does not hold one run with its {MANIFEST}; make it with: python -m lab export RUN")
    return next(iter(tops))


def _is_run_entry(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return (
        path.as_posix() == entry.filename
        and not path.is_absolute()
        and not any(mark in entry.filename for mark in ("..", "\\", ":", "\0"))
        and len(path.parts) in DEPTH
        and (len(path.parts) == DEPTH[0] or path.parts[1] in FOLDERS)
        and path.suffix in ENDINGS
        and not any(_is_special(part) for part in path.parts)
        and kind in (0, stat.S_IFREG)
    )


def _is_special(part: str) -> bool:
    """Whether a system takes the name for another than what it says: a device or a shortened name, as on Windows."""
    return (
        part.partition(".")[0].rstrip(" ").casefold() in DEVICES
        or part[-1] in ". "
        or len(part) > LONGEST_PART
        or not part.isprintable()
    )


@contextlib.contextmanager
def opened(run: Path) -> Iterator[Path]:
    """The folder of a run; an archive is unpacked into a temporary folder while the context lasts."""
    if not run.is_file():
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="lab-run-", ignore_cleanup_errors=True) as folder:
        yield unpack(run, Path(folder))
