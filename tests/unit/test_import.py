"""Streams of an image run by hand: read into a run as they are, refused where they are something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.agent.facts import identity
from lab.agent.protocol import decode_line, encode_line
from lab.errors import BadFiles
from lab.running.imports.describe import check_compatible, imported_manifest, stream_target
from lab.running.imports.stream import Stream, parse_stream
from lab.running.imports.whole import _content, _notes, _write
from lab.runs.folder import RunFolder
from lab.targets.stage import agent_hash, write_stage
from tests.raw_lines import samples_of

CONTENT = (Path(__file__).parents[1] / "data" / "stream" / "samples.jsonl").read_bytes()
Record = dict[str, Any]


def changed(change: Callable[[Record], object]) -> bytes:
    records = [decode_line(line) for line in CONTENT.decode().splitlines()]
    for record in records:
        change(record)
    return "".join(map(encode_line, records)).encode()


def set_fact(name: str, value: object) -> Callable[[Record], object]:
    return lambda record: record["facts"].update({name: value}) if record["kind"] == "facts" else None


def imported(path: Path, *streams: Stream) -> RunFolder:
    with RunFolder.create(path) as folder:
        folder.write_manifest(imported_manifest(streams, "box", "python -m lab import samples.jsonl", []))
        _write(folder, streams)
    return RunFolder.existing(path)


def test_a_stream_becomes_a_run_whose_cells_are_those_of_its_request(tmp_path: Path) -> None:
    stream = parse_stream("samples.jsonl", CONTENT)
    assert stream_target(stream).id == "py313-linux-c2"
    frame = samples_of(imported(tmp_path / "run", stream))
    cells = {cell.id for cell in stream.request.request.cells}
    assert set(frame["scenario"] + "/" + frame["case"]) == cells
    assert set(frame["status"]) <= {"ok", "unsupported"}
    assert set(frame["host"]) == {"box"}
    assert set(frame["cpus_observed"]) == {2.0}
    assert set(frame["python"]) == {stream.facts.python}


def test_two_streams_of_one_target_are_two_rounds(tmp_path: Path) -> None:
    streams = [parse_stream(name, CONTENT) for name in ("one", "two")]
    check_compatible(streams)
    frame = samples_of(imported(tmp_path / "run", *streams))
    assert sorted(set(frame["round"])) == [0, 1]


def test_a_torn_last_line_is_set_aside_and_reported(tmp_path: Path) -> None:
    stream = parse_stream("samples.jsonl", CONTENT + b'{"cell":"x')
    assert stream.torn == b'{"cell":"x'
    assert "cut off (10 bytes)" in _notes(stream)[0]
    folder = imported(tmp_path / "run", stream)
    assert [raw.torn for raw in folder.raw()] == [True]


def test_a_stream_that_ended_early_is_kept_and_its_run_is_not_called_finished() -> None:
    stream = parse_stream("samples.jsonl", CONTENT[: CONTENT.rindex(b'{"crc32"')])
    assert not stream.whole
    assert "ended before its last cell" in _notes(stream)[0]
    assert imported_manifest([stream], "box", "", []).finished is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"hello\n", "line 1: not a JSON line"),
        (b'{"kind":"done"}\n', "not a sealed record"),
        (b'{"kind":"facts"}\n', "not a whole facts line"),
        (
            encode_line({"kind": "file", "target": "t", "round": 0}).encode(),
            "is not a kind that this lab's agent writes",
        ),
        (encode_line({"kind": "start", "cell": "a/b"}).encode(), "not a stream of the lab's agent"),
        (CONTENT.replace(b'"status":"ok"', b'"status":"no"', 1), "checksum"),
        (
            b"\n".join(line for line in CONTENT.split(b"\n") if b'"kind":"request"' not in line),
            "does not contain its request",
        ),
        (changed(lambda r: r.update(schema_version=99) if r["kind"] == "facts" else None), "schema version 99"),
        (changed(lambda r: r.update(cell="other/cell") if r["kind"] == "end" else None), "mixed stream"),
        (changed(lambda r: r.update(cell="other/cell") if "cell" in r else None), "mixed stream"),
        (b"\n".join(line for line in CONTENT.split(b"\n") if b'"kind":"start"' not in line), "mixed stream"),
    ],
)
def test_what_is_no_stream_is_refused_as_a_bad_file(content: bytes, complaint: str) -> None:
    with pytest.raises(BadFiles, match=complaint):
        parse_stream("samples.jsonl", content)


def test_line_ends_of_a_terminal_do_no_harm() -> None:
    assert [line for _, line in parse_stream("a", CONTENT.replace(b"\n", b"\r\n")).lines] == [
        line for _, line in parse_stream("a", CONTENT).lines
    ]


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [("cpu_model", "another", "two machines"), ("compiler", "another", "two builds under one target")],
)
def test_streams_of_two_machines_or_builds_are_not_mixed(name: str, value: str, complaint: str) -> None:
    other = parse_stream("two", changed(set_fact(name, value)))
    with pytest.raises(BadFiles, match=complaint):
        check_compatible([parse_stream("one", CONTENT), other])


def test_streams_of_two_agents_are_not_mixed() -> None:
    other = parse_stream("two", changed(lambda r: r.update(agent_hash="0") if r["kind"] == "request" else None))
    with pytest.raises(BadFiles, match="two agents"):
        check_compatible([parse_stream("one", CONTENT), other])


@pytest.mark.parametrize(
    ("target", "request_engine", "expected"),
    [
        ({"cpu_mode": "quota", "cpus_requested": 0.5, "period_us": 10_000}, "docker", "py313-linux-q0.5p10"),
        ({"cpu_mode": "quota", "cpus_requested": 0.5, "period_us": None}, "docker", "py313-linux-q0.5"),
        ({"cpu_mode": "cpuset", "cpus_requested": 2, "period_us": 10_000}, "docker", "py313-linux-c2"),
        ({"cpu_mode": "cpuset", "cpus_requested": 2}, "none", "py313-linux-native-c2"),
    ],
)
def test_a_streams_target_is_the_limit_that_it_saw(target: dict[str, Any], request_engine: str, expected: str) -> None:
    def change(record: Record) -> None:
        if record["kind"] == "request":
            record["engine"] = request_engine
            record["request"]["target"] = {**record["request"]["target"], **target}

    found = stream_target(parse_stream("a", changed(change)))
    assert found.id == expected
    assert (found.engine, found.cpus_visible) == (request_engine, 2)
    built = parse_stream("a", changed(set_fact("build", "free-threaded")))
    assert stream_target(built).key == "3.13t"


@pytest.mark.parametrize(
    ("affinity", "cpu_count", "visible"), [([0, 1, 5], 8, 3), (None, 8, 8), ([], 8, 8), (None, None, 1)]
)
def test_a_streams_target_sees_the_cpus_that_it_may_use_else_all_else_one(
    affinity: list[int] | None, cpu_count: int | None, visible: int
) -> None:
    def change(record: Record) -> None:
        if record["kind"] == "facts":
            record["facts"].update(affinity=affinity, cpu_count=cpu_count)

    assert stream_target(parse_stream("a", changed(change))).cpus_visible == visible


def test_a_missing_file_and_an_empty_one_are_bad_files(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="cannot be read"):
        _content(str(tmp_path / "none"))
    (tmp_path / "empty").write_bytes(b"\n")
    with pytest.raises(BadFiles, match="wrote nothing"):
        _content(str(tmp_path / "empty"))


def test_the_agent_names_itself_as_the_host_does(tmp_path: Path) -> None:
    write_stage(tmp_path)
    assert identity.agent_hash(str(tmp_path)) == agent_hash()


def test_the_engine_is_recognised_by_the_file_it_leaves(tmp_path: Path) -> None:
    assert identity.container_engine(str(tmp_path)) == "none"
    (tmp_path / ".dockerenv").touch()
    assert identity.container_engine(str(tmp_path)) == "docker"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".containerenv").touch()
    assert identity.container_engine(str(tmp_path)) == "podman"


def test_the_request_of_a_captured_stream_names_its_agent() -> None:
    request = json.loads(next(line for line in CONTENT.decode().splitlines() if '"kind":"request"' in line))
    assert len(request["agent_hash"]) == 12
    assert request["engine"] == "docker"
