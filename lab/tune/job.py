"""Tune a function on each of its targets: search, answer, and write the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lab.errors import Interrupted, TargetUnsupported, UsageError
from lab.runs.folder import RunFolder
from lab.tune.answer import Answer, answer
from lab.tune.choices import Bench, Span
from lab.tune.display import Display
from lab.tune.journal import Journal
from lab.tune.lines import Job
from lab.tune.page import write_pages
from lab.tune.search import search

if TYPE_CHECKING:
    from rich.console import Console


class Place(Protocol):
    """A target on which a function can be measured."""

    @property
    def target(self) -> str:
        """Its id."""
        ...

    def open(self, folder: RunFolder) -> AbstractContextManager[Bench]:
        """Start what measures there; raw lines go into the folder.

        Raises:
            TargetUnsupported: this machine cannot provide the target.
            UsageError: the function cannot be measured there.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The result: one answer per target that could be measured, and the reason for each that could not."""

    title: str
    answers: tuple[Answer, ...]
    failed: Mapping[str, str]
    page: Path

    @property
    def has_failures(self) -> bool:
        """Whether a target, or an option on one, failed where it should have worked."""
        readings = [item for found in self.answers for item in (*found.found.search, *found.found.final)]
        return bool(self.failed) or any(item.status in ("failed", "timeout") for item in readings)


def tune(
    title: str,
    places: Sequence[Place],
    job: Job,
    folder: RunFolder,
    console: Console,
    *,
    budget_s: float,
    seed: int,
    quiet: bool,
) -> Tuned:
    """Tune on each target by itself, and write the page of all.

    ``title`` is the function as the user named it; ``folder`` may have journals, which are continued.

    Raises:
        Interrupted: the user stopped the search; its journals are kept.
        UsageError: no target could be measured; the message is that of the first.
    """
    answers: list[Answer] = []
    failed: dict[str, str] = {}
    spans: dict[str, Sequence[Span]] = {}
    cpus: dict[str, float] = {}
    for place in places:
        try:
            with place.open(folder) as bench, Display(console, place.target, budget_s, quiet=quiet) as watch:
                journal = Journal(bench, folder.path / f"{place.target}.jsonl")
                found = search(journal, budget_s, journal.clock, seed, watch)
                result = answer(place.target, found, journal, job)
                chosen = (result.pool or result.verdict.recommended).choice
                count = found.count if found.count < found.total else 0
                spans[place.target] = journal.timeline(chosen, count=count)
        except KeyboardInterrupt:
            raise Interrupted(
                f"stopped, and what was measured is kept; continue with: python -m lab tune --resume {folder.path}"
            ) from None
        except (TargetUnsupported, UsageError) as error:
            if len(places) == 1:
                raise
            failed[place.target] = str(error)
            continue
        answers.append(result)
        cpus[place.target] = bench.cpus
    if not answers:
        raise UsageError("; ".join(f"{target}: {reason}" for target, reason in failed.items()))
    page = write_pages(title, answers, spans, cpus, folder.path)
    return Tuned(title=title, answers=tuple(answers), failed=failed, page=page)
