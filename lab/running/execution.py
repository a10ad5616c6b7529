"""Carry out a plan in rounds and blocks and write raw files. A failed cell gets a record, and the run continues."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from lab.agent.protocol import ProtocolError
from lab.errors import EngineError, TargetUnsupported
from lab.model import Cell, Target, WallSplit
from lab.planning.cells import blocks
from lab.planning.profiles import Profile
from lab.running.progress import Progress
from lab.running.state import State, record_attempt
from lab.runs import raw
from lab.runs.folder import RunFolder
from lab.runs.raw import Attempt, Calibration, Done, End, FactsLine, Start, StreamSample
from lab.stats.stopping import enough
from lab.targets import Runner
from lab.targets.request import Request, RequestedCell
from lab.text import plural

BLOCK_S = 10.0


@dataclass(kw_only=True)
class Split:
    """The shares of a run's wall time in nanoseconds, except that of the host, which is the remainder."""

    timed_ns: int = 0
    warmup_ns: int = 0
    interpreter_ns: int = 0
    container_ns: int = 0
    teardown_ns: int = 0
    warmup_parts_ns: dict[str, int] = field(default_factory=dict)

    def seconds(self, wall_s: float) -> WallSplit:
        """The shares in seconds; the host's share is what remains of ``wall_s``."""
        containers_ns = self.container_ns + self.teardown_ns
        known_ns = self.timed_ns + self.warmup_ns + self.interpreter_ns + containers_ns
        return WallSplit(
            wall_s=wall_s,
            timed_s=self.timed_ns / 1e9,
            warmup_s=self.warmup_ns / 1e9,
            warmup_parts_s={name: spent_ns / 1e9 for name, spent_ns in self.warmup_parts_ns.items()} or UNSET,
            interpreter_s=self.interpreter_ns / 1e9,
            container_s=containers_ns / 1e9,
            host_s=max(0.0, wall_s - known_ns / 1e9),
        )


@dataclass(frozen=True, kw_only=True)
class Execution:
    """A run in progress: the plan, the runners of its targets, and the folder that it is written to.

    Attributes:
        folder: the run folder, locked.
        cells: the plan.
        targets: target id -> target.
        runners: ``Target.runner`` -> runner.
        profile: how many rounds are measured.
        budget_s: the time limit in seconds.
        seed: the seed of every random order.
        slowdown_percent: the slowdown on purpose of all targets.
        progress: the display.
        state: what is known of each cell.
        split: the shares of the wall time, which the run adds to.
        slowdowns: target id -> the slowdown on purpose of this target, which replaces ``slowdown_percent``.
        block_s: the longest time that a block takes on a target.
        clock: a monotonic clock in seconds, for the budget and the shares of the wall time.
    """

    folder: RunFolder
    cells: Sequence[Cell]
    targets: Mapping[str, Target]
    runners: Mapping[str, Runner]
    profile: Profile
    budget_s: float
    seed: int
    slowdown_percent: float
    progress: Progress
    state: State
    split: Split
    slowdowns: Mapping[str, float] = field(default_factory=dict)
    block_s: float = BLOCK_S
    clock: Callable[[], float] = time.perf_counter

    def run(self) -> int:
        """Carry out all rounds, and return the number of rounds that were started."""
        began = self.clock()
        longest_s = 0.0
        for number in range(self.profile.max_rounds):
            todo = self._open_cells(number)
            if not todo:
                continue
            left_s = self.budget_s - (self.clock() - began)
            if number and left_s < longest_s:
                self.progress.note(
                    f"stopped after {plural(number, 'round')}, for another one may exceed the budget of "
                    f"{self.budget_s:g} s"
                )
                return number
            round_began = self.clock()
            self._round(number, todo, began + self.budget_s if number == 0 else math.inf)
            longest_s = max(longest_s, self.clock() - round_began)
        return self.profile.max_rounds

    def _open_cells(self, number: int) -> list[Cell]:
        """The cells to measure in a round: not yet finished, and after the planned rounds not yet precise enough."""
        done = self.state.done.get(number, set())
        open_cells = [cell for cell in self.cells if cell.id not in done and cell.id not in self.state.excluded]
        if number < self.profile.rounds:
            return open_cells
        precision = self.profile.precision
        return [cell for cell in open_cells if not enough(self.state.centres.get(cell.id, []), number, precision)]

    def _round(self, number: int, todo: Sequence[Cell], until: float) -> None:
        """Measure cells block by block; cells whose block would start after ``until`` (clock) are skipped."""
        rng = random.Random(f"{self.seed}/{number}")  # noqa: S311 - a reproducible order, not a secret
        divided = blocks(todo, self.state.durations_s, rng, self.block_s)
        for index, block in enumerate(divided):
            names = sorted({cell.target for cell in block})
            rng.shuffle(names)
            for name in names:
                cells = [cell for cell in block if cell.target == name]
                if self.clock() > until:
                    self._skip(number, cells)
                    continue
                self.progress.block(number, index, len(divided), name, cells)
                self._block(number, self.targets[name], cells)

    def _skip(self, number: int, cells: Sequence[Cell]) -> None:
        for cell in cells:
            self._record_missing_end(
                number, cell, "skipped", f"the budget of {self.budget_s:g} s was used up before it"
            )
            self.state.excluded.add(cell.id)

    def _block(self, number: int, target: Target, cells: Sequence[Cell]) -> None:
        """Run the cells of one block on one target; cells with a sidecar get a start of their own, with a network."""
        for sidecar in dict.fromkeys(cell.sidecar for cell in cells):
            self._run_until_done(number, target, [cell for cell in cells if cell.sidecar == sidecar])

    def _run_until_done(self, number: int, target: Target, cells: Sequence[Cell]) -> None:
        """Run cells until all are done; after a container has died, the rest continues in a fresh one."""
        left = list(cells)
        while left:
            count = len(left)
            reason = self._start_once(number, target, left)
            if left:
                if len(left) == count:  # it died before its first cell began, and a fresh one would as well
                    for cell in left:
                        self._record_missing_end(number, cell, "failed", reason)
                    return
                self.progress.note(f"{target.id}: {reason}; the rest of the block continues in a fresh start")

    def _start_once(self, number: int, target: Target, left: list[Cell]) -> str:
        """Run one container or process, and remove finished cells from ``left``.

        Returns:
            Why it ended before it had run all cells; empty if it ran them all.
        """
        runner = self.runners[target.runner]
        cpus = runner.cpus_for(target, number)
        request = self._request(number, target, cpus, left)
        listener = Listener(self, number, target, left, cpus)
        began_s = self.clock()
        try:
            with runner.start(target, cpus, request) as running:
                for line in running.lines():
                    listener.receive_line(line)
                    if listener.finished:
                        break
                ended_s = self.clock()
                reason = "" if listener.finished else running.why_ended()
        except TargetUnsupported as error:
            for cell in left:
                self._record_missing_end(number, cell, "unsupported", str(error))
            left.clear()
            return ""
        except EngineError as error:
            ended_s, reason = self.clock(), str(error)
        self.split.teardown_ns += _nanoseconds(self.clock() - ended_s)
        if listener.first_line_s is not None:
            self.split.container_ns += _nanoseconds(listener.first_line_s - began_s)
        if reason and listener.current:
            cell = listener.current
            self._record_missing_end(number, cell, "failed", reason, started=True)
            left.remove(cell)
        elif listener.finished and left:
            reason = "the agent ended without running every cell of its request"
        return reason

    def _request(self, number: int, target: Target, cpus: list[int] | None, cells: Sequence[Cell]) -> Request:
        return Request.from_target(
            target,
            cpus,
            number,
            [
                RequestedCell(
                    id=cell.case_key,
                    scenario=cell.scenario,
                    values=cell.values,
                    loops=self.state.loops.get(cell.id, {}),
                    guesses={} if self.state.loops.get(cell.id) else self.state.guesses.get(cell.id, {}),
                    deadline_s=cell.deadline_s,
                    seed=random.Random(f"{self.seed}/{number}/{cell.id}").getrandbits(32),  # noqa: S311
                )
                for cell in cells
            ],
            sidecar=cells[0].sidecar,
            slowdown_percent=self.slowdowns.get(target.id, self.slowdown_percent),
        )

    def _record_missing_end(self, number: int, cell: Cell, status: str, reason: str, *, started: bool = False) -> None:
        """Write the end record of a cell that the agent did not end, with its start unless it has ``started``."""
        if not started:
            self.folder.append_host_line(cell.target, number, Start(cell=cell.case_key))
        end = End(cell=cell.case_key, status=status, reason=reason)
        self.folder.append_host_line(cell.target, number, end)
        self.record_end(number, cell, Attempt(), end)

    def record_end(self, number: int, cell: Cell, attempt: Attempt[StreamSample], end: End) -> None:
        """Record a finished attempt in the state and the shares of wall time, and report it."""
        attempt.end = end
        quota = self.targets[cell.target].limit.mode == "quota"
        record_attempt(self.state, number, cell.id, attempt, quota=quota)
        self.split.timed_ns += end.split.timed_ns
        self.split.warmup_ns += end.split.warmup_ns
        self.split.interpreter_ns += end.split.interpreter_ns
        for field_name in raw.WARMUP_PARTS:
            spent_ns = getattr(end.split, field_name)
            if spent_ns:
                name = field_name.removesuffix("_ns")
                self.split.warmup_parts_ns[name] = self.split.warmup_parts_ns.get(name, 0) + spent_ns
        self.progress.cell(number, cell, end.status, end.reason or "")


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


class Listener:
    """Receives the lines of one agent, writes them to the run folder, and tracks the cell in progress.

    ``current`` is that cell, ``finished`` whether the agent has ended, ``first_line_s`` the clock at its first line.
    """

    def __init__(
        self, execution: Execution, number: int, target: Target, left: list[Cell], cpus: list[int] | None
    ) -> None:
        self.current: Cell | None = None
        self.finished = False
        self.first_line_s: float | None = None
        self._execution = execution
        self._number = number
        self._target = target
        self._left = left
        self._cpus = cpus
        self._attempt: Attempt[StreamSample] = Attempt()

    def receive_line(self, text: str) -> None:
        """Process one line; a line that is not of the protocol is reported and not written to the raw file."""
        if self.first_line_s is None:
            self.first_line_s = self._execution.clock()
        written = text.encode()
        try:
            line = raw.decode_stream_line(written)
        except ProtocolError as error:
            self._execution.progress.note(
                f"{self._target.id}: a line of its output is not a line of the agent and was left out ({error})"
            )
            return
        if isinstance(line, Done):
            self.finished = True
            return
        if isinstance(line, FactsLine):
            written = raw.with_cpus(written, line, self._cpus)
            self._execution.state.facts.setdefault(self._target.id, line.facts)
        self._execution.folder.append(self._target.id, self._number, written, line)
        if isinstance(line, Start):
            self.current = next(cell for cell in self._left if cell.case_key == line.cell)
            self._attempt = Attempt()
        elif isinstance(line, Calibration):
            self._attempt.calibrations.append(line)
        elif isinstance(line, StreamSample):
            self._attempt.samples.append(line)
        elif isinstance(line, End) and self.current:
            cell, self.current = self.current, None
            self._left.remove(cell)
            self._execution.record_end(self._number, cell, self._attempt, line)
