"""The run folder: append-only raw JSON lines, the manifest, the lock. All else in it can be rebuilt from these."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Self

import filelock

from lab.agent.protocol import ProtocolError, decode_line, encode_line, sealed_as_written
from lab.errors import BadFiles, UsageError
from lab.model import TABLES_VERSION
from lab.text import replace_text

LONGEST_NAME = 64  # characters; no file in a run folder has a longer name
MANIFEST = "manifest.json"
RAW = "raw"
LOCK = ".lock"
ENTRIES = {"targets": {"id"}, "cells": {"target", "scenario", "case"}}  # what each entry of a list has
DEFAULT_RUNS = Path("reports") / "runs"


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """What stands in one raw file: one target in one round. ``torn``: a last line that was cut off, set aside."""

    target: str
    round: int
    lines: list[dict[str, Any]]
    torn: bool


@dataclass
class Attempt:
    """One attempt at a cell: its lines up to its end record, or None where it was never finished."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    end: dict[str, Any] | None = None


Tries = dict[str, list[Attempt]]  # cell -> its attempts


class RunFolder:
    """One run's folder, locked by the operating system while it is written to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = filelock.FileLock(path / LOCK)
        self._open: dict[tuple[str, int], IO[str]] = {}
        self._attempts: dict[tuple[str, int, str], int] = {}

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """A new folder, or an empty one that is there.

        Raises:
            UsageError: it holds a run already, or cannot be written.
        """
        if (path / MANIFEST).exists():
            raise UsageError(f"{path} holds a run already; go on with it by --resume {path}, or choose another --out")
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
        """The folder of a run that is there.

        Raises:
            BadFiles: it is none.
        """
        if not (path / MANIFEST).is_file():
            raise BadFiles(f"{path} is no run folder: it has no {MANIFEST}; name a folder below reports/runs")
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

    def write_manifest(self, manifest: dict[str, Any]) -> None:
        """Replace the manifest; it is there whole or as it was."""
        replace_text(self.path / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True) + "\n")

    def manifest(self, *needed: str) -> dict[str, Any]:
        """The manifest, which has the keys that are ``needed``.

        Raises:
            BadFiles: it is none of this lab's, or of a later version of it, or it is damaged.
        """
        path = self.path / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadFiles(f"{path} cannot be read ({error}); the folder is no run of the lab") from None
        if not isinstance(found, dict) or "run_id" not in found:
            raise BadFiles(f"{path} is no manifest of the lab; name a folder below reports/runs")
        if found.get("schema_version") != TABLES_VERSION:
            raise BadFiles(
                f"{path} has schema version {found.get('schema_version')!r}, this lab reads {TABLES_VERSION}; "
                "use the version of the lab that wrote it"
            )
        wrong = [key for key in needed if key not in found] + [
            key for key in ENTRIES if not _are_entries(found.get(key) or [], ENTRIES[key])
        ]
        if wrong:
            raise BadFiles(
                f"{path} is damaged, its {wrong[0]!r} is missing or wrong; restore the file or remove the run"
            )
        return found

    def append(self, target: str, round_number: int, record: dict[str, Any]) -> None:
        """Append one of the agent's records, sealed and with its attempt, and flush it.

        A ``start`` record opens the next attempt at its cell.
        """
        file = self._file(target, round_number)
        cell = record.get("cell")
        if cell is not None:
            key = (target, round_number, cell)
            if record["kind"] == "start":
                self._attempts[key] = self._attempts.get(key, -1) + 1
            record = {**record, "attempt": self._attempts.get(key, 0)}
        file.write(encode_line(record))
        file.flush()

    def discard_unmeasured(self) -> None:
        """Remove the folder's contents where nothing was measured: a run that never began is no run."""
        if not any((self.path / RAW).iterdir()):
            (self.path / MANIFEST).unlink(missing_ok=True)
            (self.path / RAW).rmdir()

    def raw(self) -> Iterator[RawFile]:
        """All raw files in the order of their names; in a merged run under the targets' labels there."""
        for path, label in self.raw_paths():
            yield labelled(read_raw(path), label)

    def raw_paths(self) -> list[tuple[Path, str | None]]:
        """Path of each raw file, in the order of their names, and its target's label in a merged run."""
        if not (self.path / RAW).is_dir():
            raise BadFiles(
                f"{self.path} has no folder {RAW}, from which all else is made; restore it or remove the run"
            )
        labels = self.manifest().get("raw_targets", {}) if (self.path / MANIFEST).exists() else {}
        return [(path, labels.get(path.name)) for path in sorted((self.path / RAW).glob("*.jsonl"))]

    def _file(self, target: str, round_number: int) -> IO[str]:
        key = (target, round_number)
        if key not in self._open:
            path = self.path / RAW / f"{target}.r{round_number:04d}.jsonl"
            if path.exists():
                self._take_up(path, key)
            self._open[key] = path.open("a", encoding="utf-8", newline="\n")
            if path.stat().st_size == 0:
                header = {"kind": "file", "target": target, "round": round_number, "schema_version": TABLES_VERSION}
                self._open[key].write(encode_line(header))
        return self._open[key]

    def _take_up(self, path: Path, key: tuple[str, int]) -> None:
        """Count the attempts that stand in a file, and end its torn last line so that it stays apart."""
        for line in read_raw(path).lines:
            if line["kind"] == "start":
                self._attempts[(*key, line["cell"])] = line["attempt"]
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            whole = content.rfind(b"\n") + 1
            path.with_suffix(".torn").write_bytes(content[whole:])
            os.truncate(path, whole)


def _are_entries(found: object, keys: set[str]) -> bool:
    return isinstance(found, list) and all(isinstance(entry, dict) and keys <= entry.keys() for entry in found)


def read_raw(path: Path) -> RawFile:
    """One raw file.

    Raises:
        BadFiles: a line other than a torn last one is damaged, or the file is not one of the lab's.
    """
    torn = path.with_suffix(".torn").exists() or path.stat().st_size == 0  # killed before its first line was written
    texts = path.read_text(encoding="utf-8", errors="replace").split("\n")
    lines = decoded_together([text for text in texts if text])
    if lines is None:
        lines, cut = _decoded_one_by_one(path, texts)
        torn = torn or cut
    if not lines or lines[0].get("kind") != "file" or "target" not in lines[0]:
        if torn and not lines:
            return RawFile(target="", round=0, lines=[], torn=True)
        raise BadFiles(f"{path} is no raw file of the lab; restore it or remove the run")
    return RawFile(target=lines[0]["target"], round=lines[0]["round"], lines=lines[1:], torn=torn)


def labelled(raw: RawFile, label: str | None) -> RawFile:
    """The raw file under its target's label in a merged run, if it has one."""
    return raw if label is None else replace(raw, target=label)


def decoded_together(texts: list[str]) -> list[dict[str, Any]] | None:
    """The records of sealed lines, parsed as one array; None where any is not as the agent writes it.

    A parser that is called once is faster, and keeps each key once. Lines that are no JSON by themselves but are joined
    have another number of records, or records whose seals are not those of their lines.
    """
    try:
        records = json.loads(f"[{','.join(texts)}]")
    except ValueError:
        return None
    if len(records) != len(texts):
        return None
    for record, text in zip(records, texts, strict=True):
        if not isinstance(record, dict) or not sealed_as_written(text, record.pop("crc32", None)):
            return None
    return records if isinstance(records, list) else None


def _decoded_one_by_one(path: Path, texts: list[str]) -> tuple[list[dict[str, Any]], bool]:
    """The records, and whether the last line was cut off."""
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(texts, 1):
        if not text:
            continue
        try:
            lines.append(decode_line(text))
        except ProtocolError as error:
            if number == len(texts):  # no newline after it: the run was killed while it was written
                return lines, True
            raise BadFiles(f"{path}, line {number}: {error}; restore the file or remove the run") from None
    return lines, False


def attempts(raw: RawFile) -> Tries:
    """Cell -> its attempts in their order."""
    found: Tries = {}
    for line in raw.lines:
        cell = line.get("cell")
        if cell is None:
            continue
        if line["kind"] == "start":
            found.setdefault(cell, []).append(Attempt())
        elif line["kind"] == "end":
            found[cell][-1].end = line
        else:
            found[cell][-1].lines.append(line)
    return found


def last_finished(tries: list[Attempt]) -> Attempt | None:
    """The attempt that counts: the last of those that came to their end."""
    return next((attempt for attempt in reversed(tries) if attempt.end), None)


def _try_longest_name(folder: Path) -> None:
    """Fail now rather than in the middle of a run where a path is too long for the system.

    Windows takes 259 characters, and more only where the user has switched long paths on (`lab doctor` tells).

    Raises:
        OSError: a file of such a name cannot be made.
    """
    probe = folder / ("n" * LONGEST_NAME)
    probe.touch()
    probe.unlink()
