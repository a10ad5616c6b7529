"""Runs without a machine: a clock that moves only when it is moved, and a runner whose agent follows a script.

The agent's lines are written as the real one writes them (sealed, with facts, calibration, warm-up and batches), so
that the run loop, the run folder and whatever reads it are the real ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from msgspec import structs

from lab.agent.protocol import decode_line, encode_line
from lab.model import Cell, Limit, RunWith, Target
from lab.planning.profiles import Profile, profile
from lab.running.execution import Execution, Split
from lab.running.state import State, restore
from lab.runs.folder import MANIFEST, RunFolder
from lab.runs.raw import read_raw
from lab.targets.request import Request, RequestedCell
from tests.manifests import manifest

STREAM = Path(__file__).parent / "data" / "stream" / "samples.jsonl"
FACTS: dict[str, Any] = decode_line(STREAM.read_text(encoding="utf-8").partition("\n")[0])["facts"]  # of a real agent

ONE = Target(
    id="py313-linux-native-c1",
    key="3.13",
    engine="none",
    os="linux",
    arch="x86_64",
    limit=Limit(mode="affinity", cpus=1),
    cpus_visible=1,
)
TWO = structs.replace(ONE, id="py313-linux-native-c2", limit=Limit(mode="affinity", cpus=2), cpus_visible=2)


class FakeClock:
    """Seconds that pass only by ``advance``."""

    def __init__(self, now_s: float = 1000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the agent does with one cell in one round.

    ``batches_ns``: the elapsed time of each timed batch of ``loops``. ``ends``: "whole" with the cell's end record and
    then the next cell; "within", the process dies after the warm-up; "before", it dies before the cell; "early", it
    says that it is done and leaves out this cell and those after it.
    """

    batches_ns: tuple[int, ...] = (10_000, 10_000, 10_000)
    loops: int = 10
    takes_s: float = 1.0
    status: str = "ok"
    reason: str = ""
    ends: Literal["whole", "within", "before", "early"] = "whole"
    noise: str = ""
    steps_per_ms: int = 0  # 0: its work has no length in time


Script = Callable[[int, str], Answer]  # round, cell's id -> what the agent does


def all_well(number: int, cell: str) -> Answer:
    """Every cell takes a second and has three equal batches."""
    del number, cell
    return Answer()


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start of the agent, as the runner was asked for it."""

    target: Target
    cpus: list[int] | None
    request: Request

    @property
    def number(self) -> int:
        return self.request.target.round

    @property
    def cells(self) -> list[str]:
        return [f"{cell.id}@{self.target.id}" for cell in self.request.cells]


@dataclass
class FakeRunning:
    """The agent's lines for one request; each cell moves the clock."""

    start: Start
    script: Script
    clock: FakeClock

    def lines(self) -> Iterator[str]:
        yield encode_line({"kind": "facts", "facts": FACTS, "schema_version": 1})
        for cell in self.start.request.cells:
            answer = self.script(self.start.number, f"{cell.id}@{self.start.target.id}")
            if answer.ends == "early":
                break
            if answer.ends == "before":
                return
            yield from self._cell(cell, answer)
            if answer.ends == "within":
                return
        yield encode_line({"kind": "done"})

    def _cell(self, cell: RequestedCell, answer: Answer) -> Iterator[str]:
        of, cell_target = {"cell": cell.id}, self.start.request.target
        yield encode_line({"kind": "start", **of})
        loops = cell.loops.get("job")
        if loops is None:
            loops = answer.loops
            yield encode_line({"kind": "calibration", **of, "operation": "job", "loops": loops})
        if answer.steps_per_ms:
            steps = cell_target.steps_per_ms or answer.steps_per_ms
            yield encode_line({"kind": "calibration", **of, "operation": "steps_per_ms", "loops": steps})
        if answer.noise:
            yield answer.noise
        sample = {"kind": "sample", **of, "operation": "job", "loops": loops, "columns": {}, "spent": {"cpu_ns": 1}}
        self.clock.advance(answer.takes_s)
        yield encode_line({**sample, "sample": 0, "warmup": 1, "elapsed_ns": 99_000_000})
        if answer.ends == "within":
            return
        for index, elapsed_ns in enumerate(answer.batches_ns):
            yield encode_line({**sample, "sample": index, "warmup": 0, "elapsed_ns": elapsed_ns})
        whole = int(answer.takes_s * 1e9)
        split = {
            "timed_ns": whole // 2,
            "warmup_ns": whole // 4,
            "calibration_ns": whole // 8,
            "interpreter_ns": whole - whole // 2 - whole // 4,
            "total_ns": whole,
        }
        yield encode_line({"kind": "end", **of, "status": answer.status, "reason": answer.reason, "split": split})

    def why_ended(self) -> str:
        return "the agent's process ended with code -9"


@dataclass
class FakeRunner:
    """Satisfies ``lab.targets.Runner``; keeps every start, and what runs at a time.

    ``refuses``: called before each start, may raise what an engine raises. ``start_s`` pass before the agent's first
    line, ``end_s`` until it is gone.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    script: Script = all_well
    refuses: Callable[[Target, int], None] = lambda _target, _number: None
    start_s: float = 0.0
    end_s: float = 0.0
    starts: list[Start] = field(default_factory=list)
    cleaned: list[str] = field(default_factory=list)
    running: int = 0

    @contextlib.contextmanager
    def start(self, target: Target, cpus: list[int] | None, request: Request) -> Iterator[FakeRunning]:
        self.clock.advance(self.start_s)
        self.refuses(target, request.target.round)
        self.starts.append(Start(target=target, cpus=cpus, request=request))
        assert not self.running, "only one target is measured at a time"
        self.running += 1
        try:
            yield FakeRunning(self.starts[-1], self.script, self.clock)
        finally:
            self.running -= 1
            self.clock.advance(self.end_s)

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        return [(round_number + index) % 4 for index in range(int(target.limit.cpus))]

    def remove_leftovers(self, run_id: str, *, own: bool = False) -> int:  # noqa: ARG002 - of the protocol
        self.cleaned.append(run_id)
        return 0

    def describe(self, target: Target) -> RunWith:
        return RunWith(executable=f"~/python{target.key}")

    def asked(self, number: int | None = None) -> list[str]:
        """The ids of the cells that the agent was asked for, in their order (of one round)."""
        return [cell for start in self.starts if number in (None, start.number) for cell in start.cells]


@dataclass
class Told:
    """A ``lab.running.progress.Progress`` that keeps what it is told."""

    notes: list[str] = field(default_factory=list)
    cells: list[tuple[int, str, str, str]] = field(default_factory=list)  # round, id, status, reason
    blocks: list[tuple[int, int, int, str, tuple[str, ...]]] = field(default_factory=list)  # as ``block`` has them

    def block(self, number: int, index: int, count: int, target: str, cells: Sequence[Cell]) -> None:
        self.blocks.append((number, index, count, target, tuple(cell.id for cell in cells)))

    def cell(self, number: int, cell: Cell, status: str, reason: str) -> None:
        self.cells.append((number, cell.id, status, reason))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def close(self) -> None:
        pass


def cells(*cases: str, on: Sequence[Target] = (ONE,), **fields: Any) -> tuple[Cell, ...]:
    """A cell of each case on each target; a second each, unless said otherwise."""
    usual: dict[str, Any] = {"scenario": "pool.api", "values": {"workers": 1}, "deadline_s": 60.0, "estimate_s": 1.0}
    return tuple(Cell(target=target.id, case=case, **{**usual, **fields}) for target in on for case in cases)


def rounds(least: int, most: int | None = None, precision: float = 0.02) -> Profile:
    """A profile of so many rounds."""
    return replace(profile("quick"), rounds=least, max_rounds=most or least, precision=precision)


@dataclass(kw_only=True)
class FakeLab:
    """A plan, what it runs on and its folder; a second ``run`` goes on with what the first has left there."""

    path: Path
    plan: Sequence[Cell]
    targets: Sequence[Target] = (ONE,)
    profile: Profile = field(default_factory=lambda: rounds(1))
    runner: FakeRunner = field(default_factory=FakeRunner)
    budget_s: float = 3600.0
    seed: int = 0
    options: dict[str, Any] = field(default_factory=dict)  # further fields of the Execution
    told: Told = field(default_factory=Told)
    state: State = field(default_factory=State)
    split: Split = field(default_factory=Split)

    def run(self) -> int:
        """Carry out the plan, or what is left of it; the number that ``Execution.run`` gives."""
        by_id = {target.id: target for target in self.targets}
        begun = (self.path / MANIFEST).exists()
        with RunFolder.existing(self.path) if begun else RunFolder.create(self.path) as folder:
            folder.write_manifest(manifest(run_id="fake"))
            self.state = restore(folder, self.plan, by_id)
            return Execution(
                folder=folder,
                cells=self.plan,
                targets=by_id,
                runners=dict.fromkeys((target.runner for target in self.targets), self.runner),
                profile=self.profile,
                budget_s=self.budget_s,
                seed=self.seed,
                progress=self.told,
                state=self.state,
                split=self.split,
                clock=self.runner.clock,
                **{"slowdown_percent": 0.0, **self.options},
            ).run()

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The raw records of one kind, each with its ``target`` and ``round``, file by file."""
        return [
            {**line, "target": raw.target, "round": raw.round}
            for path in sorted((self.path / "raw").glob("*.jsonl"))
            for raw in [read_raw(path)]
            for line in map(decode_line, path.read_text(encoding="utf-8").splitlines())
            if line["kind"] == kind
        ]
