"""What the benchmark finds, as classes: bench.json is made of them, and so is its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NotMeasured:
    """Why a part has no numbers; ``engine`` where it is a run's."""

    not_measured: str
    engine: str = ""


@dataclass(frozen=True, kw_only=True)
class Planning:
    """How long it took to plan so many cells."""

    cells: int
    targets: int
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class Packing:
    """How long it took to pack an image, and its size."""

    python: str
    size_bytes: int
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class ContainerStart:
    """Medians over so many containers: until the agent's first line, and until it was removed."""

    engine: str
    containers: int
    first_line_s: float
    removed_s: float


@dataclass(frozen=True, kw_only=True)
class SampleRun:
    """A small run. ``overhead_a_cell_s``: wall time less timed batches and warm-up, over the cells that ended."""

    engine: str
    cells: int
    split: Mapping[str, float]
    overhead_a_cell_s: float | None
    command: str


@dataclass(frozen=True, kw_only=True)
class Derived:
    """What deriving one folder took."""

    rows: int
    summary_rows: int
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Whether the goal was reached, by wall time and memory, and by CPU time; None where it was not measured."""

    sentence: str
    reached: bool | None
    in_cpu_time: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The whole benchmark."""

    created: str
    command: str
    host: Mapping[str, object]
    load_before: Sequence[float]
    planning: Planning
    packing: Packing | NotMeasured
    container_start: ContainerStart | NotMeasured
    runs: Sequence[SampleRun | NotMeasured]
    deriving: Sequence[Derived]
    growth: Sequence[Mapping[str, float]]
    goal: Goal
