"""What a target says it is: the facts that the agent reads back in it (``lab.agent.facts.target``)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct, structs

from lab.agent.facts import target as agent
from lab.model.machine import MachineId
from lab.model.planned import CpuMode


class BuildClass(Struct, frozen=True, kw_only=True):
    """How an interpreter was compiled; None where its build does not show it."""

    pgo: bool | None = None
    lto: bool | None = None
    frame_pointers: bool | None = None
    debug: bool | None = None
    shared: bool | None = None
    optimisation: str | None = None
    compiler: str | None = None


class Flags(Struct, frozen=True, kw_only=True):
    """The interpreter's command line flags that change what is measured."""

    isolated: int | None = None
    optimize: int | None = None


class CpuPlace(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The core, package and NUMA node of a CPU, as far as the kernel shows them."""

    core: int | None = None
    package: int | None = None
    node: int | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """One field for each fact of the agent; None where the system, or an older agent, does not record it.

    ``unknown`` holds what a newer agent has added: it is written again as it was read.
    """

    implementation: str | None = None
    python: str | None = None
    build: str | None = None
    gil_enabled: bool | None = None
    build_class: BuildClass | None = None
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
        """The facts out of the agent's JSON.

        Raises:
            msgspec.ValidationError: a value has another type than the agent gives it.
        """
        return msgspec.convert(gathered(record), cls)

    def plain(self) -> dict[str, object]:
        """The facts as JSON has them."""
        found: dict[str, object] = msgspec.to_builtins(self)
        return spread(found)

    @property
    def machine(self) -> MachineId:
        """Which machine it is, as far as it shows inside a target: nobody knows its label there."""
        return MachineId(os=self.os, arch=self.arch, cpu_model=self.cpu_model, cpus=self.cpu_count)

    @property
    def key(self) -> str:
        """``3.13`` or ``3.13t``."""
        return ".".join((self.python or "").split(".")[:2]) + ("t" if self.build == "free-threaded" else "")

    def cpus_observed(self, mode: CpuMode) -> float:
        """The CPU limit as the target sees it, in the terms of what was asked for."""
        return agent.cpus_observed(mode, structs.asdict(self))


NAMES = frozenset(Facts.__struct_fields__) - {"unknown"}


def gathered(record: Mapping[str, object]) -> dict[str, object]:
    """The JSON of facts with those that no field stands for below ``unknown``."""
    known = {name: value for name, value in record.items() if name in NAMES}
    return {**known, "unknown": {name: value for name, value in record.items() if name not in NAMES}}


def spread(record: dict[str, object]) -> dict[str, object]:
    """The reverse of ``gathered``."""
    unknown = record.pop("unknown")
    return {**record, **unknown} if isinstance(unknown, dict) else record
