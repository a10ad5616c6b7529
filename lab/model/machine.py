"""The machine that drives a run, and its container engine, as a manifest records them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, structs


class MachineId(Struct, frozen=True, kw_only=True, order=True):
    """What identifies a machine. Kernel and memory do not: they may change between two runs on one machine.

    None stands for what was not recorded, such as the label inside a container.
    """

    label: str | None = None
    os: str | None = None
    arch: str | None = None
    cpu_model: str | None = None
    cpus: int | None = None

    def differing_fields(self, other: MachineId) -> tuple[str, ...]:
        """The names of the fields that both have and that differ; empty for one and the same machine."""
        pairs = zip(self.__struct_fields__, structs.astuple(self), structs.astuple(other), strict=True)
        return tuple(name for name, one, two in pairs if None not in (one, two) and one != two)


class Host(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The machine that drives a run; unknown fields are None. In a merged run, only what all parts share is set."""

    label: str
    os: str | None = None
    arch: str | None = None
    kernel: str | None = None
    cpu_model: str | None = None
    cpus: int | None = None
    physical_cores: int | None = None
    memory_bytes: int | None = None
    python: str | None = None

    @property
    def machine(self) -> MachineId:
        """The fields that identify the machine."""
        return MachineId(label=self.label, os=self.os, arch=self.arch, cpu_model=self.cpu_model, cpus=self.cpus)


class EngineRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A container engine without its connection. ``cpus`` and ``memory_bytes`` are what its containers can use.

    ``address`` has no password, and ``~`` for the home folder; it is missing in runs of older versions.
    """

    name: str
    version: str | None = None
    api_version: str | None = None
    address: str | None = None
    is_local: bool | None = None
    cpus: int | None = None
    memory_bytes: int | None = None
    os: str | None = None
    arch: str | None = None
    operating_system: str | None = None
    kernel: str | None = None
    cgroup_version: str | None = None
    cgroup_driver: str | None = None
    containerd_images: bool | None = None
    rootless: bool | None = None
    runtime: str | None = None
    runtime_commit: str | None = None
    components: Mapping[str, str] | None = None
    storage_driver: str | None = None
    security_options: tuple[str, ...] | None = None
    warnings: tuple[str, ...] | None = None
