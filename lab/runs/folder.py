"""The run folder: append-only raw JSON lines, the manifest and a lock. All other files are derived from these."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Self

import filelock
import msgspec

from lab.errors import BadFiles, UsageError
from lab.model import Manifest, RawRecord
from lab.runs import raw
from lab.runs.raw import End, FileHeader, RawFile, Start, StreamLine, read_raw
from lab.text import plural, replace_text

LONGEST_NAME = 64  # characters: the limit for names of files in a run folder
MANIFEST = "manifest.json"
RAW = "raw"
LOCK = ".lock"
RANDOM_BYTES = 4  # of a run id
DEFAULT_RUNS = Path("reports") / "runs"


def new_run_id(now: dt.datetime, *words: object) -> str:
    """A label for a run: ``20261128-050136-quick-0-3fa9c1b2``. Its random part distinguishes runs of one second."""
    return "-".join([f"{now:%Y%m%d-%H%M%S}", *map(str, words), secrets.token_hex(RANDOM_BYTES)])


class RunFolder:
    """The folder of one run. As a context manager it holds the operating system's lock while files are written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = filelock.FileLock(path / LOCK)
        self._manifest: Manifest | None = None
        self._open: dict[tuple[str, int], IO[bytes]] = {}
        self._attempts: dict[tuple[str, int, str], int] = {}
        self._ended: dict[tuple[str, int, str], int] = {}  # how many attempts have ended

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """Make a new run folder; an empty folder may exist.

        Raises:
            UsageError: the folder holds a run or other files, or cannot be written.
        """
        if (path / MANIFEST).exists():
            raise UsageError(f"{path} holds a run already; continue it with --resume {path}, or choose another --out")
        if path.exists() and (not path.is_dir() or any(child.name != LOCK for child in path.iterdir())):
            raise UsageError(f"{path} is not an empty folder; choose another --out")
        try:
            (path / RAW).mkdir(parents=True, exist_ok=True)
            _try_longest_name(path / RAW)
        except OSError as error:
            raise UsageError(f"{path} cannot be written ({error.strerror}); choose another folder with --out") from None
        return cls(path)

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of an existing run.

        Raises:
            BadFiles: the path is not a run folder.
        """
        if path.is_file():
            raise BadFiles(
                f"{path} is a file, not a run folder; unpack an archive with: python -m lab report {path} --out FOLDER"
            )
        if not (path / MANIFEST).is_file():
            raise BadFiles(f"{path} is not a run folder: it has no {MANIFEST}; name a folder below reports/runs")
        return cls(path)

    def __enter__(self) -> Self:
        try:
            self._lock.acquire(timeout=0)
        except filelock.Timeout:
            raise UsageError(f"another lab is writing to {self.path}; wait for it to end") from None
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._open.values():
            file.close()
        self._open.clear()
        self._lock.release()

    def write_manifest(self, manifest: Manifest) -> None:
        """Replace the manifest atomically."""
        replace_text(self.path / MANIFEST, manifest.encode())
        self._manifest = manifest

    def manifest(self) -> Manifest:
        """The manifest, read from the file once.

        Raises:
            BadFiles: the file is not a manifest of the lab, has another version, or is damaged.
        """
        if self._manifest is None:
            self._manifest = read_manifest(self.path / MANIFEST)
        return self._manifest

    def append(self, target: str, round_number: int, text: bytes, line: StreamLine, block: int | None = None) -> None:
        """Append a sealed line of the agent, with the attempt if it belongs to a cell, and flush the file.

        Args:
            target: the raw file's target.
            round_number: the raw file's round.
            text: the line.
            line: the same line as ``raw.decode_stream_line`` returned it.
            block: the block of the round, which the start of a cell records.
        """
        file = self._file(target, round_number)
        cell = getattr(line, "cell", None)
        if cell is not None:
            attempt = self._attempt(target, round_number, cell, line)
            text = raw.with_attempt(text, line, attempt, self._ended.get((target, round_number, cell), 0), block)
        if isinstance(line, End):
            self._count_end(target, round_number, line)
        file.write(text.rstrip(b"\r\n") + b"\n")
        file.flush()

    def append_host_line(self, target: str, round_number: int, line: Start | End) -> None:
        """Append a line that the host writes in place of the agent, with its attempt, and flush the file."""
        file = self._file(target, round_number)
        line = msgspec.structs.replace(line, attempt=self._attempt(target, round_number, line.cell, line))
        if isinstance(line, Start):
            line = msgspec.structs.replace(line, process=self._ended.get((target, round_number, line.cell), 0))
        else:
            self._count_end(target, round_number, line)
        file.write(raw.encode(line) + b"\n")
        file.flush()

    def _count_end(self, target: str, round_number: int, line: End) -> None:
        key = (target, round_number, line.cell)
        self._ended[key] = self._ended.get(key, 0) + 1

    def _attempt(self, target: str, round_number: int, cell: str, line: StreamLine) -> int:
        """The number of the attempt that a cell's line belongs to; a ``Start`` begins the next one."""
        key = (target, round_number, cell)
        if isinstance(line, Start):
            self._attempts[key] = self._attempts.get(key, -1) + 1
        return self._attempts.get(key, 0)

    def discard_unmeasured(self) -> None:
        """Remove manifest and raw folder if no raw file was written: nothing of the run would be left to resume."""
        if not any((self.path / RAW).iterdir()):
            (self.path / MANIFEST).unlink(missing_ok=True)
            (self.path / RAW).rmdir()

    def raw(self) -> Iterator[RawFile]:
        """Read all raw files in the order of their names, with the targets' labels of a merged run.

        Raises:
            BadFiles: a file is damaged, or is missing or shorter than when its round had ended, or was changed since.
        """
        recorded = self._recorded()
        for path, label in self.raw_paths():
            yield read_raw(path, recorded.get(path.name)).labelled(label)

    def raw_paths(self) -> list[tuple[Path, str | None]]:
        """The paths of all raw files in the order of their names, each with its target's label in a merged run.

        Raises:
            BadFiles: the folder has no raw files.
        """
        if not (self.path / RAW).is_dir():
            raise BadFiles(
                f"{self.path} has no folder {RAW}, from which all other files are derived; restore it or remove the run"
            )
        labels = (self.manifest().raw_targets or {}) if (self.path / MANIFEST).exists() else {}
        found = [(path, labels.get(path.name)) for path in sorted((self.path / RAW).glob("*.jsonl"))]
        for name, record in self._recorded().items():
            if not (self.path / RAW / name).exists():
                raise BadFiles(
                    f"{self.path / RAW / name} is missing, of which {MANIFEST} records {plural(record.lines, 'line')}; "
                    "restore the file or remove the run"
                )
        return found

    def _recorded(self) -> Mapping[str, RawRecord]:
        return (self.manifest().raw_files or {}) if (self.path / MANIFEST).exists() else {}

    def records(self, round_number: int | None = None) -> dict[str, RawRecord]:
        """What the raw files of a round (None: of all rounds) hold, by name, for the manifest."""
        pattern = "*.jsonl" if round_number is None else f"*{_round_suffix(round_number)}"
        return {path.name: raw.record_of(path.read_bytes()) for path in sorted((self.path / RAW).glob(pattern))}

    def _file(self, target: str, round_number: int) -> IO[bytes]:
        key = (target, round_number)
        if key not in self._open:
            path = self.path / RAW / f"{target}{_round_suffix(round_number)}"
            if path.exists():
                self._reopen(path, key)
            self._open[key] = path.open("ab")
            if path.stat().st_size == 0:
                self._open[key].write(raw.encode(FileHeader(target=target, round=round_number)) + b"\n")
        return self._open[key]

    def _reopen(self, path: Path, key: tuple[str, int]) -> None:
        """Count the attempts in an existing file, and move a torn last line into a file of its own."""
        for cell, tries in read_raw(path).attempts.items():
            self._attempts[(*key, cell)] = len(tries) - 1
            self._ended[(*key, cell)] = sum(attempt.end is not None for attempt in tries)
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            whole = content.rfind(b"\n") + 1
            path.with_suffix(".torn").write_bytes(content[whole:])
            os.truncate(path, whole)


def _round_suffix(number: int) -> str:
    return f".r{number:04d}.jsonl"


def read_manifest(path: Path) -> Manifest:
    """Read a manifest from a file of any name.

    Raises:
        BadFiles: the file cannot be read, is not a manifest of the lab, has another version, or is damaged.
    """
    try:
        found = Manifest.decode(path.read_bytes(), path)
    except OSError as error:
        raise BadFiles(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from None
    described = {target.id for target in found.targets}
    for cell in found.cells:
        if cell.target not in described:
            raise BadFiles(
                f"{path} plans the cell {cell.id} on a target that it does not describe; "
                "restore the file or remove the run"
            )
    return found


def _try_longest_name(folder: Path) -> None:
    """Check before the run that its longest path is not too long for the system.

    Windows allows 259 characters, and more only where long paths are enabled (`lab doctor` checks that).

    Raises:
        OSError: a file with a name of that length cannot be made.
    """
    probe = folder / ("n" * LONGEST_NAME)
    probe.touch()
    probe.unlink()
