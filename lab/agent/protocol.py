"""The protocol between the host and a target's agent: the agent reads one request and writes JSON lines, the stream.

Versions of the stream:
    1   First version. Readers ignore what they do not know, so these were added without a new version: lines of the
        kind canary, `around` in samples, `topology` and `frequency` in facts.
"""

from __future__ import annotations

import base64
import json
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is not imported: it costs every fresh interpreter 5 ms
    from typing import Any, Dict

# The version of requests and lines, where it is called schema_version. Other labs read this line as text.
STREAM_VERSION = 1
STEPS = "steps_per_ms"  # of work whose length is given in time: in a request's target, and as a calibration
REQUEST_VARIABLE = "COMPARISON_LAB_REQUEST"

# Linux limits one string of the environment to 128 KiB (MAX_ARG_STRLEN); this leaves room for the name.
REQUEST_VARIABLE_LIMIT = 120_000


class ProtocolError(ValueError):
    """A line or a request that violates the protocol."""


def encode_line(record: Dict[str, Any]) -> str:
    """Encode a record as one JSON line with its newline; its field ``crc32`` (the seal) is the checksum of the rest."""
    body = {key: value for key, value in record.items() if key != "crc32"}
    body["crc32"] = checksum(body)
    return json.dumps(body, separators=(",", ":"), sort_keys=True) + "\n"


def decode_line(line: str) -> Dict[str, Any]:
    """Decode one line into its record, without the checksum.

    Raises:
        ProtocolError: the line is torn, is not a JSON object, or its checksum does not match.
    """
    try:
        record = json.loads(line)
    except ValueError as error:
        raise ProtocolError("not a JSON line: %s" % error) from None
    if not isinstance(record, dict) or "crc32" not in record:
        raise ProtocolError("not a sealed record")
    expected = record.pop("crc32")
    if not sealed_as_written(line, expected) and checksum(record) != expected:
        raise ProtocolError("the checksum does not match")
    return record


def kind_of(line: str) -> str:
    """Check the seal of a line that ``encode_line`` wrote, and return its kind without decoding it.

    The text is searched for the key ``kind``. Keys are sorted, and no field between ``crc32`` and ``kind`` of a
    cell's lines holds an object that could have such a key.

    Raises:
        ProtocolError: the line is torn, or its checksum does not match.
    """
    head, _, rest = line.partition('"crc32":')
    number, comma, tail = rest.partition(",")
    if not comma or not number.isdigit() or zlib.crc32((head + tail.rstrip("\n")).encode()) != int(number):
        raise ProtocolError("the checksum does not match")
    return tail.partition('"kind":"')[2].partition('"')[0]


def sealed_as_written(line: str, crc32: object) -> bool:
    """Whether the line's text without its seal has this CRC-32, as in lines that ``encode_line`` wrote.

    This saves encoding the record again, which costs as much as decoding it. It works because ``encode_line`` sorts
    keys and writes no spaces; lines of other writers must be checked in their canonical form.
    """
    head, seal, tail = line.partition('"crc32":%s,' % crc32)
    return bool(seal) and zlib.crc32((head + tail.rstrip("\n")).encode()) == crc32


def checksum(record: Dict[str, Any]) -> int:
    """The CRC-32 of the record's canonical JSON, which has sorted keys and no spaces."""
    return zlib.crc32(json.dumps(record, separators=(",", ":"), sort_keys=True).encode())


def unpack_request(text: str) -> Dict[str, Any]:
    """Decode a request from JSON, either plain or compressed and base64-encoded, as in an environment variable.

    Raises:
        ProtocolError: the text is not such a request, or has another version of the stream.
    """
    text = text.strip()
    try:
        plain = text if text.startswith("{") else zlib.decompress(base64.b64decode(text)).decode()
        request = json.loads(plain)
    except (ValueError, zlib.error) as error:
        raise ProtocolError("the request cannot be read: %s" % error) from None
    if not isinstance(request, dict):
        raise ProtocolError("the request is not a JSON object")
    if request.get("schema_version") != STREAM_VERSION:
        raise ProtocolError(
            "the request has schema version %r and this agent reads %d; build the image again"
            % (request.get("schema_version"), STREAM_VERSION)
        )
    return request
