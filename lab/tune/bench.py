"""Measures choices for the user's function on a target: a request per block, a fresh process per choice."""

from __future__ import annotations

import contextlib
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.agent.protocol import ProtocolError, decode_line
from lab.errors import NothingToRunOn, UsageError
from lab.model import Target
from lab.targets import Runner
from lab.targets.request import AxisValue, Request, RequestedCell
from lab.tune.choices import Choice, Items, Reading, Span, Status
from lab.tune.lines import LIBRARY_VARIABLES
from lab.tune.subject import Reference, Subject
from lab.tune.words import case

PROBE_S = 30.0
IMPORT_S = 120.0  # of the user's module, until a first pass has measured it
SLOWEST = 5.0  # a pass may take so many times the serial one, and then as long as starting its processes may take
START_S = 60.0

Line = Mapping[str, Any]  # of the agent's stream


@dataclass(kw_only=True)
class TargetBench:
    """A bench that sends its cells to one target.

    ``folder`` is where the serial results are kept, as the target sees it. ``log`` gets what the agent's processes
    print and say, and ``keep`` every line of a block's stream, with the number of the block.
    """

    target: Target
    runner: Runner
    subject: Subject
    folder: str
    folders: Sequence[str]
    cpus: float
    cpus_visible: int
    python: str
    keep: Callable[[str, int], None] = lambda _line, _block: None
    seed: int = 0
    _serial_s: float = field(default=0.0, init=False)
    _has_results: bool = field(default=False, init=False)

    def items(self, limit_s: float = math.inf) -> Items:
        """Run the function serially once over all items, or over as many, spread evenly, as the limit allows.

        Raises:
            UsageError: the user's code cannot be measured; the message has their traceback.
        """
        values: dict[str, AxisValue] = {"mode": "items"} | ({} if math.isinf(limit_s) else {"limit_s": limit_s})
        deadline_s = IMPORT_S + (3600.0 if math.isinf(limit_s) else 4 * limit_s)
        lines, end = self._one(values, deadline_s)
        if end["status"] != "ok":
            raise UsageError(end["reason"])
        found = next(line for line in lines if line["kind"] == "own")
        durations_ns = tuple(found["durations_ns"])
        described = Items(
            durations_ns=durations_ns,
            argument_bytes=tuple(found["argument_bytes"]),
            result_bytes=tuple(found["result_bytes"]),
            import_ns=found["import_ns"],
            total=found["total"] if found["total"] > len(durations_ns) else 0,
            warnings=tuple(found["warnings"]),
        )
        self.remember(described)
        self._has_results = True
        return described

    def remember(self, items: Items) -> None:
        """Take a description of the items that was made before; deadlines follow from it."""
        self._serial_s = (items.import_ns + sum(items.durations_ns)) / 1e9

    def unavailable(self) -> Mapping[str, str]:
        """Executors (``loky``) and start methods (``pool/fork``) that the target lacks, each with its reason.

        Raises:
            NothingToRunOn: the target does not answer.
        """
        lines, end = self._one({"mode": "probe"}, PROBE_S)
        if end["status"] != "ok":
            raise NothingToRunOn(f"{self.target.id} cannot be examined: {end['reason']}")
        return dict(next(line for line in lines if line["kind"] == "own")["unavailable"])

    def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
        """Measure one block: each choice once, in the order given; one that fails gives a reading with its reason.

        Where the items were only remembered, as after a resume, a serial pass makes the results to compare with.

        Raises:
            UsageError: that pass fails.
        """
        if not self._has_results and self.subject.check != "none":
            self.items(max(1.0, 2 * self._serial_s))
        requested = [self._values(choice, "pass", count) for choice in choices]
        found = self._cells(requested, self._deadline_s(), round_index, choices, keep=True)
        return [_reading(choice, round_index, *found[index]) for index, choice in enumerate(choices)]

    def timeline(self, choice: Choice, *, count: int = 0) -> list[Span]:
        """Run one more pass, whose times enter nothing, and say which worker ran which item when; empty if unknown."""
        found = self._cells([self._values(choice, "timeline", count)], self._deadline_s(), 0, [choice])
        lines, end = found[0]
        if end["status"] != "ok":
            return []
        spans = next(line for line in lines if line["kind"] == "own")["spans"]
        return [Span(worker=worker, item=item, start_ns=begin, end_ns=end_ns) for worker, item, begin, end_ns in spans]

    def _deadline_s(self) -> float:
        return START_S + SLOWEST * max(1.0, self._serial_s) / min(1.0, self.cpus)

    def _values(self, choice: Choice, mode: str, count: int) -> dict[str, AxisValue]:
        return {
            "mode": mode,
            "executor": choice.executor,
            "workers": choice.workers,
            "start_method": choice.start_method,
            "chunksize": choice.chunksize,
            "library_threads": choice.library_threads,
            "count": count,
        }

    def _one(self, values: Mapping[str, AxisValue], deadline_s: float) -> tuple[list[Line], Line]:
        return self._cells([values], deadline_s, 0, [None])[0]

    def _cells(
        self,
        requested: Sequence[Mapping[str, AxisValue]],
        deadline_s: float,
        round_index: int,
        choices: Sequence[Choice | None],
        *,
        keep: bool = False,
    ) -> list[tuple[list[Line], Line]]:
        """Lines and end of each cell, in the order given; a cell that the agent's end cut off has a failed end."""
        cells = [
            RequestedCell(
                id=f"{self.subject.label}/{case(choice) if choice else values['mode']}",
                scenario=self.subject.label,
                values=values,
                deadline_s=deadline_s,
                seed=self.seed + round_index,
                own=self._own(),
                environment=_library_threads(choice.library_threads if choice else 0),
            )
            for values, choice in zip(requested, choices, strict=True)
        ]
        cpus = self.runner.cpus_for(self.target, round_index)
        request = Request.from_target(self.target, cpus, round_index, cells)
        lines: dict[str, list[Line]] = {cell.id: [] for cell in cells}
        ends: dict[str, Line] = {}
        with self.runner.start(self.target, cpus, request) as running:
            for line in self._lines(running.lines(), round_index if keep else None):
                if line["kind"] == "end":
                    ends[line["cell"]] = line
                elif line["kind"] in {"own", "sample"}:
                    lines[line["cell"]].append(line)
            ended = "" if len(ends) == len(cells) else running.why_ended()
        missing = {"status": "failed", "reason": ended}
        return [(lines[cell.id], ends.get(cell.id, missing)) for cell in cells]

    def _lines(self, texts: Iterator[str], block: int | None) -> Iterator[Line]:
        for text in texts:
            with contextlib.suppress(ProtocolError):  # a line that the agent's death has cut off
                line = decode_line(text)
                if block is not None:
                    self.keep(text, block)
                yield line

    def _own(self) -> dict[str, Any]:
        subject = self.subject
        return {
            "module": subject.function.module,
            "function": subject.function.name,
            "items": _named(subject.items),
            "init": _named(subject.initializer),
            "check": subject.check,
            "folder": self.folder,
            "paths": list(self.folders),
        }


@contextlib.contextmanager
def native_bench(subject: Subject, target: Target, runner: Runner, *, cpus_visible: int) -> Iterator[TargetBench]:
    """A bench for an interpreter of this machine; its folder of serial results is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="lab-own-", ignore_cleanup_errors=True) as folder:
        yield TargetBench(
            target=target,
            runner=runner,
            subject=subject,
            folder=folder,
            folders=[str(path) for path in subject.folders],
            cpus=target.limit.cpus,
            cpus_visible=cpus_visible,
            python=target.key,
        )


def _named(what: Reference | str | None) -> dict[str, str] | None:
    if what is None:
        return None
    return {"expression": what} if isinstance(what, str) else {"module": what.module, "name": what.name}


def _library_threads(count: int) -> dict[str, str | None]:
    """The variables of the cell's interpreter: the count, or what the user has set."""
    return {name: str(count) if count else os.environ.get(name) for name in LIBRARY_VARIABLES}


def _reading(choice: Choice, round_index: int, lines: Sequence[Line], end: Line) -> Reading:
    status: Status = end["status"]
    if status != "ok":
        return Reading(
            choice=choice, round=round_index, wall_ns=0, start_ns=0, cpu_ns=0, status=status, reason=end["reason"]
        )
    by_operation = {line["operation"]: line for line in lines if line["kind"] == "sample"}
    spent = by_operation["pass"]["spent"]
    return Reading(
        choice=choice,
        round=round_index,
        wall_ns=by_operation["pass"]["elapsed_ns"],
        start_ns=by_operation["start"]["elapsed_ns"] if "start" in by_operation else 0,
        cpu_ns=spent.get("cpu_ns", 0),
        throttled_ns=spent.get("throttled_ns", 0),
        memory_bytes=round(by_operation["all_processes"]["value"]) if "all_processes" in by_operation else 0,
        pool_workers=round(by_operation["workers"]["value"]) if "workers" in by_operation else 0,
    )
