"""Import streams as a run folder: each stream becomes one round of its target."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lab.errors import BadFiles
from lab.running.imports.describe import check_compatible, imported_manifest, stream_target
from lab.running.imports.stream import Stream, parse_stream
from lab.runs.folder import DEFAULT_RUNS, RAW, RunFolder
from lab.text import plural

if TYPE_CHECKING:
    from lab.report.building import Report

STANDARD_INPUT = "-"


def import_files(
    names: Sequence[str], *, out: Path | None, label: str, say: Callable[[str], None]
) -> tuple[Path, Report]:
    """Read all files, write a run folder and derive its files; returns the folder and its report.

    Args:
        names: the files; ``-`` is standard input.
        out: the run folder; None: a new folder below ``DEFAULT_RUNS``.
        label: the name of the machine that measured.
        say: shows one line to the user.

    Raises:
        BadFiles: a file cannot be read or is not a stream of the agent, or the streams do not belong to one run.
        UsageError: the folder holds a run already.
    """
    streams = [parse_stream(name, _content(name)) for name in names]
    check_compatible(streams)
    notes = [note for stream in streams for note in _notes(stream)]
    for note in notes:
        say(note)
    command = f"python -m lab import {' '.join(Path(name).name for name in names)}"
    manifest = imported_manifest(streams, label, command, notes)
    path = out or DEFAULT_RUNS / manifest.run_id
    with RunFolder.create(path) as folder:
        folder.write_manifest(manifest)
        _write(folder, streams)
    return path, _derived(folder)


def _derived(folder: RunFolder) -> Report:
    from lab.pipeline import derive_all
    from lab.tables.read import read_tables

    with folder:
        read = read_tables(folder)
        manifest = replace(folder.manifest(), rounds_done=read.rounds, unfinished_attempts=read.unfinished)
        folder.write_manifest(replace(manifest, raw_files=folder.records()))
        return derive_all(folder, read)


def _write(folder: RunFolder, streams: Sequence[Stream]) -> None:
    """Append every line under its target and round; a torn line goes into a file of its own, as in other runs."""
    rounds: dict[str, int] = {}
    for stream in streams:
        target = stream_target(stream).id
        number = rounds[target] = rounds.get(target, -1) + 1
        for text, line in stream.lines:
            folder.append(target, number, text, line)
        if stream.torn:
            (folder.path / RAW / f"{target}.r{number:04d}.torn").write_bytes(stream.torn)


def _notes(stream: Stream) -> list[str]:
    found = []
    if stream.torn:
        found.append(f"{stream.name}: its last line is cut off ({plural(len(stream.torn), 'byte')}); it was set aside")
    if not stream.whole:
        found.append(f"{stream.name}: the container ended before its last cell; its finished cells are kept")
    return found


def _content(name: str) -> bytes:
    if name == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        content = Path(name).read_bytes()
    except OSError as error:
        raise BadFiles(f"{name} cannot be read ({error.strerror}); name the file that holds the stream") from None
    if not content.strip():
        raise BadFiles(f"{name} is empty: the container wrote nothing; run it again and read its standard error")
    return content
