"""A run as one file, to be sent to someone: a zip archive whose bytes depend on the run's files alone.

It holds what a run folder holds: the manifest, the raw files, the CSVs, figures and pages. Reading one trusts nothing:
only such names, all in one folder, no links, no more than ``LARGEST_BYTES``; all else is refused before anything is
written.
"""

from __future__ import annotations

import contextlib
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
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip archive can say
MODE = (stat.S_IFREG | 0o644) << 16
LARGEST_BYTES = 8 * 2**30
DEPTH = (2, 3)  # run/file, run/folder/file


def pack(run: Path, out: Path) -> Path:
    """Write the run's files into the archive ``out``; it appears whole or not at all.

    Raises:
        BadFiles: the folder is no run.
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
                entry.create_system = 3  # Unix, wherever it is written
                entry.external_attr = MODE
                with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as target:
                    shutil.copyfileobj(source, target)
        partial.replace(out)
    except OSError as error:
        with contextlib.suppress(OSError):  # where its folder is none, there is nothing to remove
            partial.unlink()
        if is_unreadable(error):
            raise BadFiles(
                f"{error.filename} cannot be read ({error.strerror}); have its permissions changed"
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
    """The run in an archive, unpacked below ``into``: the folder.

    Raises:
        BadFiles: it is no archive of a run, is damaged, or holds what no run holds.
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
    """Look at the names and sizes in an archive, and unpack nothing.

    Raises:
        BadFiles: it is no archive of a run, or holds what no run holds.
    """
    with _reading(archive) as file:
        _checked(archive, file.infolist())


@contextlib.contextmanager
def _reading(archive: Path) -> Iterator[zipfile.ZipFile]:
    """The open archive; what is wrong with it ends as ``BadFiles``."""
    try:
        with zipfile.ZipFile(archive) as file:
            yield file
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadFiles(f"{archive} is no archive of a run ({error}); export it again") from None
    except OSError as error:
        raise BadFiles(f"{archive} cannot be unpacked ({error.strerror or error})") from None


def _checked(archive: Path, entries: list[zipfile.ZipInfo]) -> str:
    """The one folder that all entries stand in, after a look at every name and size."""
    for entry in entries:
        if not _is_of_a_run(entry):
            raise BadFiles(f"{archive} holds {entry.filename!r}, which no run has; nothing was unpacked")
    if sum(entry.file_size for entry in entries) > LARGEST_BYTES:
        raise BadFiles(f"{archive} would take more than {LARGEST_BYTES >> 30} GiB; nothing was unpacked")
    names = [entry.filename for entry in entries]
    tops = {PurePosixPath(name).parts[0] for name in names}
    if len(tops) != 1 or len(set(names)) != len(names) or f"{next(iter(tops))}/{MANIFEST}" not in names:
        raise BadFiles(f"{archive} does not hold one run with its {MANIFEST}; make it with: python -m lab export RUN")
    return next(iter(tops))


def _is_of_a_run(entry: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return (
        path.as_posix() == entry.filename
        and not path.is_absolute()
        and not any(mark in entry.filename for mark in ("..", "\\", ":", "\0"))
        and len(path.parts) in DEPTH
        and (len(path.parts) == DEPTH[0] or path.parts[1] in FOLDERS)
        and path.suffix in ENDINGS
        and kind in (0, stat.S_IFREG)
    )


@contextlib.contextmanager
def opened(run: Path) -> Iterator[Path]:
    """A run's folder: ``run`` itself, or an archive unpacked for as long as the context lasts."""
    if not run.is_file():
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="lab-run-", ignore_cleanup_errors=True) as folder:
        yield unpack(run, Path(folder))
