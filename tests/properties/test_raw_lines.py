"""Raw lines: what is written is read back, and no line, however damaged, is half read or ends in a traceback."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lab.agent.protocol import decode_line, encode_line
from lab.errors import BadFiles
from lab.runs import raw
from lab.runs.raw import Count, End, FileHeader, Sample, Start, StreamSample, Unknown, decode_stream_line, read_raw
from lab.tables.schema import AXIS_COLUMNS, CONDITIONS, names
from tests.manifests import manifest

DATA = Path(__file__).parents[1] / "data"
RAW_FILES = sorted(DATA.glob("*/raw/*.jsonl"))
START = {"kind": "start", "cell": "a/b"}
SAMPLE = {
    "kind": "sample", "cell": "a/b", "operation": "o", "sample": 0, "warmup": 0, "columns": {},
    "elapsed_ns": 10, "loops": 2,
}  # fmt: skip
END = {"kind": "end", "cell": "a/b", "status": "ok", "reason": "", "split": {}}


def sealed(record: Mapping[str, object]) -> bytes:
    return encode_line(dict(record)).encode().rstrip(b"\n")


def file_of(tmp_path: Path, *lines: bytes, end: bytes = b"\n") -> Path:
    path = tmp_path / "t.r0000.jsonl"
    path.write_bytes(b"\n".join([raw.encode(FileHeader(target="t", round=0)), *lines]) + end)
    return path


@pytest.mark.parametrize("path", [*RAW_FILES, DATA / "stream" / "samples.jsonl"], ids=lambda path: path.name)
def test_every_captured_line_that_passes_through_a_run_is_written_as_it_was_captured(path: Path) -> None:
    for written in path.read_bytes().splitlines():
        record = decode_line(written.decode())
        if record["kind"] == "file":
            assert sealed(record) == written
            continue
        attempt, cpus = record.pop("attempt", None), record.pop("cpus", None)
        text = sealed(record)
        line = decode_stream_line(text)
        if attempt is not None:
            text = raw.with_attempt(text, line, attempt)
        if cpus is not None:
            assert isinstance(line, raw.FactsLine)
            text = raw.with_cpus(text, line, cpus)
        assert text == written


@pytest.mark.parametrize("path", RAW_FILES, ids=lambda path: path.name)
def test_every_captured_sample_is_read_with_all_that_it_says(path: Path) -> None:
    records = [record for record in map(decode_line, path.read_text().splitlines()) if record["kind"] == "sample"]
    read = [
        sample for tries in read_raw(path).attempts.values() for attempt in tries for sample in attempt.samples
    ]  # fmt: skip
    by_cell = sorted(records, key=lambda record: list(read_raw(path).attempts).index(record["cell"])) if records else []
    assert len(read) == len(by_cell) > 0
    for line, record in zip(read, by_cell, strict=True):
        for name in ("cell", "operation", "sample", "warmup", "loops", "elapsed_ns", "metric", "value", "spent_loops"):
            assert getattr(line, name) == record.get(name), name
        for name, value in record["columns"].items():
            assert getattr(line.columns, name) == value
        for part, field in (("spent", "spent"), ("around", "load")):
            kept = getattr(line, field)
            for name, value in record.get(part, {}).items():
                assert getattr(kept, name, value) == value


def test_the_columns_of_a_sample_and_the_readings_of_a_batch_are_those_of_the_tables() -> None:
    assert set(raw.SampleColumns.__struct_fields__) == (AXIS_COLUMNS - {"operation"}) | {"unit", "loops"}
    of_line = {"target", "cpu_mode", "scenario", "case", "operation", "round", "process", "sample", "warmup"}
    derived = {"throttled_ns", "others_ns"}
    assert list(raw.SystemLoad.__struct_fields__) == [
        name for name in names(CONDITIONS) if name not in of_line | derived
    ]


HOSTILE: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"hello", "not a JSON line"),
    "two records": (sealed(START) + b" " + sealed(START), "not a JSON line"),
    "NUL bytes": (b"\x00" * 20, "not a JSON line"),
    "a list": (b"[1]", "not a sealed record"),
    "a number": (b"7", "not a sealed record"),
    "no kind": (sealed({"cell": "a/b"}), "not a sealed record"),
    "not sealed": (json.dumps(SAMPLE).encode(), "not a sealed record"),
    "another number": (sealed(SAMPLE).replace(b'"elapsed_ns":10', b'"elapsed_ns":11'), "the checksum does not match"),
    "another seal": (b'{"crc32":1,"kind":"start","cell":"a/b"}', "the checksum does not match"),
    "a field is missing": (sealed({"kind": "sample", "cell": "a/b"}), "missing required field"),
    "a field has another type": (sealed({**SAMPLE, "loops": "many"}), "Expected `int"),
    "a number beyond 64 bits": (sealed({**SAMPLE, "elapsed_ns": 2**64}), "<="),
    "a number beyond floats": (
        sealed({**SAMPLE, "metric": "count", "value": 10**400}).replace(b"1" + b"0" * 400, b"1e400"), "out of range"
    ),
    "neither time nor metric": (sealed({**SAMPLE, "elapsed_ns": None}), "neither a metric nor a time"),
    "no loops": (sealed({**SAMPLE, "loops": 0}), "neither a metric nor a time"),
    "a metric without a value": (sealed({**SAMPLE, "metric": "count"}), "has no value"),
    "no UTF-8": (sealed(SAMPLE).replace(b'"o"', b'"\xff"'), "utf-8"),
    "nested deeply": (b'{"crc32":1,"kind":"start","cell":"a/b","x":' + b"[" * 100_000, "not a JSON line"),
    "enormous and cut off": (b'{"kind":"' + b"x" * 5_000_000, "not a JSON line"),
    "a cell that was not started": (sealed({**SAMPLE, "cell": "other"}), "'other' was not started"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "complaint"), HOSTILE.values(), ids=HOSTILE)
def test_a_damaged_line_is_a_bad_file_with_its_number(tmp_path: Path, line: bytes, complaint: str) -> None:
    path = file_of(tmp_path, sealed(START), line, sealed(END))
    with pytest.raises(BadFiles, match="line 3") as refused:
        read_raw(path)
    assert complaint in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("line", [line for line, _ in HOSTILE.values()], ids=HOSTILE)
def test_the_same_line_without_an_end_is_the_torn_last_one_unless_it_is_whole(tmp_path: Path, line: bytes) -> None:
    path = file_of(tmp_path, sealed(START), sealed(SAMPLE), line, end=b"")
    if b'"other"' in line:  # sealed and whole, and of no cell
        with pytest.raises(BadFiles, match="line 4"):
            read_raw(path)
        return
    read = read_raw(path)
    assert read.torn
    assert len(read.attempts["a/b"][0].samples) == 1


@settings(max_examples=60, deadline=None)  # no test asserts on times
@given(st.data())
def test_a_line_that_is_cut_off_anywhere_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    line = sealed(SAMPLE)
    length = data.draw(st.integers(1, len(line) - 1))
    path = file_of(tmp_path_factory.mktemp("cut"), sealed(START), line[:length], end=b"")
    assert read_raw(path).torn


@settings(max_examples=150, deadline=None)
@given(line=st.binary(max_size=60), place=st.none() | st.integers(0, 200))
def test_whatever_bytes_stand_in_a_file_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, line: bytes, place: int | None
) -> None:
    text = sealed(SAMPLE)
    inserted = line if place is None else text[:place] + line + text[place:]
    path = file_of(tmp_path_factory.mktemp("any"), sealed(START), inserted, sealed(END))
    try:
        read = read_raw(path)
    except BadFiles:
        return
    assert [attempt.end is not None for attempt in read.attempts["a/b"]] == [True]


def test_kinds_and_fields_of_later_agents_are_passed_over(tmp_path: Path) -> None:
    later = sealed({"kind": "weather", "cell": "a/b", "degrees": 20})
    assert isinstance(decode_stream_line(later), Unknown)
    more = sealed({**SAMPLE, "mood": [1, {"deep": None}]})
    path = file_of(tmp_path, sealed(START), later, more, sealed(END))
    (attempt,) = read_raw(path).attempts["a/b"]
    assert [sample.elapsed_ns for sample in attempt.samples] == [10]
    assert attempt.end is not None


text = st.text(max_size=8)
numbers = st.integers(-(2**63), 2**63 - 1)


@settings(max_examples=100, deadline=None)
@given(
    record=st.fixed_dictionaries(
        {"kind": st.just("sample"), "cell": text, "operation": text, "sample": numbers, "warmup": numbers},
        optional={
            "around": st.dictionaries(text, numbers, max_size=2),
            "note": st.dictionaries(text, text, max_size=2),
        },
    ),
    attempt=st.integers(0, 10**6),
)
@example(
    record={"kind": "sample", "cell": "a", "operation": "", "sample": 0, "warmup": 0, "clock": {"cell": "b"}}, attempt=1
)
def test_any_sample_passes_through_with_its_attempt_and_nothing_else_changed(
    record: dict[str, object], attempt: int
) -> None:
    record |= {"columns": {"start_method": "fork"}, "metric": "count", "value": 1.5}
    passed = sealed(record)
    line = decode_stream_line(passed)
    assert isinstance(line, StreamSample)
    recorded = raw.with_attempt(passed, line, attempt)
    assert decode_line(recorded.decode()) == {**record, "attempt": attempt}
    assert recorded == sealed({**record, "attempt": attempt})


@settings(max_examples=60, deadline=None)
@given(cell=text, reason=text, attempt=st.integers(0, 99))
def test_a_line_of_the_hosts_own_is_sealed_as_the_agents_are(cell: str, reason: str, attempt: int) -> None:
    for line in (Start(cell=cell, attempt=attempt), End(cell=cell, status="failed", reason=reason, attempt=attempt)):
        written = raw.encode(line)
        crc32 = json.loads(written)["crc32"]
        assert zlib.crc32(written.replace(b'"crc32":%d,' % crc32, b"")) == crc32
        assert msgspec.structs.replace(decode_stream_line(written), crc32=0) == line


def test_a_sample_is_decoded_whole_once_and_never_encoded_by_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the agent's stream to its row in samples.csv."""
    from lab.runs.folder import RunFolder
    from lab.tables.read import read_tables

    decoded: list[Sample] = []
    encoded: list[object] = []

    class Counting(Sample, tag_field="kind", tag="sample"):
        def __post_init__(self) -> None:
            decoded.append(self)

    def encode(line: object, order: None = None) -> bytes:
        encoded.append(line)
        return real(line, order=order)

    real: Callable[..., bytes] = msgspec.json.encode
    monkeypatch.setattr(raw, "RAW_DECODER", msgspec.json.Decoder(FileHeader | raw.SharedLine | Counting))
    monkeypatch.setattr(msgspec.json, "encode", encode)
    cell = {"target": "t", "scenario": "a", "case": "b"}
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest(targets=[{"id": "t"}], cells=[cell]))
        for record in (START, SAMPLE, {**SAMPLE, "sample": 1}, END):
            passed = sealed(record)
            folder.append("t", 0, passed, decode_stream_line(passed))
        assert decoded == []
        rows = read_tables(folder).samples.frame()
    assert rows["value"].tolist() == [5.0, 5.0]
    assert len(decoded) == 2
    assert [type(line) for line in encoded] == [FileHeader]


def test_counts_hold_what_a_column_of_integers_holds() -> None:
    assert msgspec.json.decode(str(2**63 - 1), type=Count) == 2**63 - 1
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(str(2**63), type=Count)
