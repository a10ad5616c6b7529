"""Rounds, blocks, order, resume: how a plan becomes raw files. A failure becomes a row, and the run goes on."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.agent.protocol import ProtocolError
from lab.errors import EngineError, TargetUnsupported
from lab.model import Cell, Target, WallSplit
from lab.planning.cells import blocks
from lab.planning.profiles import Profile
from lab.running.progress import Progress
from lab.running.state import State, remember
from lab.runs import raw
from lab.runs.folder import RunFolder
from lab.runs.raw import Attempt, Calibration, Done, End, FactsLine, PassingSample, Start
from lab.stats.stopping import enough
from lab.targets import Runner
from lab.targets.request import Request, RequestedCell
from lab.text import plural

BLOCK_S = 10.0


@dataclass(kw_only=True)
class Split:
    """Where the run's wall time went, in nanoseconds; the host's share is what remains."""

    timed_ns: int = 0
    warmup_ns: int = 0
    interpreter_ns: int = 0
    container_ns: int = 0
    teardown_ns: int = 0

    def seconds(self, wall_s: float) -> WallSplit:
        """Seconds of each share of ``wall_s``."""
        containers_ns = self.container_ns + self.teardown_ns
        known_ns = self.timed_ns + self.warmup_ns + self.interpreter_ns + containers_ns
        return WallSplit(
            wall_s=wall_s,
            timed_s=self.timed_ns / 1e9,
            warmup_s=self.warmup_ns / 1e9,
            interpreter_s=self.interpreter_ns / 1e9,
            container_s=containers_ns / 1e9,
            host_s=max(0.0, wall_s - known_ns / 1e9),
        )


@dataclass(frozen=True, kw_only=True)
class Execution:
    """A run under way: the plan, what it runs on and where it is written.

    ``clock`` gives seconds that only grow; the budget and the shares of the wall time are taken from it.
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
    slowdowns: Mapping[str, float] = field(default_factory=dict)  # target -> percent, beside slowdown_percent for all
    block_s: float = BLOCK_S
    clock: Callable[[], float] = time.perf_counter

    def run(self) -> int:
        """Carry out all rounds; the number of rounds that were begun."""
        began = self.clock()
        longest_s = 0.0
        for number in range(self.profile.max_rounds):
            todo = self._todo(number)
            if not todo:
                continue
            left_s = self.budget_s - (self.clock() - began)
            if number and left_s < longest_s:
                self.progress.note(f"the budget of {self.budget_s:g} s is used up after {plural(number, 'round')}")
                return number
            round_began = self.clock()
            self._round(number, todo, began + self.budget_s if number == 0 else math.inf)
            longest_s = max(longest_s, self.clock() - round_began)
        return self.profile.max_rounds

    def _todo(self, number: int) -> list[Cell]:
        """The cells that a round still has to measure."""
        done = self.state.done.get(number, set())
        open_cells = [cell for cell in self.cells if cell.id not in done and cell.id not in self.state.over]
        if number < self.profile.rounds:
            return open_cells
        precision = self.profile.precision
        return [cell for cell in open_cells if not enough(self.state.centres.get(cell.id, []), number, precision)]

    def _round(self, number: int, todo: Sequence[Cell], until: float) -> None:
        rng = random.Random(f"{self.seed}/{number}")  # noqa: S311 - an order that can be repeated, no secret
        cut = blocks(todo, self.state.durations_s, rng, self.block_s)
        for index, block in enumerate(cut):
            names = sorted({cell.target for cell in block})
            rng.shuffle(names)
            for name in names:
                cells = [cell for cell in block if cell.target == name]
                if self.clock() > until:
                    self._skip(number, cells)
                    continue
                self.progress.block(number, index, len(cut), name, cells)
                self._block(number, self.targets[name], cells)

    def _skip(self, number: int, cells: Sequence[Cell]) -> None:
        for cell in cells:
            self._finish_without(number, cell, "skipped", f"the budget of {self.budget_s:g} s was used up before it")
            self.state.over.add(cell.id)

    def _block(self, number: int, target: Target, cells: Sequence[Cell]) -> None:
        """Run the cells of one block on one target; those with a companion by themselves, for it brings a network."""
        for companion in dict.fromkeys(cell.companion for cell in cells):
            self._starts(number, target, [cell for cell in cells if cell.companion == companion])

    def _starts(self, number: int, target: Target, cells: Sequence[Cell]) -> None:
        """Run cells until all are done; where a container dies, the rest goes on in a fresh one."""
        left = list(cells)
        while left:
            before = len(left)
            reason = self._one_start(number, target, left)
            if left:
                if len(left) == before:  # it died before its first cell began: another would die as well
                    for cell in left:
                        self._finish_without(number, cell, "failed", reason)
                    return
                self.progress.note(f"{target.id}: {reason}; the rest of the block goes on in a fresh start")

    def _one_start(self, number: int, target: Target, left: list[Cell]) -> str:
        """One container or process; takes finished cells out of ``left``. The reason where it ended too early."""
        runner = self.runners[target.runner]
        cpus = runner.cpus_for(target, number)
        request = self._request(number, target, cpus, left)
        listener = Listener(self, number, target, left, cpus)
        began_s = self.clock()
        try:
            with runner.start(target, cpus, request) as running:
                for line in running.lines():
                    listener.hear(line)
                    if listener.finished:
                        break
                ended_s = self.clock()
                reason = "" if listener.finished else running.why_ended()
        except TargetUnsupported as error:
            for cell in left:
                self._finish_without(number, cell, "unsupported", str(error))
            left.clear()
            return ""
        except EngineError as error:
            ended_s, reason = self.clock(), str(error)
        self.split.teardown_ns += _ns(self.clock() - ended_s)
        if listener.first_heard_s is not None:
            self.split.container_ns += _ns(listener.first_heard_s - began_s)
        if reason and listener.current:
            cell = listener.current
            self._finish_without(number, cell, "failed", reason, started=True)
            left.remove(cell)
        elif listener.finished and left:
            reason = "the agent did not run every cell of its request"
        return reason

    def _request(self, number: int, target: Target, cpus: list[int] | None, cells: Sequence[Cell]) -> Request:
        return Request.of(
            target,
            cpus,
            number,
            [
                RequestedCell(
                    id=cell.case_key,
                    scenario=cell.scenario,
                    values=cell.values,
                    loops=self.state.loops.get(cell.id, {}),
                    deadline_s=cell.deadline_s,
                    seed=random.Random(f"{self.seed}/{number}/{cell.id}").getrandbits(32),  # noqa: S311
                )
                for cell in cells
            ],
            companion=cells[0].companion,
            slowdown_percent=self.slowdowns.get(target.id, self.slowdown_percent),
        )

    def _finish_without(self, number: int, cell: Cell, status: str, reason: str, *, started: bool = False) -> None:
        """End records for cells that the agent did not end itself."""
        if not started:
            self.folder.append_own(cell.target, number, Start(cell=cell.case_key))
        end = End(cell=cell.case_key, status=status, reason=reason)
        self.folder.append_own(cell.target, number, end)
        self.take_end(number, cell, Attempt(), end)

    def take_end(self, number: int, cell: Cell, attempt: Attempt[PassingSample], end: End) -> None:
        """Note what a finished cell says: its status, its loops, its duration, its centre."""
        attempt.end = end
        quota = self.targets[cell.target].limit.mode == "quota"
        remember(self.state, number, cell.id, attempt, quota=quota)
        self.split.timed_ns += end.split.timed_ns
        self.split.warmup_ns += end.split.warmup_ns
        self.split.interpreter_ns += end.split.interpreter_ns
        self.progress.cell(number, cell, end.status, end.reason or "")


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)


class Listener:
    """Takes one agent's lines, writes them to the run folder as they come, and follows which cell is under way."""

    def __init__(
        self, execution: Execution, number: int, target: Target, left: list[Cell], cpus: list[int] | None
    ) -> None:
        self.current: Cell | None = None
        self.finished = False
        self.first_heard_s: float | None = None
        self._execution = execution
        self._number = number
        self._target = target
        self._left = left
        self._cpus = cpus
        self._attempt: Attempt[PassingSample] = Attempt()

    def hear(self, text: str) -> None:
        """Take one line; one that is not of the protocol is kept out of the raw files and reported."""
        if self.first_heard_s is None:
            self.first_heard_s = self._execution.clock()
        written = text.encode()
        try:
            line = raw.hear(written)
        except ProtocolError as error:
            self._execution.progress.note(f"{self._target.id}: a line of its output is not a sample ({error})")
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
        elif isinstance(line, PassingSample):
            self._attempt.samples.append(line)
        elif isinstance(line, End) and self.current:
            cell, self.current = self.current, None
            self._left.remove(cell)
            self._execution.take_end(self._number, cell, self._attempt, line)
