"""What goes over the wire: a damaged or foreign line is refused, never half read."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable

import msgspec
import pytest

from lab.agent.default_request import default_request
from lab.agent.protocol import (
    REQUEST_VARIABLE_LIMIT,
    STREAM_VERSION,
    ProtocolError,
    decode_line,
    encode_line,
    kind_of,
    unpack_request,
)
from lab.model import Limit, Target
from lab.targets.request import Request, RequestedCell

RECORD = {"kind": "sample", "elapsed_ns": 10_000_123, "loops": 7, "columns": {"start_method": "fork"}, "value": 0.1}


def test_a_line_comes_back_as_it_went() -> None:
    line = encode_line(RECORD)
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert decode_line(line) == RECORD


def test_text_of_any_language_survives() -> None:
    record = {"reason": "größer als erlaubt: 共享内存\n\u2028"}
    line = encode_line(record)
    assert line.isascii()
    assert decode_line(line) == record


def test_sealing_a_sealed_record_again_changes_nothing() -> None:
    line = encode_line(RECORD)
    assert encode_line(json.loads(line)) == line


def test_a_line_of_another_writer_is_judged_by_its_canonical_form() -> None:
    spaced = json.dumps(json.loads(encode_line(RECORD)), indent=1).replace("\n", " ")
    assert decode_line(spaced) == RECORD
    nested = {"columns": {"crc32": 1}, "kind": "sample"}
    assert decode_line(encode_line(nested)) == nested


def test_a_changed_number_is_noticed() -> None:
    with pytest.raises(ProtocolError, match="checksum"):
        decode_line(encode_line(RECORD).replace("10000123", "10000124"))


@pytest.mark.parametrize("length", [1, 20, -3])
def test_a_torn_line_is_refused(length: int) -> None:
    with pytest.raises(ProtocolError, match="not a JSON line"):
        decode_line(encode_line(RECORD)[:length])


def test_a_line_that_is_passed_on_undecoded_has_its_kind_and_its_seal() -> None:
    line = encode_line({**RECORD, "cell": "a", "reason": '"kind":"end"', "columns": {"kind": "odd"}})
    assert kind_of(line) == "sample"
    for damaged in (line.replace("10000123", "10000124"), line[:-10], line[:20], "", "hello", '{"crc32":x,"kind":"a"}'):
        with pytest.raises(ProtocolError, match="checksum"):
            kind_of(damaged)


@pytest.mark.parametrize("line", ["[1]", '{"kind":"sample"}', "3", '"text"'])
def test_json_that_is_no_sealed_record_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError, match="not a sealed record"):
        decode_line(line)


def request(cells: int = 1) -> Request:
    target = Target(
        id="py313-linux-q0.5", key="3.13", engine="docker", os="linux", arch="x86_64",
        limit=Limit(mode="quota", cpus=0.5), cpus_visible=2,
    )  # fmt: skip
    wanted = [
        RequestedCell(
            id="ipc.round_trip/simple_queue-1048576-cross_cpu",
            scenario="ipc.round_trip",
            values={"mechanism": "simple_queue", "payload_bytes": 1048576},
            loops={"round_trip": 7},
            deadline_s=60.0,
            seed=seed,
        )
        for seed in range(cells)
    ]
    return Request.from_target(target, [0, 1], 3, wanted, slowdown_percent=5.0)


@pytest.mark.parametrize("form", [Request.text, Request.packed, lambda wanted: f"  {wanted.text()}\n"])
def test_the_agent_reads_what_the_host_asks_for_in_both_forms(form: Callable[[Request], str]) -> None:
    read = unpack_request(form(request()))
    assert read == {
        "schema_version": STREAM_VERSION,
        "target": {
            "id": "py313-linux-q0.5", "build": "gil", "cpu_mode": "quota", "cpus_requested": 0.5, "cpu_list": [0, 1],
            "quota": 0.5, "period_us": 100_000, "own_cgroup": True, "round": 3, "batches": 3,
            "inject_slowdown_percent": 5.0,
        },
        "cells": [
            {
                "id": "ipc.round_trip/simple_queue-1048576-cross_cpu", "scenario": "ipc.round_trip",
                "values": {"mechanism": "simple_queue", "payload_bytes": 1048576}, "loops": {"round_trip": 7},
                "deadline_s": 60.0, "seed": 0,
            },
        ],
    }  # fmt: skip


def test_an_agent_with_a_sidecar_gets_its_address() -> None:
    address: dict[str, str | int] = {"host": "172.18.0.2", "port": 50_000, "authkey": "ab"}
    assert unpack_request(request().with_sidecar(address).text())["target"]["companion"] == address


def test_what_an_agent_asks_itself_is_read_as_a_request() -> None:
    asked = default_request()
    read = msgspec.json.decode(json.dumps(asked), type=Request)
    assert read.by_hand
    assert [cell.id for cell in read.cells] == [cell["id"] for cell in asked["cells"]]
    assert read.target.cpu_mode == asked["target"]["cpu_mode"]


def test_a_block_of_hundred_cells_fits_the_environment() -> None:
    assert len(request(cells=100).packed()) < REQUEST_VARIABLE_LIMIT / 10


@pytest.mark.parametrize("version", [None, 0, STREAM_VERSION + 1, str(STREAM_VERSION)])
def test_a_request_of_another_schema_version_is_refused(version: object) -> None:
    with pytest.raises(ProtocolError, match="build the image again"):
        unpack_request(json.dumps({"schema_version": version}))


@pytest.mark.parametrize("text", ["", "{", "nonsense!", "bm9uc2Vuc2U=", "\u00e4"])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        unpack_request(text)


def test_a_request_that_is_no_object_is_refused() -> None:
    with pytest.raises(ProtocolError, match="not a JSON object"):
        unpack_request(base64.b64encode(zlib.compress(b"[1]")).decode())
