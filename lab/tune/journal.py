"""The journal of a search: every block as it was measured, so that a search that was stopped continues where it was.

A search is determined by its seed, its readings and the time that they took. Read again from the journal, they lead it
to the block at which it stopped, within a moment. One JSON line per call of the bench; a torn last line is left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from lab.errors import BadFiles, UsageError
from lab.tune.choices import Bench, Choice, Items, Reading, Span


class Recorded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call of the bench and what it returned; ``took_s`` is how long it took."""

    took_s: float
    choices: tuple[Choice, ...] = ()
    count: int = 0
    items: Items | None = None
    readings: tuple[Reading, ...] = ()
    spans: tuple[Span, ...] = ()
    unavailable: dict[str, str] | None = None


class Journal:
    """A bench that notes every call in a file, and answers from the file first. ``clock`` includes what is answered so.

    Raises:
        BadFiles: a line but the last is damaged.
    """

    def __init__(self, bench: Bench, path: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._bench = bench
        self._path = path
        self._now = now
        self._began_s = now()
        self._known = read(path) if path.exists() else []
        self._next = 0
        self._unavailable: Mapping[str, str] | None = None
        self.cpus, self.cpus_visible, self.python = bench.cpus, bench.cpus_visible, bench.python
        path.write_bytes(b"".join(msgspec.json.encode(item) + b"\n" for item in self._known))

    @property
    def replayed(self) -> int:
        """How many calls the file answered."""
        return self._next

    def clock(self) -> float:
        """Seconds that the search has taken, in this process and in those before."""
        return sum(item.took_s for item in self._known[: self._next]) + self._now() - self._began_s

    def items(self, limit_s: float = math.inf) -> Items:
        """As the bench's."""
        found = self._call(Recorded(took_s=0), lambda: {"items": self._bench.items(limit_s)}).items
        assert found
        self.remember(found)
        return found

    def remember(self, items: Items) -> None:
        """As the bench's."""
        self._bench.remember(items)

    def unavailable(self) -> Mapping[str, str]:
        """As the bench's, which is asked once."""
        if self._unavailable is None:
            call = self._call(Recorded(took_s=0), lambda: {"unavailable": dict(self._bench.unavailable())})
            self._unavailable = call.unavailable or {}
        return self._unavailable

    def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
        """As the bench's."""
        wanted = Recorded(took_s=0, choices=tuple(choices), count=count)
        call = self._call(wanted, lambda: {"readings": tuple(self._bench.measure(choices, round_index, count=count))})
        return list(call.readings)

    def timeline(self, choice: Choice, *, count: int = 0) -> list[Span]:
        """As the bench's."""
        wanted = Recorded(took_s=0, choices=(choice,), count=count)
        return list(self._call(wanted, lambda: {"spans": tuple(self._bench.timeline(choice, count=count))}).spans)

    def _call(self, wanted: Recorded, ask: Callable[[], dict[str, Any]]) -> Recorded:
        if self._next < len(self._known):
            known = self._known[self._next]
            if (known.choices, known.count) != (wanted.choices, wanted.count):
                raise BadFiles(
                    f"{self._path} was written by another version of the search, at its line {self._next + 1}; "
                    "start again without --resume"
                )
            self._next += 1
            return known
        began = self._now()
        answered = ask()
        made = msgspec.structs.replace(wanted, took_s=self._now() - began, **answered)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(made) + b"\n")
        return made


class Finished:
    """A bench that measures nothing, for a journal that has all answers."""

    def __init__(self, folder: Path, *, cpus: float, cpus_visible: int, python: str) -> None:
        self._folder = folder
        self.cpus, self.cpus_visible, self.python = cpus, cpus_visible, python

    def items(self, limit_s: float = math.inf) -> Items:
        """Refuse."""
        del limit_s
        raise self._refusal()

    def remember(self, items: Items) -> None:
        """It has no deadlines."""

    def unavailable(self) -> Mapping[str, str]:
        """Refuse."""
        raise self._refusal()

    def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
        """Refuse."""
        del choices, round_index, count
        raise self._refusal()

    def timeline(self, choice: Choice, *, count: int = 0) -> list[Span]:
        """Refuse."""
        del choice, count
        raise self._refusal()

    def _refusal(self) -> UsageError:
        return UsageError(
            f"the tune in {self._folder} was stopped before its end; "
            f"continue it with: python -m lab tune --resume {self._folder}"
        )


def read(path: Path) -> list[Recorded]:
    """The calls in a journal, without a torn last line.

    Raises:
        BadFiles: another line is damaged.
    """
    lines = path.read_bytes().split(b"\n")
    found = []
    for number, line in enumerate(lines[:-1], 1):
        try:
            found.append(msgspec.json.decode(line, type=Recorded))
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadFiles(f"{path}, line {number} is damaged ({error}); start again without --resume") from None
    return found
