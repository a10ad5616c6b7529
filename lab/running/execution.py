"""Carry out a plan in rounds and blocks and write raw files. A failed cell gets a record, and the run continues."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from msgspec import UNSET

from lab.agent.protocol import ProtocolError
from lab.errors import EngineError, TargetUnsupported
from lab.model import Cell, Target, WallSplit
from lab.planning.blocks import BLOCK_S, blocks
from lab.planning.budget import OVERHEAD, Layout, lay_out, ranked
from lab.planning.contrasts import Roles, role_of
from lab.planning.profiles import Profile
from lab.running.progress import Progress
from lab.running.state import State, record_attempt
from lab.runs import raw
from lab.runs.folder import RunFolder
from lab.runs.raw import Attempt, Calibration, Done, End, FactsLine, Start, StreamSample
from lab.stats.laws.bootstrap import MIN_ROUNDS as LAW_ROUNDS
from lab.stats.stopping import enough
from lab.targets import Runner
from lab.targets.request import Request, RequestedCell
from lab.text import plural

OVERRUN = 0.2  # share of a promised round by which the budget may be exceeded: four rounds of five decide nothing
RESERVE = 0.05  # share of the rest of the budget that the corrected plan leaves for slower rounds


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
        roles: what each cell is needed for.
        layout: what the budget carries by the estimates; None where everything is measured.
        ended: called with the number of each round that has ended.
        corrected: called with what the budget carries by the durations of the first round.
        slowdowns: target id -> the slowdown on purpose of this target, which replaces ``slowdown_percent``.
        block_s: the longest time that a block takes on a target.
        clock: a monotonic clock in seconds, for the budget and the shares of the wall time.
        late: ids of cells that begin with the second round.
        processes: unit -> processes per round of its cells of the first rank.
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
    roles: Roles = field(default_factory=dict)
    layout: Layout | None = None
    ended: Callable[[int], None] = lambda _number: None
    corrected: Callable[[Layout], None] = lambda _layout: None
    slowdowns: Mapping[str, float] = field(default_factory=dict)
    block_s: float = BLOCK_S
    clock: Callable[[], float] = time.perf_counter
    late: set[str] = field(default_factory=set)
    processes: dict[str, int] = field(default_factory=dict)

    def run(self) -> int:
        """Carry out all rounds, and return the number of rounds that were started."""
        began = self.clock()
        longest_s = 0.0
        self.state.excluded.update(self.layout.dropped if self.layout else ())
        for number in range(self.profile.max_rounds + 1):
            if number == 1 and self.state.done.get(0) and not self.state.done.get(1):  # also of a run resumed here
                longest_s = self._correct(longest_s, self.budget_s - (self.clock() - began))
            divided = self._blocks(number)
            if not divided:
                continue
            left_s = self.budget_s - (self.clock() - began)
            if number and left_s < self._needed_s(number, divided, longest_s):
                self.progress.note(
                    f"stopped after {plural(number, 'round')}, for another one may exceed the budget of "
                    f"{self.budget_s:g} s"
                )
                return number
            round_began = self.clock()
            self._round(number, divided, began + self.budget_s if number == 0 else math.inf)
            self.ended(number)
            longest_s = max(longest_s, self.clock() - round_began)
        return max(self.profile.max_rounds, max(self.state.done, default=0) + 1)

    def _needed_s(self, number: int, divided: Sequence[Sequence[Cell]], longest_s: float) -> float:
        """What must be left of the budget for a round to begin: as long as the longest one took, less if promised."""
        if self.layout is None or number >= self.profile.rounds + bool(self.late):
            return longest_s
        if number == self.profile.rounds:  # only what begins late
            durations_s = self.state.durations_s
            longest_s = OVERHEAD * sum(durations_s.get(cell.id, cell.estimate_s) for block in divided for cell in block)
        return longest_s * (1 - OVERRUN)

    def _correct(self, round_s: float, left_s: float) -> float:
        """Lay out the plan again by the durations of the first round, before the second one.

        What the rest of the budget does not carry is left out, and what was left out is taken back where it fits; the
        latter gets its rounds one round later. Returns the expected seconds of a round.
        """
        if self.layout is None or self.profile.rounds == 1:
            return round_s
        known_s = self.state.durations_s
        measured = [cell for cell in self.cells if cell.id in self.state.done[0] and cell.id in known_s]
        if not measured:
            return round_s
        counts = self.state.done[0]
        real_s = sum(known_s[cell.id] * counts[cell.id] for cell in measured)
        pace = real_s / sum(cell.estimate_s * counts[cell.id] for cell in measured)
        usual_s = {cell.id: known_s.get(cell.id, pace * cell.estimate_s) for cell in self.cells}
        unavailable = self.state.excluded - set(self.layout.dropped)
        cells = [cell for cell in self.cells if cell.id not in unavailable]
        found = lay_out(
            ranked(cells, self.roles, usual_s, max(1.0, round_s / real_s) if round_s else OVERHEAD),
            left_s * (1 - RESERVE),
            self.profile.rounds - 1,
            most_processes=self.profile.processes,
            later=self.layout.dropped,
        )
        back = [cell for cell in cells if cell.id in self.layout.dropped and cell.id not in found.dropped]
        self.late.update(cell.id for cell in back)
        self.state.excluded.difference_update(self.late)
        for cell in cells:
            if cell.id in found.dropped and cell.id not in self.layout.dropped:
                self._record_missing_end(1, cell, "skipped", found.dropped[cell.id])
                self.state.excluded.add(cell.id)
        self.processes.clear()
        self.processes.update(found.processes)
        lost = len(found.dropped) - len(self.layout.dropped) + len(back)
        if lost or back:
            self.progress.note(
                f"by the durations of the first round {plural(lost, 'cell')} more {'is' if lost == 1 else 'are'} left "
                f"out, and {plural(len(back), 'cell')} {'is' if len(back) == 1 else 'are'} taken back"
            )
        self.corrected(found)
        return sum(found.round_s.values())

    def _blocks(self, number: int) -> list[list[Cell]]:
        """The blocks of a round, without what has been measured in it already."""
        rng = random.Random(f"{self.seed}/{number}")  # noqa: S311 - a reproducible order, not a secret
        available = {cell.id: cell for cell in self.cells if cell.id not in self.state.excluded}
        divided = blocks(
            self._open_cells(number),
            self.state.durations_s,
            rng,
            self.block_s,
            roles=self.roles,
            processes=self.processes,
            available=available,
        )
        done = Counter(self.state.done.get(number, {}))
        left: list[list[Cell]] = []
        for block in divided:
            rest = []
            for cell in block:
                if done[cell.id] > 0:
                    done[cell.id] -= 1
                else:
                    rest.append(cell)
            left += [rest] if rest else []
        return left

    def _open_cells(self, number: int) -> list[Cell]:
        """The cells to measure in a round: those with planned rounds left, and those that are not yet precise enough.

        The cells of a law on one target are all measured as long as one of them is, and until the law has its rounds.
        """
        found, extra = [], []
        for cell in self.cells:
            own = number - (cell.id in self.late)
            if cell.id in self.state.excluded or own < 0:
                continue
            if own < self.profile.rounds:
                found.append(cell)
            elif own < self.profile.max_rounds:
                extra.append(cell)
        wanted = {cell.id for cell in extra if not self._has_enough(cell, number - (cell.id in self.late))}
        laws = {self._law(cell) for cell in extra if cell.id in wanted} - {None}
        return found + [cell for cell in extra if cell.id in wanted or self._law(cell) in laws]

    def _law(self, cell: Cell) -> tuple[str, str] | None:
        role = role_of(cell, self.roles)
        return (role.unit, cell.target) if role.law else None

    def _has_enough(self, cell: Cell, rounds: int) -> bool:
        role = role_of(cell, self.roles)
        if role.law and rounds < LAW_ROUNDS:
            return False
        series = self.state.round_means(cell.id, role.operations)
        return all(enough(centres, rounds, self.profile.precision) for centres in series)

    def _round(self, number: int, divided: Sequence[Sequence[Cell]], until: float) -> None:
        """Measure blocks; cells whose block would start after ``until`` (clock) are skipped."""
        rng = random.Random(f"{self.seed}/{number}/targets")  # noqa: S311 - an order
        for index, block in enumerate(divided):
            block_number = self.state.blocks.get(number, 0)  # a resumed round continues with new numbers
            self.state.blocks[number] = block_number + 1
            for name in self._target_order(block, rng):
                cells = [cell for cell in block if cell.target == name and cell.id not in self.state.excluded]
                if not cells:
                    continue
                if self.clock() > until:
                    self._skip(number, cells)
                    continue
                self.progress.block(number, index, len(divided), name, cells)
                self._block(number, self.targets[name], cells, block_number)

    def _target_order(self, block: Sequence[Cell], rng: random.Random) -> list[str]:
        """The targets of a block in random order, those with the same CPUs in sight one after the other.

        They are compared: two versions, a container and its native counterpart, a quota and the cpuset of all
        CPUs.
        """
        alike: dict[int, list[str]] = {}
        for name in sorted({cell.target for cell in block}):
            alike.setdefault(self.targets[name].cpus_visible, []).append(name)
        groups = list(alike.values())
        rng.shuffle(groups)
        for group in groups:
            rng.shuffle(group)
        return [name for group in groups for name in group]

    def _skip(self, number: int, cells: Sequence[Cell]) -> None:
        for cell in {cell.id: cell for cell in cells if cell.id not in self.state.done.get(number, ())}.values():
            self._record_missing_end(
                number, cell, "skipped", f"the budget of {self.budget_s:g} s was used up before it"
            )
            self.state.excluded.add(cell.id)

    def _block(self, number: int, target: Target, cells: Sequence[Cell], block: int) -> None:
        """Run the cells of one block on one target; cells with a sidecar get a start of their own, with a network."""
        for sidecar in dict.fromkeys(cell.sidecar for cell in cells):
            self._run_until_done(number, target, [cell for cell in cells if cell.sidecar == sidecar], block)

    def _run_until_done(self, number: int, target: Target, cells: Sequence[Cell], block: int) -> None:
        """Run cells until all are done; after a container has died, the rest continues in a fresh one."""
        left = list(cells)
        while left:
            count = len(left)
            reason = self._start_once(number, target, left, block)
            if left:
                if len(left) == count:  # it died before its first cell began, and a fresh one would as well
                    for cell in left:
                        self._record_missing_end(number, cell, "failed", reason)
                    return
                self.progress.note(f"{target.id}: {reason}; the rest of the block continues in a fresh start")

    def _start_once(self, number: int, target: Target, left: list[Cell], block: int) -> str:
        """Run one container or process, and remove finished cells from ``left``.

        Returns:
            Why it ended before it had run all cells; empty if it ran them all.
        """
        runner = self.runners[target.runner]
        cpus = runner.cpus_for(target, number)
        request = self._request(number, target, cpus, left)
        listener = Listener(self, (number, block), target, left, cpus)
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
        processes = Counter(self.state.done.get(number, {}))
        seeds = []
        for cell in cells:
            process = processes[cell.id]
            processes[cell.id] += 1
            text = f"{self.seed}/{number}/{cell.id}" + (f"/{process}" if process else "")
            seeds.append(random.Random(text).getrandbits(32))  # noqa: S311 - a seed
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
                    seed=seed,
                )
                for cell, seed in zip(cells, seeds, strict=True)
            ],
            sidecar=cells[0].sidecar,
            slowdown_percent=self.slowdowns.get(target.id, self.slowdown_percent),
            steps_per_ms=self.state.steps_per_ms,
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
    ``place`` are the round and the block.
    """

    def __init__(
        self,
        execution: Execution,
        place: tuple[int, int],
        target: Target,
        left: list[Cell],
        cpus: list[int] | None,
    ) -> None:
        self.current: Cell | None = None
        self.finished = False
        self.first_line_s: float | None = None
        self._execution = execution
        self._number, self._block = place
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
        self._execution.folder.append(self._target.id, self._number, written, line, self._block)
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
