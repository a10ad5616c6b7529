"""Draw cases of one kind of file, and check what the lab says to each."""

from __future__ import annotations

import re
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from lab.errors import LabError
from tests.fuzz.files import KINDS, Kind

LONGEST_MESSAGE = 4100  # characters: a sentence may quote values of the file


@dataclass(kw_only=True)
class Outcome:
    """How many files of a kind were read and refused; ``faults`` maps where a fault is to its traceback."""

    read: int = 0
    refused: int = 0
    faults: dict[str, str] = field(default_factory=dict)

    def add_fault(self, error: Exception, content: bytes) -> None:
        """Keep the traceback of the first case of each fault, with the start of the file that caused it."""
        where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
        own = [place for place in where if "/lab/" in place or "/tests/" in place]
        text = f"{''.join(traceback.format_exception(error)[-12:])}\nof {content[:300]!r}"
        self.faults.setdefault(f"{type(error).__name__} {own[-1]}", text)


def check(kind: str, count: int, seed: int) -> Outcome:
    """Read ``count`` changed files of a kind."""
    tried, found = KINDS[kind], Outcome()
    original = tried.content()

    @hypothesis.seed(seed)
    @settings(
        max_examples=count, deadline=None, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def one(data: st.DataObject) -> None:
        content = data.draw(st.sampled_from(tried.changes))(data.draw, original)
        try:
            _read(tried, content, found)
        except Exception as error:  # noqa: BLE001 - whatever a reader raises is what is sought
            found.add_fault(error, content)

    one()
    return found


def _read(tried: Kind, content: bytes, found: Outcome) -> None:
    with tempfile.TemporaryDirectory(prefix="lab-fuzz-", ignore_cleanup_errors=True) as folder:
        path = Path(folder, tried.name)
        path.write_bytes(content)
        try:
            tried.read(path)
            found.read += 1
        except LabError as error:
            found.refused += 1
            check_message(error, tried)


def check_message(error: LabError, tried: Kind) -> None:
    """A message is one sentence on the file and what to do, and its exit code is that of the kind."""
    text = str(error)
    assert re.search(tried.shown or re.escape(tried.name), text), f"the file is not named: {text}"
    assert len(text) < LONGEST_MESSAGE, f"{len(text)} characters: {text[:300]}"
    assert ";" in text, f"nothing says what to do: {text}"
    assert not set("\n\r\x00\x1b") & set(text), f"more than one line: {text!r}"
    assert error.exit_code is tried.code, f"exit code {error.exit_code}: {text}"
