"""What goes over the wire: a damaged or foreign line is refused, never half read."""

from __future__ import annotations

import json

import pytest

from lab.agent.protocol import (
    REQUEST_VARIABLE_LIMIT,
    SCHEMA_VERSION,
    ProtocolError,
    decode_line,
    encode_line,
    pack_request,
    unpack_request,
)

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


@pytest.mark.parametrize("line", ["[1]", '{"kind":"sample"}', "3", '"text"'])
def test_json_that_is_no_sealed_record_is_refused(line: str) -> None:
    with pytest.raises(ProtocolError, match="not a sealed record"):
        decode_line(line)


def test_a_request_comes_back_from_both_of_its_forms() -> None:
    request = {"schema_version": SCHEMA_VERSION, "target": {}, "cells": []}
    assert unpack_request(pack_request(request)) == request
    assert unpack_request("  " + json.dumps(request) + "\n") == request


def test_a_block_of_hundred_cells_fits_the_environment() -> None:
    cell = {"id": "ipc.round_trip/simple_queue-1048576-cross_cpu", "values": {"mechanism": "simple_queue"}, "seed": 1}
    request = {"schema_version": SCHEMA_VERSION, "cells": [{**cell, "seed": seed} for seed in range(100)]}
    assert len(pack_request(request)) < REQUEST_VARIABLE_LIMIT / 10


@pytest.mark.parametrize("version", [None, 0, SCHEMA_VERSION + 1, str(SCHEMA_VERSION)])
def test_a_request_of_another_schema_version_is_refused(version: object) -> None:
    with pytest.raises(ProtocolError, match="build the image again"):
        unpack_request(json.dumps({"schema_version": version}))


@pytest.mark.parametrize("text", ["", "{", "nonsense!", "bm9uc2Vuc2U=", "\u00e4"])
def test_what_is_no_request_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError, match="cannot be read"):
        unpack_request(text)


def test_a_request_that_is_no_object_is_refused() -> None:
    with pytest.raises(ProtocolError, match="not a JSON object"):
        unpack_request(pack_request([1]))  # type: ignore[arg-type]
