"""One stream of the agent: ``docker run --rm IMAGE > samples.jsonl`` with the default request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.agent.protocol import SCHEMA_VERSION, ProtocolError, decode_line
from lab.errors import BadFiles

KINDS = frozenset({"facts", "request", "canary", "start", "calibration", "sample", "end", "done"})


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What one stream tells. ``torn``: a last line that was cut off; ``whole``: whether the agent came to its end."""

    name: str
    facts: dict[str, Any]
    request: dict[str, Any]
    records: tuple[dict[str, Any], ...]
    torn: bytes
    whole: bool

    @property
    def target(self) -> dict[str, Any]:
        """What the target asked of itself: CPU mode, CPUs, quota and period."""
        found: dict[str, Any] = self.request["request"]["target"]
        return found


def parse(name: str, content: bytes) -> Stream:
    """A stream out of a file's bytes.

    Raises:
        BadFiles: it is none of the agent's, a line other than a torn last one is damaged, or it does not say enough.
    """
    records, torn = _records(name, content)
    if not records or records[0]["kind"] != "facts":
        raise BadFiles(f"{name} is no stream of the lab's agent; make one with: docker run --rm IMAGE > samples.jsonl")
    first = records[0]
    if first.get("schema_version") != SCHEMA_VERSION:
        raise BadFiles(
            f"{name} has schema version {first.get('schema_version')!r}, this lab reads {SCHEMA_VERSION}; "
            "import it with the version of the lab that built the image"
        )
    request = next((record for record in records if record["kind"] == "request"), None)
    if request is None:
        raise BadFiles(
            f"{name} does not say what was asked for: a lab drove that container, or its image is an old one; "
            "build the image again and run it by hand"
        )
    _check_order(name, records, {cell["id"] for cell in request["request"]["cells"]})
    return Stream(
        name=name,
        facts=first["facts"],
        request=request,
        records=tuple(record for record in records if record["kind"] != "done"),
        torn=torn,
        whole=records[-1]["kind"] == "done",
    )


def _records(name: str, content: bytes) -> tuple[list[dict[str, Any]], bytes]:
    """The records, and the bytes of a last line without an end that is no record."""
    lines = content.split(b"\n")
    found: list[dict[str, Any]] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = decode_line(line.decode("utf-8", "replace").rstrip("\r"))
        except ProtocolError as error:
            if number == len(lines) and found:
                return found, line
            raise BadFiles(
                f"{name}, line {number}: {error}; a stream holds the agent's lines alone: take it anew"
            ) from None
        if record.get("kind") not in KINDS:
            raise BadFiles(
                f"{name}, line {number}: the kind {record.get('kind')!r} is none of the agent's; take it anew"
            )
        found.append(record)
    return found, b""


def _check_order(name: str, records: list[dict[str, Any]], cells: set[str]) -> None:
    """Every line belongs to a cell of the request that was started before: else two streams were mixed."""
    started: set[str] = set()
    for record in records:
        cell = record.get("cell")
        if cell is None:
            continue
        if record["kind"] == "start":
            started.add(cell)
        if cell not in started or cell not in cells:
            raise BadFiles(f"{name}: the cell {cell!r} was not asked for or not begun; the file holds a mixed stream")
