"""The parts of a plan: CPU limits, targets and cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, assert_never

from msgspec import Struct, field

CpuMode = Literal["cpuset", "quota", "affinity", "none"]

Diagnosis = Literal["seccomp"]  # the feature that a diagnostic target runs without, to measure its cost

PERIOD_US = 100_000  # the engines' default


def is_quota(mode: CpuMode) -> bool:
    """Whether a limit of this mode is a share of CPU time on all CPUs, and not a number of CPUs."""
    match mode:
        case "quota":
            return True
        case "cpuset" | "affinity" | "none":
            return False
        case _:
            assert_never(mode)


class Limit(Struct, frozen=True, kw_only=True):
    """A CPU limit: a number of whole CPUs, or a quota, which is a share of CPU time on all CPUs.

    A quota of 0.5 CPUs allows ``0.5 * period_us`` of CPU time per period. A quota ``as_found`` is that of the control
    group which the lab itself runs in: it is measured under, not set.
    """

    mode: CpuMode
    cpus: float
    period_us: int = PERIOD_US
    as_found: bool = False

    @property
    def label(self) -> str:
        """The limit's part of a target's id: ``c2``, ``q0.5``, or ``q0.5p10`` for a period other than the default."""
        if not self.is_quota:
            return f"c{self.cpus:g}"
        return f"q{self.cpus:g}" + ("" if self.period_us == PERIOD_US else f"p{self.period_us / 1000:g}")

    @property
    def is_quota(self) -> bool:
        """Whether the limit is a share of CPU time."""
        return is_quota(self.mode)


class TargetFields(Struct, frozen=True, kw_only=True):
    """What a plan and a manifest know of a target in the same form.

    Attributes:
        id: a label such as ``py313-linux-c2``; it is never parsed.
        key: version and build, 3.13 or 3.13t.
        engine: docker, podman, or none for a native target.
        os: the operating system.
        arch: the architecture.
        cpus_visible: how many CPUs a program in the target sees; the N of scenarios' worker counts.
        diagnose: the feature that this target runs without; compared with its baseline it shows the feature's cost.
        is_baseline: whether this is a baseline target, in the state before a change (``lab.planning.baseline``).
    """

    id: str
    key: str
    engine: str
    os: str
    arch: str
    cpus_visible: int
    diagnose: Diagnosis | None = None
    is_baseline: bool = field(default=False, name="before")


class Target(TargetFields, frozen=True, kw_only=True):
    """One interpreter under one limit."""

    limit: Limit

    @property
    def runner(self) -> str:
        """The key of its runner: the engine's name; baseline targets have a runner of their own."""
        return f"{self.engine}-before" if self.is_baseline else self.engine

    @property
    def build(self) -> str:
        """The kind of build: ``gil`` or ``free-threaded``."""
        return "free-threaded" if self.key.endswith("t") else "gil"


class Cell(Struct, frozen=True, kw_only=True):
    """One case of a scenario on one target.

    Attributes:
        target: the target's id.
        scenario: the scenario's name.
        case: the case's name within the scenario.
        values: axis -> value.
        deadline_s: after how many seconds the cell is ended.
        estimate_s: the expected duration of the cell in one round.
        sidecar: the module of ``lab.agent.toolkit.sidecars`` that the cell needs in a second container, if any.
    """

    target: str
    scenario: str
    case: str
    values: Mapping[str, Any]
    deadline_s: float
    estimate_s: float
    sidecar: str | None = field(default=None, name="companion")  # word-ok: the JSON key

    @property
    def case_key(self) -> str:
        """Scenario and case, by which targets are compared: ``ipc.round_trip/pipe-64-same_cpu``."""
        return f"{self.scenario}/{self.case}"

    @property
    def id(self) -> str:
        """Scenario, case and target: ``ipc.round_trip/pipe-64-same_cpu@py313-linux-c2``."""
        return f"{self.case_key}@{self.target}"
