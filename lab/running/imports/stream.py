"""One stream of the agent: ``docker run --rm IMAGE > samples.jsonl`` with the default request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from lab.agent.protocol import ProtocolError
from lab.errors import BadFiles
from lab.model import STREAM_VERSION, Facts
from lab.runs import raw
from lab.runs.raw import Done, FactsLine, Heard, RequestLine, Start, Unknown
from lab.targets.request import RequestedTarget

Lines = Sequence[tuple[bytes, Heard]]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """What stands in one stream. ``torn``: a last line that was cut off; ``whole``: whether the agent ended."""

    name: str
    facts: Facts
    request: RequestLine
    lines: Lines
    torn: bytes
    whole: bool

    @property
    def target(self) -> RequestedTarget:
        """What the target asked of itself: CPU mode, CPUs, quota and period."""
        return self.request.request.target


def parse(name: str, content: bytes) -> Stream:
    """A stream out of a file's bytes.

    Raises:
        BadFiles: it is none of the agent's, a line other than a torn last one is damaged, or it does not say enough.
    """
    lines, torn = _lines(name, content)
    first = lines[0][1] if lines else None
    if not isinstance(first, FactsLine):
        raise BadFiles(f"{name} is no stream of the lab's agent; make one with: docker run --rm IMAGE > samples.jsonl")
    if first.schema_version != STREAM_VERSION:
        raise BadFiles(
            f"{name} has schema version {first.schema_version!r}, this lab reads {STREAM_VERSION}; "
            "import it with the version of the lab that built the image"
        )
    request = next((line for _, line in lines if isinstance(line, RequestLine)), None)
    if request is None:
        raise BadFiles(
            f"{name} does not say what was asked for: a lab drove that container, or its image is an old one; "
            "build the image again and run it by hand"
        )
    try:
        facts = Facts.from_plain(first.facts)
    except msgspec.ValidationError as error:
        raise BadFiles(f"{name} is not as the agent writes it ({error}); take it anew") from None
    _check_order(name, lines, {cell.id for cell in request.request.cells})
    return Stream(
        name=name,
        facts=facts,
        request=request,
        lines=[(text, line) for text, line in lines if not isinstance(line, Done)],
        torn=torn,
        whole=isinstance(lines[-1][1], Done),
    )


def _lines(name: str, content: bytes) -> tuple[Lines, bytes]:
    """The lines, and the bytes of a last one without an end that is damaged."""
    texts = content.split(b"\n")
    found: list[tuple[bytes, Heard]] = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            line = raw.hear(text)
        except ProtocolError as error:
            if number == len(texts) and found:
                return found, text
            raise BadFiles(
                f"{name}, line {number}: {error}; a stream holds the agent's lines alone: take it anew"
            ) from None
        if isinstance(line, Unknown):
            raise BadFiles(f"{name}, line {number}: the kind {line.kind!r} is none of the agent's; take it anew")
        found.append((text.rstrip(b"\r"), line))
    return found, b""


def _check_order(name: str, lines: Lines, cells: set[str]) -> None:
    """Every line belongs to a cell of the request that was started before: else two streams were mixed."""
    started: set[str] = set()
    for _, line in lines:
        cell = getattr(line, "cell", None)
        if cell is None:
            continue
        if isinstance(line, Start):
            started.add(cell)
        if cell not in started or cell not in cells:
            raise BadFiles(f"{name}: the cell {cell!r} was not asked for or not begun; the file holds a mixed stream")
