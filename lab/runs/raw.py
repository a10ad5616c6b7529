"""The lines of raw files and of the agent's stream as classes, with one reader and one writer.

A line is a JSON object with the field ``crc32``, the seal: the CRC-32 of the line's text without that field
(``lab.agent.protocol.encode_line``). During a run the host decodes only the fields of a sample that it needs
(``StreamSample``). The agent's text is copied into the raw file, with the attempt inserted. Each line is decoded
completely once, when its row is made.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from lab.agent.protocol import ProtocolError
from lab.errors import BadFiles
from lab.model import TABLES_VERSION, RawRecord
from lab.targets.request import Request
from lab.text import one_line, plural

Count = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]  # the range of a column of integers
SEAL = b'"crc32":%d,'
Kind = TypeVar("Kind", bound="Line")
OneSample = TypeVar("OneSample", bound="Sample | StreamSample")


class Line(msgspec.Struct, kw_only=True, gc=False):
    """A line; its field ``kind`` selects the class. Fields that a later agent adds are ignored."""

    crc32: int = 0


class FileHeader(Line, tag_field="kind", tag="file"):
    """The first line of a raw file, which has the lines of one target in one round."""

    target: str
    round: Count
    schema_version: Count = TABLES_VERSION


class FactsLine(Line, tag_field="kind", tag="facts"):
    """The facts of a target at the start of each block.

    ``mismatch`` describes how the target differs from the request. ``cpus`` are the CPU numbers that the host assigned.
    """

    facts: Mapping[str, Any]  # the agent's JSON, which lab.model.Facts reads
    schema_version: Count
    mismatch: str = ""
    cpus: tuple[Count, ...] | None = None


class RequestLine(Line, tag_field="kind", tag="request"):
    """The request that the agent of an image made for itself where the image was run by hand."""

    request: Request
    agent_hash: str
    engine: str
    began_s: float


class Canary(Line, tag_field="kind", tag="canary"):
    """The time of a fixed loop ``before`` or ``after`` (``when``) the cells of a block."""

    when: str
    loops: Count
    elapsed_ns: Count
    cpu_ns: Count


class Start(Line, tag_field="kind", tag="start"):
    """The start of an attempt at a cell; ``process`` counts the attempts of the round that have ended before it.

    ``block`` is the block of the round, counted over all targets; None in older files.
    """

    cell: str
    attempt: Count = 0
    process: Count = 0
    block: Count | None = None


class Calibration(Line, tag_field="kind", tag="calibration"):
    """The number of loops in one batch of an operation."""

    cell: str
    operation: str
    loops: Count


class Spent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The counters of a batch; None where the target does not provide one."""

    cpu_ns: Count | None = None
    switches: Count | None = None
    throttled_ns: Count | None = None
    minor_faults: Count | None = None


class SystemLoad(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The system load during a batch, as ``lab.agent.measuring.system_load`` reports it."""

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


class SampleColumns(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The columns of samples.csv that a scenario sets for its sample; None leaves the value to the plan."""

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
    loops: Count | None = None  # of a sample that is not a batch


class Sample(Line, tag_field="kind", tag="sample"):
    """One batch of ``loops`` operations in ``elapsed_ns``, or one ``value`` of a ``metric``."""

    cell: str
    operation: str
    sample: Count
    warmup: Count
    columns: SampleColumns
    loops: Count | None = None
    elapsed_ns: Count | None = None
    metric: str | None = None
    value: float | None = None
    spent: Spent | None = None
    spent_loops: Count | None = None
    load: SystemLoad | None = msgspec.field(default=None, name="around")

    def __post_init__(self) -> None:
        """Refuse a sample without a number."""
        if self.metric is not None:
            if self.value is None:
                raise ValueError("a sample of a metric has no value")
        elif self.elapsed_ns is None or not self.loops or not (self.spent_loops or self.loops):
            raise ValueError("a sample has neither a metric nor a time with its loops")


class StreamSample(Line, tag_field="kind", tag="sample"):
    """The fields of a sample that the host needs during a run; the decoder skips the others."""

    cell: str
    operation: str
    warmup: Count
    loops: Count | None = None
    elapsed_ns: Count | None = None
    spent: Spent | None = None


class Split(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The wall time of a cell and its shares, in nanoseconds.

    ``warmup_ns`` is the sum of all time that was not timed in the cell's process; the fields of ``WARMUP_PARTS`` are
    parts of it, 0 in lines of older agents (``lab.agent.case.Untimed``).
    """

    timed_ns: Count = 0
    warmup_ns: Count = 0
    start_ns: Count = 0
    verification_ns: Count = 0
    calibration_ns: Count = 0
    warmup_batch_ns: Count = 0
    untimed_ns: Count = 0
    reading_ns: Count = 0
    memory_ns: Count = 0
    interpreter_ns: Count = 0
    total_ns: Count = 0


WARMUP_PARTS = tuple(
    name for name in Split.__struct_fields__ if name not in ("timed_ns", "warmup_ns", "interpreter_ns", "total_ns")
)


class End(Line, tag_field="kind", tag="end"):
    """The end of an attempt; ``reason`` explains a status other than ok."""

    cell: str
    status: str
    reason: str | None = None
    split: Split = Split()
    attempt: Count = 0


class Done(Line, tag_field="kind", tag="done"):
    """The end of a stream: the agent has run all cells of its request."""


class Unknown(Line):
    """A line of a kind that this lab does not know, written by a later agent."""

    kind: str
    cell: str | None = None


SharedLine = FactsLine | RequestLine | Canary | Start | Calibration | End | Done
StreamLine = SharedLine | StreamSample | Unknown
RawLine = FileHeader | SharedLine | Sample
RAW_DECODER: msgspec.json.Decoder[RawLine] = msgspec.json.Decoder(RawLine)
STREAM_DECODER: msgspec.json.Decoder[SharedLine | StreamSample] = msgspec.json.Decoder(SharedLine | StreamSample)
UNKNOWN_DECODER: msgspec.json.Decoder[Unknown] = msgspec.json.Decoder(Unknown)
KINDS = frozenset(
    str(line.__struct_config__.tag) for line in (FactsLine, RequestLine, Canary, Start, Calibration, Sample, End, Done)
)


def encode(line: Line) -> bytes:
    """Encode a line that the host writes, with its seal and without a newline."""
    return _with_seal(*_split_at_seal(msgspec.json.encode(line, order="sorted"), line))


def decode_stream_line(text: bytes) -> StreamLine:
    """Decode the part of a line of the agent's stream that a run needs.

    Raises:
        ProtocolError: the text is not a line of the agent, or is damaged.
    """
    return _decode(STREAM_DECODER, text)


def with_attempt(text: bytes, line: Line, attempt: int, process: int = 0, block: int | None = None) -> bytes:
    """Insert the attempt, and process and block of a start, into the text of a cell's line and seal it again."""
    head, tail = _split_at_seal(text, line)
    own = b'"attempt":%d,' % attempt
    if isinstance(line, Start):
        own += b'"process":%d,' % process if process else b""
        own += b"" if block is None else b'"block":%d,' % block
    return _with_seal(head.replace(b'"cell":', own + b'"cell":', 1), tail)


def with_cpus(text: bytes, line: FactsLine, cpus: Sequence[int] | None) -> bytes:
    """Insert the CPUs that the host assigned into the text of a facts line and seal it again."""
    head, tail = _split_at_seal(text, line)
    return _with_seal(head + b'"cpus":%s,' % msgspec.json.encode(cpus), tail)


def _split_at_seal(text: bytes, line: Line) -> tuple[bytes, bytes]:
    head, _, tail = text.rstrip(b"\r\n").partition(SEAL % line.crc32)
    return head, tail


def _with_seal(head: bytes, tail: bytes) -> bytes:
    return head + SEAL % zlib.crc32(tail, zlib.crc32(head)) + tail


def is_sealed(text: bytes, crc32: int) -> bool:
    """Whether the text has a seal with this CRC-32, and the rest of the text has this CRC-32."""
    head, seal, tail = text.partition(SEAL % crc32)
    return bool(seal) and zlib.crc32(tail, zlib.crc32(head)) == crc32


def _decode(decoder: msgspec.json.Decoder[Kind], text: bytes) -> Kind | Unknown:
    """Decode one line; a line of an unknown kind becomes ``Unknown``.

    Raises:
        ProtocolError: the line is not a JSON object, has no seal, is damaged, or lacks a field of its kind.
    """
    text = text.rstrip(b"\r\n")
    try:
        line: Kind | Unknown = decoder.decode(text)
    except (ValueError, RecursionError) as error:
        line = _unknown_line(text, error)
    if not is_sealed(text, line.crc32):
        raise ProtocolError("the checksum does not match" if b'"crc32":' in text else "not a sealed record")
    return line


def _unknown_line(text: bytes, error: Exception) -> Unknown:
    """Decode a line that a decoder refused, if the reason is its unknown kind.

    Raises:
        ProtocolError: the line has another fault.
    """
    try:
        line = UNKNOWN_DECODER.decode(text)
    except msgspec.ValidationError:
        raise ProtocolError(f"not a sealed record of any kind: {one_line(error)}") from None
    except (ValueError, RecursionError):
        raise ProtocolError(f"not a JSON line: {one_line(error)}") from None
    if line.kind in KINDS:
        raise ProtocolError(f"not a whole {line.kind} line: {one_line(error)}") from None
    return line


@dataclass(kw_only=True)
class Attempt(Generic[OneSample]):
    """One attempt at a cell; ``end`` is None where it was not finished, ``process`` and ``block`` as in ``Start``."""

    process: int = 0
    block: int | None = None
    calibrations: list[Calibration] = field(default_factory=list)
    samples: list[OneSample] = field(default_factory=list)
    end: End | None = None


@dataclass(frozen=True, kw_only=True)
class RawFile:
    """The content of one raw file: the lines of one target in one round.

    Attributes:
        target: the target's id.
        round: the round, from 0.
        attempts: cell -> its attempts in their order.
        blocks: the lines that belong to no cell; each start of the target begins with its facts.
        torn: whether the last line was cut off, and so set aside.
    """

    target: str
    round: int
    attempts: Mapping[str, Sequence[Attempt[Sample]]]
    blocks: Sequence[FactsLine | RequestLine | Canary]
    torn: bool

    def labelled(self, label: str | None) -> RawFile:
        """The file with the target's label in a merged run; unchanged where ``label`` is None."""
        return self if label is None else replace(self, target=label)


def record_of(content: bytes) -> RawRecord:
    """What a raw file of this content holds."""
    return RawRecord(lines=content.count(b"\n"), bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def read_raw(path: Path, recorded: RawRecord | None = None) -> RawFile:
    """Read one raw file; ``recorded`` is what it held when its round had ended, after which it may only have grown.

    Raises:
        BadFiles: a line other than a torn last one is damaged, the file is not a raw file of the lab, or it has not
            kept what was recorded.
    """
    content = path.read_bytes()
    if recorded:
        _check_shorter(path, content, recorded)
    torn = path.with_suffix(".torn").exists() or not content  # empty: killed before the first line was written
    texts = content.split(b"\n")
    lines = _decode_together(content, [text for text in texts if text])
    if lines is None:
        lines, cut = _decode_one_by_one(path, texts)
        torn = torn or cut
    if torn and not lines:
        return RawFile(target="", round=0, attempts={}, blocks=(), torn=True)
    header = lines[0] if lines else None
    if not isinstance(header, FileHeader):
        raise BadFiles(f"{path} is not a raw file of the lab; restore it or remove the run")
    if recorded and hashlib.sha256(memoryview(content)[: recorded.bytes]).hexdigest() != recorded.sha256:
        raise BadFiles(
            f"{path} was changed after its round had ended: its first {plural(recorded.lines, 'line')} are not "
            "those that the manifest records; restore the file or remove the run"
        )
    attempts, blocks = _group_by_cell(path, lines)
    return RawFile(target=header.target, round=header.round, attempts=attempts, blocks=blocks, torn=torn)


def _check_shorter(path: Path, content: bytes, recorded: RawRecord) -> None:
    lines = content.count(b"\n")
    if len(content) < recorded.bytes and lines < recorded.lines:
        raise BadFiles(
            f"{path} ends after line {lines}, and the manifest records {plural(recorded.lines, 'line')}; "
            "restore the file or remove the run"
        )


def _decode_together(content: bytes, texts: Sequence[bytes]) -> list[RawLine] | None:
    """Decode all lines in one call; None where any line is not exactly as the agent writes it.

    The decoder ignores line ends between records. A record that spans lines is noticed all the same: the number of
    records differs from that of lines, or a seal does not match its line.
    """
    try:
        lines = RAW_DECODER.decode_lines(content)
    except (ValueError, RecursionError):
        return None
    if len(lines) != len(texts):
        return None
    for text, line in zip(texts, lines, strict=True):
        if not is_sealed(text, line.crc32):
            return None
    return lines


def _decode_one_by_one(path: Path, texts: Sequence[bytes]) -> tuple[list[RawLine], bool]:
    """Decode line by line: the lines of known kinds, and whether the last line was cut off.

    Raises:
        BadFiles: a line other than a torn last one is damaged.
    """
    lines: list[RawLine] = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            line = _decode(RAW_DECODER, text)
        except ProtocolError as error:
            if number == len(texts):  # no newline after it: the run was killed while it wrote the line
                return lines, True
            raise BadFiles(f"{path}, line {number}: {error}; restore the file or remove the run") from None
        if not isinstance(line, Unknown):
            lines.append(line)
    return lines, False


def _group_by_cell(
    path: Path, lines: Sequence[RawLine]
) -> tuple[dict[str, list[Attempt[Sample]]], list[FactsLine | RequestLine | Canary]]:
    """Group lines by cell: cell -> its attempts, and the lines that belong to no cell.

    Raises:
        BadFiles: a line belongs to a cell that was not started before it.
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
                found.setdefault(line.cell, []).append(Attempt(process=line.process, block=line.block))
            elif isinstance(line, End):
                found[line.cell][-1].end = line
            elif isinstance(line, FactsLine | RequestLine | Canary):
                others.append(line)
        except KeyError as cell:
            raise BadFiles(
                f"{path}, line {_line_number(path, line)}: the cell {cell} was not started before it; "
                "restore the file or remove the run"
            ) from None
    return found, others


def _line_number(path: Path, line: Line) -> int:
    """The number of a line in its file, from 1, found by its seal."""
    texts = path.read_bytes().split(b"\n")
    return next(number for number, text in enumerate(texts, 1) if SEAL % line.crc32 in text)


def finished_processes(tries: Sequence[Attempt[Sample]]) -> list[Attempt[Sample]]:
    """The last finished attempt of each process of a round, which are those that count."""
    return list({attempt.process: attempt for attempt in tries if attempt.end}.values())
