"""The lines of raw files, and of the agent's stream, as classes: one reader and one writer.

A line is a JSON object that is sealed by the CRC-32 of its text less the seal (``lab.agent.protocol.encode_line``). Of
a sample that passes through a run the host decodes no more than it needs to follow the run (``PassingSample``), and the
agent's text goes into the raw file as it is but for what is inserted. It is decoded whole once, for its row.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from lab.agent.protocol import ProtocolError
from lab.errors import BadFiles
from lab.model import TABLES_VERSION
from lab.targets.request import Request

Count = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # what a column of integers can hold
SEAL = b'"crc32":%d,'
Kind = TypeVar("Kind", bound="Line")
OneSample = TypeVar("OneSample", bound="Sample | PassingSample")


class Line(msgspec.Struct, kw_only=True, gc=False):
    """A line; ``kind`` says which. Fields that a later agent adds are passed over."""

    crc32: int = 0


class FileHeader(Line, tag_field="kind", tag="file"):
    """The first line of a raw file: one target in one round."""

    target: str
    round: Count
    schema_version: Count = TABLES_VERSION


class FactsLine(Line, tag_field="kind", tag="facts"):
    """What a target is, at the start of each block; ``mismatch`` says where it is not what was asked for."""

    facts: Mapping[str, Any]  # as the agent reported them; lab.model reads them
    schema_version: Count
    mismatch: str = ""
    cpus: tuple[Count, ...] | None = None


class RequestLine(Line, tag_field="kind", tag="request"):
    """What the agent of an image that is run by hand was asked for, by itself."""

    request: Request
    agent_hash: str
    engine: str
    began_s: float


class Canary(Line, tag_field="kind", tag="canary"):
    """The fixed loop beside a block; ``when`` is before or after."""

    when: str
    loops: Count
    elapsed_ns: Count
    cpu_ns: Count


class Start(Line, tag_field="kind", tag="start"):
    """An attempt at a cell begins."""

    cell: str
    attempt: Count = 0


class Calibration(Line, tag_field="kind", tag="calibration"):
    """How many loops one batch of an operation takes."""

    cell: str
    operation: str
    loops: Count


class Spent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Counters over a batch; None where the target does not offer one."""

    cpu_ns: Count | None = None
    switches: Count | None = None
    throttled_ns: Count | None = None


class SystemLoad(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What went on in the system during a batch, as ``lab.agent.measuring.system_load`` reports it."""

    window_ns: Count | None = None
    cpus_used: Count | None = None
    idle_ns: Count | None = None
    steal_ns: Count | None = None
    own_cpu_ns: Count | None = None
    pressure_cpu_some_ns: Count | None = None
    pressure_cpu_full_ns: Count | None = None
    pressure_memory_some_ns: Count | None = None
    pressure_memory_full_ns: Count | None = None
    pressure_io_some_ns: Count | None = None
    pressure_io_full_ns: Count | None = None
    migrations: Count | None = None
    moved_processes: Count | None = None
    major_faults: Count | None = None
    frequency_khz: Count | None = None


class Described(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Columns of samples.csv that a scenario says of its sample itself; None where the plan says it, or nothing."""

    start_method: str | None = None
    mechanism: str | None = None
    executor: str | None = None
    work: str | None = None
    workers: Count | None = None
    payload_bytes: Count | None = None
    chunksize: Count | None = None
    tasks: Count | None = None
    placement: str | None = None
    task_ns: Count | None = None
    parent_bytes: Count | None = None
    unit: str | None = None
    loops: Count | None = None  # of a sample that is no batch


class Sample(Line, tag_field="kind", tag="sample"):
    """One batch (``elapsed_ns`` of so many ``loops``), or one ``value`` of a ``metric``."""

    cell: str
    operation: str
    sample: Count
    warmup: Count
    columns: Described
    loops: Count | None = None
    elapsed_ns: Count | None = None
    metric: str | None = None
    value: float | None = None
    spent: Spent | None = None
    spent_loops: Count | None = None
    around: SystemLoad | None = None

    def __post_init__(self) -> None:
        """Refuse a sample that holds no number."""
        if self.metric is not None:
            if self.value is None:
                raise ValueError("a sample of a metric has no value")
        elif self.elapsed_ns is None or not self.loops or not (self.spent_loops or self.loops):
            raise ValueError("a sample has neither a metric nor a time and its loops")


class PassingSample(Line, tag_field="kind", tag="sample"):
    """What a run that is under way needs of a sample; the parser skips the rest."""

    cell: str
    warmup: Count
    loops: Count | None = None
    elapsed_ns: Count | None = None
    spent: Spent | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a cell's wall time went, in nanoseconds."""

    timed_ns: Count = 0
    warmup_ns: Count = 0
    interpreter_ns: Count = 0
    total_ns: Count = 0


class End(Line, tag_field="kind", tag="end"):
    """An attempt has ended; ``reason`` says why its status is not ok."""

    cell: str
    status: str
    reason: str | None = None
    split: Split = Split()
    attempt: Count = 0


class Done(Line, tag_field="kind", tag="done"):
    """The agent has run all cells of its request."""


class Unknown(Line):
    """A line of a kind that this lab does not know, from a later agent."""

    kind: str
    cell: str | None = None


Common = FactsLine | RequestLine | Canary | Start | Calibration | End | Done
Heard = Common | PassingSample | Unknown
Recorded = FileHeader | Common | Sample
RAW: msgspec.json.Decoder[Recorded] = msgspec.json.Decoder(Recorded)
STREAM: msgspec.json.Decoder[Common | PassingSample] = msgspec.json.Decoder(Common | PassingSample)
UNKNOWN: msgspec.json.Decoder[Unknown] = msgspec.json.Decoder(Unknown)
KINDS = frozenset(
    str(line.__struct_config__.tag) for line in (FactsLine, RequestLine, Canary, Start, Calibration, Sample, End, Done)
)


def encode(line: Line) -> bytes:
    """The sealed text of a line of the host's own."""
    return _sealed(*_around_seal(msgspec.json.encode(line, order="sorted"), line))


def hear(text: bytes) -> Heard:
    """A line of the agent's stream, as far as a run needs it.

    Raises:
        ProtocolError: it is none, or is damaged.
    """
    return _decoded(STREAM, text)


def with_attempt(text: bytes, line: Line, attempt: int) -> bytes:
    """The agent's text of a line of a cell with the attempt in it, sealed again; nothing is parsed for it."""
    head, tail = _around_seal(text, line)
    return _sealed(head.replace(b'"cell":', b'"attempt":%d,"cell":' % attempt, 1), tail)


def with_cpus(text: bytes, line: FactsLine, cpus: Sequence[int] | None) -> bytes:
    """The agent's text of its facts with the CPUs that the host gave it, sealed again."""
    head, tail = _around_seal(text, line)
    return _sealed(head + b'"cpus":%s,' % msgspec.json.encode(cpus), tail)


def _around_seal(text: bytes, line: Line) -> tuple[bytes, bytes]:
    head, _, tail = text.rstrip(b"\r\n").partition(SEAL % line.crc32)
    return head, tail


def _sealed(head: bytes, tail: bytes) -> bytes:
    return head + SEAL % zlib.crc32(tail, zlib.crc32(head)) + tail


def is_sealed(text: bytes, crc32: int) -> bool:
    """Whether this is the CRC-32 of the text less the seal, which is in it."""
    head, seal, tail = text.partition(SEAL % crc32)
    return bool(seal) and zlib.crc32(tail, zlib.crc32(head)) == crc32


def _decoded(decoder: msgspec.json.Decoder[Kind], text: bytes) -> Kind | Unknown:
    """One line by this decoder; by its kind alone where the lab does not know it.

    Raises:
        ProtocolError: it is no JSON object, not sealed, damaged, or lacks a field of its kind.
    """
    text = text.rstrip(b"\r\n")
    try:
        line: Kind | Unknown = decoder.decode(text)
    except (ValueError, RecursionError) as error:
        line = _unknown(text, error)
    if not is_sealed(text, line.crc32):
        raise ProtocolError("the checksum does not match" if b'"crc32":' in text else "not a sealed record")
    return line


def _unknown(text: bytes, error: Exception) -> Unknown:
    """The line by its kind, where that is why it could not be decoded."""
    try:
        line = UNKNOWN.decode(text)
    except msgspec.ValidationError:
        raise ProtocolError(f"not a sealed record of any kind: {error}") from None
    except (ValueError, RecursionError):
        raise ProtocolError(f"not a JSON line: {error}") from None
    if line.kind in KINDS:
        raise ProtocolError(f"not a whole {line.kind} line: {error}") from None
    return line


@dataclass(kw_only=True)
class Attempt(Generic[OneSample]):
    """One attempt at a cell; ``end`` is None where it was never finished."""

    calibrations: list[Calibration] = field(default_factory=list)
    samples: list[OneSample] = field(default_factory=list)
    end: End | None = None


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """What stands in one raw file: one target in one round.

    ``attempts``: cell -> its attempts in their order. ``blocks``: the lines that belong to no cell; each start of the
    target begins with its facts. ``torn``: a last line was cut off, and is set aside.
    """

    target: str
    round: int
    attempts: Mapping[str, Sequence[Attempt[Sample]]]
    blocks: Sequence[FactsLine | RequestLine | Canary]
    torn: bool

    def labelled(self, label: str | None) -> RawFile:
        """The file under its target's label in a merged run, if it has one."""
        return self if label is None else replace(self, target=label)


def read_raw(path: Path) -> RawFile:
    """One raw file.

    Raises:
        BadFiles: a line other than a torn last one is damaged, or the file is not one of the lab's.
    """
    content = path.read_bytes()
    torn = path.with_suffix(".torn").exists() or not content  # killed before its first line was written
    texts = content.split(b"\n")
    lines = _decoded_together(content, [text for text in texts if text])
    if lines is None:
        lines, cut = _decoded_one_by_one(path, texts)
        torn = torn or cut
    if torn and not lines:
        return RawFile(target="", round=0, attempts={}, blocks=(), torn=True)
    header = lines[0] if lines else None
    if not isinstance(header, FileHeader):
        raise BadFiles(f"{path} is not a raw file of the lab; restore it or remove the run")
    attempts, blocks = _by_cell(path, lines)
    return RawFile(target=header.target, round=header.round, attempts=attempts, blocks=blocks, torn=torn)


def _decoded_together(content: bytes, texts: Sequence[bytes]) -> list[Recorded] | None:
    """The lines, parsed by one call; None where any is not as the agent writes it.

    Lines that are no JSON by themselves but are joined have another number of records, or records whose seals are not
    those of their lines.
    """
    try:
        lines = RAW.decode_lines(content)
    except (ValueError, RecursionError):
        return None
    if len(lines) != len(texts):
        return None
    for text, line in zip(texts, lines, strict=True):
        if not is_sealed(text, line.crc32):
            return None
    return lines


def _decoded_one_by_one(path: Path, texts: Sequence[bytes]) -> tuple[list[Recorded], bool]:
    """The lines of kinds that the lab knows, and whether the last line was cut off."""
    lines: list[Recorded] = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            line = _decoded(RAW, text)
        except ProtocolError as error:
            if number == len(texts):  # no newline after it: the run was killed while it was written
                return lines, True
            raise BadFiles(f"{path}, line {number}: {error}; restore the file or remove the run") from None
        if not isinstance(line, Unknown):
            lines.append(line)
    return lines, False


def _by_cell(
    path: Path, lines: Sequence[Recorded]
) -> tuple[dict[str, list[Attempt[Sample]]], list[FactsLine | RequestLine | Canary]]:
    """Cell -> its attempts, and the lines that belong to no cell.

    Raises:
        BadFiles: a line belongs to a cell that was not started.
    """
    found: dict[str, list[Attempt[Sample]]] = {}
    others: list[FactsLine | RequestLine | Canary] = []
    for line in lines:  # the most frequent kinds first
        try:
            if isinstance(line, Sample):
                found[line.cell][-1].samples.append(line)
            elif isinstance(line, Calibration):
                found[line.cell][-1].calibrations.append(line)
            elif isinstance(line, Start):
                found.setdefault(line.cell, []).append(Attempt())
            elif isinstance(line, End):
                found[line.cell][-1].end = line
            elif isinstance(line, FactsLine | RequestLine | Canary):
                others.append(line)
        except KeyError as cell:
            raise BadFiles(
                f"{path}, line {_number_of(path, line)}: the cell {cell} was not started before; "
                "restore the file or remove the run"
            ) from None
    return found, others


def _number_of(path: Path, line: Line) -> int:
    """The number of a line in its file, by its seal."""
    texts = path.read_bytes().split(b"\n")
    return next(number for number, text in enumerate(texts, 1) if SEAL % line.crc32 in text)


def last_finished(tries: Sequence[Attempt[Sample]]) -> Attempt[Sample] | None:
    """The attempt that counts: the last of those that came to their end."""
    return next((attempt for attempt in reversed(tries) if attempt.end), None)
