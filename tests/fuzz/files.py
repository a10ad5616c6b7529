"""Every kind of file that the lab reads: a real one, how it is changed and read, and what must hold."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from unittest import mock

from hypothesis import strategies as st

from lab.comparisons import noise
from lab.errors import ExitCode
from lab.model import Manifest
from lab.planning.profiles import parse_profiles
from lab.running.imports.describe import check_compatible, imported_manifest
from lab.running.imports.stream import parse_stream
from lab.runs import raw
from lab.runs.archive import unpack
from lab.runs.folder import MANIFEST, RAW, RunFolder
from lab.runs.merge import merge
from lab.runs.raw import read_raw
from lab.stats.laws import choose
from lab.stats.laws.measurements import read_rounds
from lab.tables import csv_files, schema
from lab.tables.read import read_tables
from lab.targets.engine.endpoints import endpoints
from lab.targets.images.catalogue import docker_file, parse_references
from lab.text import replace_text
from lab.tune import journal
from tests.fuzz.mutations import Draw, damaged, forged_fields, forged_json, forged_lines

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
RUN = DATA / "raw-smoke"
RAW_NAME = "py39-linux-c1.r0000.jsonl"
LINES = 40  # of a raw file: enough for lines of every kind

Change = Callable[[Draw, bytes], bytes]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file.

    Attributes:
        name: of the file, which every message must contain.
        content: makes a real one.
        read: reads the file at a path; raises an error of the lab where the file is refused, and ``AssertionError``
            where it was read and gave something wrong.
        changes: how it is changed; ``damaged`` is one of them.
        shown: a pattern of what messages call the file, where that is not ``name``.
        code: the exit code of a refusal.
    """

    name: str
    content: Callable[[], bytes]
    read: Callable[[Path], None]
    changes: tuple[Change, ...] = (damaged,)
    shown: str = ""
    code: ExitCode = ExitCode.BAD_FILES


# --- manifests and raw files ---


@cache
def small_manifest() -> bytes:
    """The manifest of a smoke run with the first cells of each target."""
    found = json.loads((RUN / MANIFEST).read_bytes())
    return json.dumps(found | {"cells": found["cells"][:6]}, indent=1).encode()


def read_manifest(path: Path) -> None:
    """Read it, write it and read that again: nothing may change on the way."""
    found = RunFolder(path.parent).manifest()
    assert Manifest.decode(found.encode(), "again") == found
    for target in found.targets:
        found.host_of(target.id)
        assert target.target.id == target.id
    replace_text(path, found.encode())


@cache
def raw_lines() -> bytes:
    """The first lines of a real raw file."""
    return b"".join((RUN / RAW / RAW_NAME).read_bytes().splitlines(keepends=True)[:LINES])


@cache
def true_samples() -> frozenset[str]:
    """The samples of ``raw_lines``, without their seals, which change where a line is written again."""
    lines = [raw.RAW_DECODER.decode(line) for line in raw_lines().splitlines()]
    return frozenset(repr(line) for line in lines if isinstance(line, raw.Sample))


def read_damaged_raw(path: Path) -> None:
    """Damage of a sealed line never changes a sample that is read."""
    found = read_raw(path)
    samples = {repr(sample) for tries in found.attempts.values() for each in tries for sample in each.samples}
    assert samples <= true_samples()


def read_recorded_raw(path: Path) -> None:
    """Of a file whose round had ended, nothing is read unless all of it is there."""
    read_raw(path, raw.record_of(raw_lines()))
    assert path.read_bytes().startswith(raw_lines())


def run_folder(path: Path) -> RunFolder:
    """The folder of a run whose raw file is the one at ``path``."""
    (path.parent / RAW).mkdir()
    (path.parent / MANIFEST).write_bytes(small_manifest())
    path.rename(path.parent / RAW / path.name)
    return RunFolder.existing(path.parent)


def read_forged_raw(path: Path) -> None:
    """A foreign run whose lines have true seals: it is refused, or its tables can be written and read."""
    folder = run_folder(path)
    tables = read_tables(folder)
    tables.samples.frame()
    tables.samples.write(path.parent / "samples.csv")
    csv_files.write(tables.conditions, path.parent / "conditions.csv", schema.CONDITIONS)
    csv_files.write(tables.canaries, path.parent / "canary.csv", schema.CANARIES)
    csv_files.read(path.parent / "samples.csv", schema.SAMPLES)


def read_merged(path: Path) -> None:
    """A foreign run that is merged with a whole one."""
    other = path.parent / "other"
    (other / RAW).mkdir(parents=True)
    (other / MANIFEST).write_bytes(small_manifest().replace(b'"run_id": "', b'"run_id": "other-'))
    (other / RAW / RAW_NAME).write_bytes(raw_lines())
    one = path.parent / "one"
    (one / RAW).mkdir(parents=True)
    (one / RAW / RAW_NAME).write_bytes(raw_lines())
    path.rename(one / MANIFEST)
    out = path.parent / "out" / "merged"
    merge([one, other], out)
    assert {entry.name for entry in path.parent.iterdir()} <= {"one", "other", "out"}
    read_tables(RunFolder.existing(out))


# --- tables and other texts ---


def table(name: str, columns: tuple[schema.Column, ...]) -> Kind:
    """A CSV of a run."""

    def content() -> bytes:
        return b"\n".join((RUN / name).read_bytes().split(b"\n")[:12]) + b"\n"

    def read(path: Path) -> None:
        frame = csv_files.read(path, columns)
        csv_files.write(frame, path.with_name("again.csv"), columns)

    return Kind(name=name, content=content, read=read, changes=(damaged, forged_fields))


def throughput() -> bytes:
    """Three rounds of a pool that scales."""
    rows = [f"{workers},{900 * workers / (1 + 0.1 * workers) + step}" for step in range(3) for workers in (1, 2, 4, 8)]
    return "\n".join(["workers,throughput", *rows, ""]).encode()


def read_throughput(path: Path) -> None:
    """Read and fit it."""
    workers, rounds = read_rounds(path)
    law = choose(workers, rounds)
    assert law.reason


def read_stream(path: Path) -> None:
    """Read a stream and make its manifest, which must be readable."""
    stream = parse_stream(path.name, path.read_bytes())
    check_compatible([stream])
    manifest = imported_manifest([stream], "label", "command", [])
    assert Manifest.decode(manifest.encode(), "again").cells == manifest.cells


def read_selfcheck(path: Path) -> None:
    """Read it as a run and as a comparison do."""
    rates = noise.read(path).rates
    if rates:
        assert rates.words


def selfcheck() -> bytes:
    """A real one without the parts that are not read."""
    found = json.loads(next((DATA / "selfcheck").glob("**/*.json")).read_bytes())
    parts = {name: part for name, part in found.get("parts", {}).items() if name == "alarms"}
    return json.dumps(found | {"parts": parts}).encode()


def calls() -> bytes:
    """A journal of `lab tune`."""
    return b'{"kind":"items","count":3,"took_s":0.5}\n{"kind":"readings","count":2,"took_s":1.5}\n'


# --- Docker's configuration ---


def docker_config(folder: Path) -> None:
    """Name every endpoint that the configuration in a folder leads to."""
    with mock.patch.dict(os.environ, {"DOCKER_CONFIG": str(folder), "HOME": str(folder)}):
        for name in ("DOCKER_HOST", "DOCKER_CONTEXT"):
            os.environ.pop(name, None)
        assert list(endpoints("docker"))


def read_config(path: Path) -> None:
    """Docker's config.json."""
    docker_config(path.parent)


CONTEXT = "other"


def read_context(path: Path) -> None:
    """The description of the context that config.json names."""
    folder = path.parent / "contexts" / "meta" / hashlib.sha256(CONTEXT.encode()).hexdigest()
    folder.mkdir(parents=True)
    path.rename(folder / "meta.json")
    (path.parent / "config.json").write_text(json.dumps({"currentContext": CONTEXT}))
    docker_config(path.parent)


# --- archives ---


@cache
def archive() -> bytes:
    """An archive of a small run, its members stored so that damage also reaches them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members().items():
            file.writestr(name, content)
    return buffer.getvalue()


@cache
def members() -> Mapping[str, bytes]:
    """The files of a small run by their names in an archive."""
    return {
        "run/manifest.json": b"{}",
        f"run/raw/{RAW_NAME}": raw_lines()[:1500],
        "run/samples.csv": b"target\r\nx\r\n",
    }


NAMES = [
    "../x.csv", "/lab-fuzz.csv", "run/../../x.csv", "run/raw/../../../x.csv", "C:/x.csv", "C:x.csv", "\\\\host\\x.csv",
    "run\\..\\x.csv", "run/con.csv", "run/NUL.md", "run/x.csv ", "run/x.csv.", "run/raw/", "run/", "", "/", ".", "..",
    "run/Samples.csv", "run/samples.csv", "run/raw", "run/raw/a.jsonl", "run/manifest.json/x.csv", "run/\u202ex.csv",
    "run/x.sh", "run/.ssh/x.md", "run/figures/x.svg", "other/manifest.json", "run/x\x00.csv", "run/aux/x.csv",
    "run/" + "x" * 300 + ".csv", "run/x\n.csv", "~/x.csv", "$HOME/x.csv",
]  # fmt: skip
MODES = [0, stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666, stat.S_IFIFO, stat.S_IFDIR | 0o755,
         stat.S_IFSOCK, stat.S_IFREG | 0o7777]  # fmt: skip


def forged_archive(draw: Draw, content: bytes) -> bytes:
    """The archive with one to three more members of any name and mode, and any declared size."""
    buffer = io.BytesIO(content)
    with mock.patch("warnings.warn"), zipfile.ZipFile(buffer, "a") as file:  # a duplicate name is what is wanted
        for _ in range(draw(st.integers(1, 3))):
            entry = zipfile.ZipInfo("x")
            entry.filename = draw(st.sampled_from(NAMES))
            entry.external_attr = draw(st.sampled_from(MODES)) << 16
            file.writestr(entry, b"x" * draw(st.sampled_from([0, 1, 100])))
            if draw(st.booleans()):
                entry.file_size = draw(st.sampled_from([0, 1, 2**31, 2**32 - 2, 2**40, 2**63]))
    return buffer.getvalue()


def read_archive(path: Path) -> None:
    """Nothing is written beside the folder, and what is unpacked are whole members with plain names."""
    into = path.parent / "into"
    into.mkdir()
    try:
        unpack(path, into)
    finally:
        assert {entry.name for entry in path.parent.iterdir()} == {path.name, "into"}
        assert not Path("/lab-fuzz.csv").exists()
    for entry in into.rglob("*"):
        assert entry.is_dir() or (entry.is_file() and not entry.is_symlink())
        if name := members().get(entry.relative_to(into).as_posix()):
            assert entry.read_bytes() == name


KINDS: Mapping[str, Kind] = {
    "manifest": Kind(
        name=MANIFEST, content=small_manifest, read=read_manifest, changes=(damaged, forged_json, forged_json)
    ),
    "raw file": Kind(name=RAW_NAME, content=raw_lines, read=read_damaged_raw),
    "raw file of an ended round": Kind(
        name=RAW_NAME, content=raw_lines, read=read_recorded_raw, changes=(damaged, forged_lines)
    ),
    "raw file of a foreign run": Kind(
        name=RAW_NAME, content=raw_lines, read=read_forged_raw, changes=(forged_lines, forged_lines, damaged)
    ),
    "manifest of a merged run": Kind(
        name="m",
        shown="one|manifest",
        content=small_manifest,
        read=read_merged,
        changes=(damaged, forged_json, forged_json),
    ),
    "samples.csv": table("samples.csv", schema.SAMPLES),
    "summary.csv": table("summary.csv", schema.SUMMARY),
    "archive": Kind(name="run.zip", content=archive, read=read_archive, changes=(damaged, forged_archive)),
    "images.toml": Kind(
        name="images.toml",
        content=lambda: docker_file("images.toml"),
        read=lambda path: _use(parse_references(path.read_bytes(), path)),
    ),
    "profiles.toml": Kind(
        name="profiles.toml",
        content=lambda: (ROOT / "lab" / "profiles.toml").read_bytes().partition(b"[smoke]")[2].join([b"[smoke]", b""]),
        read=lambda path: _use(parse_profiles(path.read_bytes(), path)),
    ),
    "Docker's config.json": Kind(
        name="config.json",
        content=lambda: b'{"auths": {}, "currentContext": "default", "proxies": {"default": {"httpProxy": "x"}}}',
        read=read_config,
        shown="Docker's config.json",
        code=ExitCode.NOTHING_TO_RUN_ON,
        changes=(damaged, forged_json),
    ),
    "Docker context": Kind(
        name=CONTEXT,
        content=lambda: json.dumps(
            {
                "Name": CONTEXT,
                "Metadata": {"Description": "x"},
                "Endpoints": {"docker": {"Host": "unix:///x.sock", "SkipTLSVerify": False}},
            }
        ).encode(),
        read=read_context,
        code=ExitCode.NOTHING_TO_RUN_ON,
        changes=(damaged, forged_json),
    ),
    "data of fit": Kind(name="t.csv", content=throughput, read=read_throughput, changes=(damaged, forged_fields)),
    "stream of import": Kind(
        name="samples.jsonl",
        content=(DATA / "stream" / "samples.jsonl").read_bytes,
        read=read_stream,
        changes=(damaged, forged_lines, forged_lines),
    ),
    "selfcheck.json": Kind(
        name="selfcheck.json", content=selfcheck, read=read_selfcheck, changes=(damaged, forged_json, forged_json)
    ),
    "journal of tune": Kind(
        name="journal.jsonl", content=calls, read=lambda path: _use(journal.read(path)), changes=(damaged,)
    ),
}


def _use(value: object) -> None:
    assert isinstance(value, dict | list)
