"""What is planned: CPU limits, targets and cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, assert_never

from msgspec import Struct

CpuMode = Literal["cpuset", "quota", "affinity", "none"]

Diagnosis = Literal["seccomp"]  # what a diagnostic target goes without, to measure its cost

PERIOD_US = 100_000  # the engines' default


def is_quota(mode: CpuMode) -> bool:
    """Whether a limit of this kind is a share of CPU time, with all CPUs in sight, and not a number of CPUs."""
    match mode:
        case "quota":
            return True
        case "cpuset" | "affinity" | "none":
            return False
        case _:
            assert_never(mode)


class Limit(Struct, frozen=True, kw_only=True):
    """A CPU limit: so many whole CPUs pinned, or a share of CPU time with all CPUs in sight.

    A quota of 0.5 CPUs is half of ``period_us`` of CPU time in each period.
    """

    mode: CpuMode
    cpus: float
    period_us: int = PERIOD_US

    @property
    def label(self) -> str:
        """``c2`` or ``q0.5``; ``q0.5p10`` where the period is not the usual one."""
        if not self.is_quota:
            return f"c{self.cpus:g}"
        return f"q{self.cpus:g}" + ("" if self.period_us == PERIOD_US else f"p{self.period_us / 1000:g}")

    @property
    def is_quota(self) -> bool:
        """Whether it is a share of CPU time."""
        return is_quota(self.mode)


class Target(Struct, frozen=True, kw_only=True):
    """One interpreter under one limit. ``key`` is 3.13 or 3.13t; ``cpus_visible`` is what a pool of N has as its N.

    ``diagnose``: what this target goes without, so that compared with its baseline it measures what that costs.
    ``before``: it is the baseline target, as it was before a change (``lab.planning.baseline``).
    """

    id: str
    key: str
    engine: str
    os: str
    arch: str
    limit: Limit
    cpus_visible: int
    diagnose: Diagnosis | None = None
    before: bool = False

    @property
    def runner(self) -> str:
        """The name of what runs it: of its engine, and of the state before a change apart."""
        return f"{self.engine}-before" if self.before else self.engine

    @property
    def build(self) -> str:
        """Gil or free-threaded."""
        return "free-threaded" if self.key.endswith("t") else "gil"


class Cell(Struct, frozen=True, kw_only=True):
    """One case on one target; ``estimate_s`` is the expected duration of one round of it.

    ``companion`` is what it needs in a second container, on a private network, where there are containers.
    """

    target: str
    scenario: str
    case: str
    values: Mapping[str, Any]
    deadline_s: float
    estimate_s: float
    companion: str | None = None

    @property
    def case_key(self) -> str:
        """What is compared between targets: ``ipc.round_trip/pipe-64-same_cpu``."""
        return f"{self.scenario}/{self.case}"

    @property
    def id(self) -> str:
        """The case and its target."""
        return f"{self.case_key}@{self.target}"
