"""What goes over the wire between the host and a target: one request in, JSON lines out.

Versions of the stream:
    1   first version. Added since, and passed over by readers that do not know them: lines of the kind canary, `around`
        in samples, `topology` and `frequency` in facts.
"""

from __future__ import annotations

import base64
import json
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is not imported: it costs every fresh interpreter 5 ms
    from typing import Any, Dict

# Of requests and lines, in which it is called schema_version. Other labs read this line as text.
STREAM_VERSION = 1
REQUEST_VARIABLE = "COMPARISON_LAB_REQUEST"

# Linux limits one string of the environment to 128 KiB (MAX_ARG_STRLEN); this leaves room for the name.
REQUEST_VARIABLE_LIMIT = 120_000


class ProtocolError(ValueError):
    """A line or a request that is not what it should be."""


def encode_line(record: Dict[str, Any]) -> str:
    """One record as one JSON line (with its newline), sealed by the CRC-32 of all its other fields."""
    body = {key: value for key, value in record.items() if key != "crc32"}
    body["crc32"] = checksum(body)
    return json.dumps(body, separators=(",", ":"), sort_keys=True) + "\n"


def decode_line(line: str) -> Dict[str, Any]:
    """The record of one line, without its checksum.

    Raises:
        ProtocolError: the line is torn, is no JSON object, or its checksum does not match.
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
    """The kind of a line of ``encode_line``'s, whose seal is checked; for whoever passes its text on undecoded.

    No object in such a line comes between its seal and its kind: keys are sorted.

    Raises:
        ProtocolError: the line is torn, or its checksum does not match.
    """
    head, _, rest = line.partition('"crc32":')
    number, comma, tail = rest.partition(",")
    if not comma or not number.isdigit() or zlib.crc32((head + tail.rstrip("\n")).encode()) != int(number):
        raise ProtocolError("the checksum does not match")
    return tail.partition('"kind":"')[2].partition('"')[0]


def sealed_as_written(line: str, crc32: object) -> bool:
    """Whether the line less its seal has this CRC as it stands: so it is in a line of ``encode_line``'s.

    The text that was sealed is the line without the field, for keys are sorted and there are no spaces; to write the
    record out again costs as much as reading it. Any other writer's line is checked by its canonical form.
    """
    head, seal, tail = line.partition('"crc32":%s,' % crc32)
    return bool(seal) and zlib.crc32((head + tail.rstrip("\n")).encode()) == crc32


def checksum(record: Dict[str, Any]) -> int:
    """CRC-32 of the record's canonical JSON: keys sorted, no spaces."""
    return zlib.crc32(json.dumps(record, separators=(",", ":"), sort_keys=True).encode())


def unpack_request(text: str) -> Dict[str, Any]:
    """The request out of JSON, plain, or compressed and in base64 as it fits an environment variable.

    Raises:
        ProtocolError: it is neither, or it was made for another schema version.
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
            "the request has schema version %r, this agent speaks %d; build the image again"
            % (request.get("schema_version"), STREAM_VERSION)
        )
    return request
