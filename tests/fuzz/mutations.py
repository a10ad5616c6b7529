"""How a file is damaged or forged: bytes, lines, and the values of JSON, sealed again where lines have a seal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from lab.agent.protocol import encode_line

Draw = Callable[[st.SearchStrategy[Any]], Any]
Place = tuple[str | int, ...]

DEEP: list[Any] = []
for _ in range(200):
    DEEP = [DEEP]
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 0.5, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400, 1e308, -1e308, 5e-324,
    float("nan"), float("inf"), "", " ", "x", "\x00", "\ud800", "é", "\U0001f600", "\r\n", "../../x", "/etc/passwd",
    "C:\\x", "<script>alert(1)</script>", "=1+1", "%s{0}{{x}}", "ok", "failed", "quota", "a" * 5000, [], {}, [[]], [1],
    {"a": 1}, DEEP,
]  # fmt: skip
TOKENS = [
    b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\n", b"\r", b"\r\n", b",", b'"', b"'", b"{", b"}", b"[", b"]", b":",
    b"null", b"NaN", b"-1", b"0", b"1e999", b"9" * 400, b"9223372036854775808", b"\xc3\x28", b"[" * 5000, b"=1+1",
    b"a" * 3000,
]  # fmt: skip


def damaged(draw: Draw, content: bytes) -> bytes:
    """The content after one to three changes of bytes or lines."""
    for _ in range(draw(st.integers(1, 3))):
        content = draw(st.sampled_from(CHANGES))(draw, content)
    return content


def _position(draw: Draw, content: bytes) -> int:
    return int(draw(st.integers(0, len(content))))


def _cut_off(draw: Draw, content: bytes) -> bytes:
    return content[: _position(draw, content)]


def _replaced_byte(draw: Draw, content: bytes) -> bytes:
    at = _position(draw, content)
    return content[:at] + bytes([draw(st.integers(0, 255))]) + content[at + 1 :]


def _removed_span(draw: Draw, content: bytes) -> bytes:
    at = _position(draw, content)
    return content[:at] + content[at + draw(st.integers(1, 64)) :]


def _repeated_span(draw: Draw, content: bytes) -> bytes:
    at = _position(draw, content)
    end = at + draw(st.integers(1, 256))
    return content[:end] + content[at:]


def _inserted_token(draw: Draw, content: bytes) -> bytes:
    at = _position(draw, content)
    token: bytes = draw(st.sampled_from(TOKENS))
    return content[:at] + token + content[at:]


def _moved_lines(draw: Draw, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    if not lines:
        return content
    line = lines.pop(draw(st.integers(0, len(lines) - 1)))
    for _ in range(draw(st.integers(0, 2))):
        lines.insert(draw(st.integers(0, len(lines))), line)
    return b"".join(lines)


def _encoded_anew(draw: Draw, content: bytes) -> bytes:
    """As Windows programs save text, or as a foreign program might."""
    encoding = draw(st.sampled_from(["utf-16", "utf-8-sig", "utf-16-be", "latin-1", "utf-7"]))
    return content.decode("utf-8", "replace").encode(encoding, "replace")


CHANGES = (
    _cut_off, _replaced_byte, _removed_span, _repeated_span, _inserted_token, _moved_lines, _encoded_anew,
)  # fmt: skip


def places(value: object, place: Place = ()) -> Iterator[Place]:
    """The path to every value of a JSON value."""
    yield place
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*place, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:20]):
            yield from places(inner, (*place, number))


def forged(draw: Draw, value: object) -> Any:
    """The JSON value with one value inside it replaced, removed, renamed or repeated. ``value`` itself is changed."""
    found = [place for place in places(value) if place]
    if not found:
        return deepcopy(draw(st.sampled_from(VALUES)))
    *path, last = draw(st.sampled_from(found))
    holder: Any = value
    for step in path:
        holder = holder[step]
    match draw(st.sampled_from(["replace", "replace", "replace", "remove", "rename", "repeat"])):
        case "remove":
            del holder[last]
        case "rename" if isinstance(holder, dict):
            holder[draw(st.sampled_from(["", "x", "\ud800", "id", "kind", "a" * 300]))] = holder.pop(last)
        case "repeat" if isinstance(holder, list):
            holder.append(deepcopy(holder[last]))
        case _:
            holder[last] = deepcopy(draw(st.sampled_from(VALUES)))  # a later change may be inside it
    return value


def forged_json(draw: Draw, content: bytes) -> bytes:
    """The text of a JSON file after one to three changes of its values."""
    value = json.loads(content)
    for _ in range(draw(st.integers(1, 3))):
        value = forged(draw, value)
    return json.dumps(value).encode()


def forged_lines(draw: Draw, content: bytes) -> bytes:
    """The content of a file of sealed lines after changes of values in one or two lines, which are sealed again."""
    lines = content.splitlines()
    for _ in range(draw(st.integers(1, 2))):
        number = draw(st.integers(0, len(lines) - 1))
        record = json.loads(lines[number])
        record.pop("crc32", None)
        record = forged(draw, record)
        if isinstance(record, dict):
            lines[number] = encode_line(record).encode("utf-8", "surrogatepass").rstrip(b"\n")
    return b"\n".join(lines) + b"\n"


def forged_fields(draw: Draw, content: bytes) -> bytes:
    """The text of a CSV with some of its fields replaced."""
    rows = [line.split(b",") for line in content.split(b"\r\n" if b"\r\n" in content else b"\n")]
    for _ in range(draw(st.integers(1, 3))):
        row = draw(st.sampled_from(rows))
        value = draw(st.sampled_from([str(value).encode("utf-8", "surrogatepass") for value in VALUES] + TOKENS))
        row[draw(st.integers(0, len(row) - 1))] = value
    return b"\r\n".join(b",".join(row) for row in rows)
