"""Parse one stream of the agent, as ``docker run --rm IMAGE > samples.jsonl`` writes it for the default request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from lab.agent.protocol import ProtocolError
from lab.errors import BadFiles
from lab.model import STREAM_VERSION, Facts
from lab.runs import raw
from lab.runs.raw import Done, FactsLine, RequestLine, Start, StreamLine, Unknown
from lab.targets.request import RequestedTarget

LATEST_S = 2.0**37  # since 1970: thousands of years, which every platform can write as a date
Lines = Sequence[tuple[bytes, StreamLine]]


@dataclass(frozen=True, kw_only=True)
class Stream:
    """The content of one stream.

    Attributes:
        name: the file's name, for messages.
        facts: the target's facts.
        request: the request that the agent made for itself.
        lines: text and decoded form of each line.
        torn: a last line that was cut off; empty without one.
        whole: whether the agent reached its end.
    """

    name: str
    facts: Facts
    request: RequestLine
    lines: Lines
    torn: bytes
    whole: bool

    @property
    def target(self) -> RequestedTarget:
        """The target of the request: CPU mode, CPUs, quota and period."""
        return self.request.request.target


def parse_stream(name: str, content: bytes) -> Stream:
    """Parse the content of the file ``name``.

    Raises:
        BadFiles: the content is not a stream of an agent run by hand, has another version, or is damaged elsewhere
            than in a torn last line.
    """
    lines, torn = _lines(name, content)
    first = lines[0][1] if lines else None
    if not isinstance(first, FactsLine):
        raise BadFiles(
            f"{name} is not a stream of the lab's agent; make one with: docker run --rm IMAGE > samples.jsonl"
        )
    if first.schema_version != STREAM_VERSION:
        raise BadFiles(
            f"{name} has schema version {first.schema_version!r} and this lab reads {STREAM_VERSION}; "
            "import it with the version of the lab that built the image"
        )
    request = next((line for _, line in lines if isinstance(line, RequestLine)), None)
    if request is None:
        raise BadFiles(
            f"{name} does not contain its request: a lab drove the container, or the image is an old one; "
            "build the image again and run it by hand"
        )
    try:
        facts = Facts.from_plain(first.facts)
    except msgspec.ValidationError as error:
        raise BadFiles(f"{name} has facts that the agent does not write ({error}); record the stream again") from None
    if not 0 <= request.began_s < LATEST_S:
        raise BadFiles(f"{name} began at {request.began_s!r} s, which is not a time; record the stream again")
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
    """Decode the lines; the second value is a torn last line, empty without one.

    Raises:
        BadFiles: a line other than a torn last one is damaged, or of an unknown kind.
    """
    texts = content.split(b"\n")
    found: list[tuple[bytes, StreamLine]] = []
    for number, text in enumerate(texts, 1):
        if not text.strip():
            continue
        try:
            line = raw.decode_stream_line(text)
        except ProtocolError as error:
            if number == len(texts) and found:
                return found, text
            raise BadFiles(
                f"{name}, line {number}: {error}; a stream has lines of the agent only: record it again"
            ) from None
        if isinstance(line, Unknown):
            raise BadFiles(
                f"{name}, line {number}: {line.kind!r} is not a kind that this lab's agent writes; record it again"
            )
        found.append((text.rstrip(b"\r"), line))
    return found, b""


def _check_order(name: str, lines: Lines, cells: set[str]) -> None:
    """Check that every line belongs to a requested cell that was started before it.

    Raises:
        BadFiles: a line does not, so that lines of two streams must have been mixed.
    """
    started: set[str] = set()
    for _, line in lines:
        cell = getattr(line, "cell", None)
        if cell is None:
            continue
        if isinstance(line, Start):
            started.add(cell)
        if cell not in started or cell not in cells:
            raise BadFiles(
                f"{name}: the cell {cell!r} was not requested or not started; the file holds a mixed stream: "
                "record each stream into a file of its own"
            )
