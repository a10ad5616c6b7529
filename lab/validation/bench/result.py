"""The result of the benchmark as classes, from which bench.json and bench.md are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class NotMeasured:
    """The reason why a part was not measured; ``engine`` is set for runs."""

    not_measured: str
    engine: str = ""


@dataclass(frozen=True, kw_only=True)
class Planning:
    """The time to plan a number of cells on a number of targets."""

    cells: int
    targets: int
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class Packing:
    """The time to pack an interpreter as an image, and its size."""

    python: str
    size_bytes: int
    wall_s: float


@dataclass(frozen=True, kw_only=True)
class ContainerStart:
    """Median seconds over a number of containers until the agent's first line, and until their removal."""

    engine: str
    containers: int
    first_line_s: float
    removed_s: float


@dataclass(frozen=True, kw_only=True)
class SampleRun:
    """A small run. ``overhead_per_cell_s`` is wall time without timed batches and warm-up, divided by ended cells."""

    engine: str
    cells: int
    split: Mapping[str, float]
    overhead_per_cell_s: float | None
    command: str


@dataclass(frozen=True, kw_only=True)
class Derived:
    """The size of one derived folder, and the time and memory that it took."""

    rows: int
    summary_rows: int
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Whether the goal was reached by wall time and memory, and by CPU time; None where it was not measured."""

    sentence: str
    reached: bool | None
    in_cpu_time: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of all parts."""

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
