"""The facts of a target, which the agent reads inside it (``lab.agent.facts.target``)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from lab.agent.facts import target as agent
from lab.model.machine import MachineId
from lab.model.planned import CpuMode


class BuildClass(Struct, frozen=True, kw_only=True):
    """How an interpreter was compiled; None where the build does not record it."""

    pgo: bool | None = None
    lto: bool | None = None
    frame_pointers: bool | None = None
    jit: bool | UnsetType | None = UNSET
    tail_call: bool | UnsetType | None = UNSET
    debug: bool | None = None
    shared: bool | None = None
    optimisation: str | None = None
    compiler: str | None = None


class Jit(Struct, frozen=True, kw_only=True):
    """Whether a process may use the JIT compiler, and whether a hot loop ran its code; None where not reported."""

    enabled: bool | None = None
    active: bool | None = None


class Flags(Struct, frozen=True, kw_only=True):
    """The interpreter's command-line flags that affect measurements."""

    isolated: int | None = None
    optimize: int | None = None


class CpuPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The core, package, NUMA node and kind of core (0 is the fastest) of a CPU; None where they are not known."""

    core: int | None = None
    package: int | None = None
    node: int | None = None
    kind: int | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """One field per fact of the agent; None where the system, or an older agent, does not record it.

    ``unknown`` holds facts of a newer agent, which are written back as they were read.
    """

    implementation: str | None = None
    python: str | None = None
    build: str | None = None
    gil_enabled: bool | None = None
    build_class: BuildClass | None = None
    jit: Jit | UnsetType = UNSET
    compiler: str | None = None
    configure: str | None = None
    start_methods: tuple[str, ...] | None = None
    default_start_method: str | None = None
    flags: Flags | None = None
    gc_enabled: bool | None = None
    uncached_modules: tuple[str, ...] | None = None
    os: str | None = None
    wine: bool | None = None
    arch: str | None = None
    kernel: str | None = None
    libc: str | None = None
    cpu_model: str | None = None
    mitigations: Mapping[str, str] | None = None
    speculation_store_bypass: str | None = None
    seccomp: str | None = None
    shm_bytes: int | None = None
    memory_limit_bytes: int | None = None
    cgroup_version: int | None = None
    cpu_count: int | None = None
    process_cpu_count: int | None = None
    affinity: tuple[int, ...] | None = None
    processor_groups: int | None = None
    cpuset: tuple[int, ...] | None = None
    frequency: Mapping[str, str] | None = None
    topology: Mapping[str, CpuPlace] | None = None
    quota: float | None = None
    period_us: int | None = None
    clock: str | None = None
    clock_resolution_ns: float | None = None
    clock_step_ns: int | None = None
    clock_cost_ns: int | None = None
    clock_source: str | None = None
    unknown: Mapping[str, object] = {}

    @classmethod
    def from_plain(cls, record: Mapping[str, object]) -> Facts:
        """Read the facts from the agent's JSON.

        Raises:
            msgspec.ValidationError: a value does not have the type of its field.
        """
        return msgspec.convert(gather_unknown(record), cls)

    def plain(self) -> dict[str, object]:
        """The facts in the form of the agent's JSON."""
        found: dict[str, object] = msgspec.to_builtins(self)
        return spread_unknown(found)

    @property
    def machine(self) -> MachineId:
        """What identifies the machine, without its label, which is not visible inside a target."""
        return MachineId(os=self.os, arch=self.arch, cpu_model=self.cpu_model, cpus=self.cpu_count)

    @property
    def key(self) -> str:
        """Version and build as ``--python`` takes them: ``3.13`` or ``3.13t``."""
        return ".".join((self.python or "").split(".")[:2]) + ("t" if self.build == "free-threaded" else "")

    def cpus_observed(self, mode: CpuMode) -> float:
        """The CPU limit in CPUs that the target observes for a limit of this mode."""
        return agent.cpus_observed(mode, structs.asdict(self))


NAMES = frozenset(Facts.__struct_fields__) - {"unknown"}


def gather_unknown(record: Mapping[str, object]) -> dict[str, object]:
    """Move facts that have no field below the key ``unknown``."""
    known = {name: value for name, value in record.items() if name in NAMES}
    return {**known, "unknown": {name: value for name, value in record.items() if name not in NAMES}}


def spread_unknown(record: dict[str, object]) -> dict[str, object]:
    """Reverse ``gather_unknown``."""
    unknown = record.pop("unknown")
    return {**record, **unknown} if isinstance(unknown, dict) else record
