"""The machine that drives a run, and the container engine on it, as a manifest records them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, structs


class MachineId(Struct, frozen=True, kw_only=True, order=True):
    """What makes a machine the same one, wherever that is asked; its kernel and its memory may have changed meanwhile.

    None is what was not recorded, such as the label inside a container.
    """

    label: str | None = None
    os: str | None = None
    arch: str | None = None
    cpu_model: str | None = None
    cpus: int | None = None

    def differing(self, other: MachineId) -> tuple[str, ...]:
        """The names of what is recorded of both and is not the same; none for one and the same machine."""
        pairs = zip(self.__struct_fields__, structs.astuple(self), structs.astuple(other), strict=True)
        return tuple(name for name, one, two in pairs if None not in (one, two) and one != two)


class Host(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The machine that drives a run; what is not known of it is left out. A merged run has what its parts share."""

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
        """Which machine it is."""
        return MachineId(label=self.label, os=self.os, arch=self.arch, cpu_model=self.cpu_model, cpus=self.cpus)


class EngineRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A container engine: everything but the connection to it. ``cpus`` and ``memory_bytes`` are what it hands out."""

    name: str
    version: str | None = None
    api_version: str | None = None
    is_local: bool | None = None
    cpus: int | None = None
    memory_bytes: int | None = None
    os: str | None = None
    arch: str | None = None
    operating_system: str | None = None
    kernel: str | None = None
    cgroup_version: str | None = None
    rootless: bool | None = None
    runtime: str | None = None
    runtime_commit: str | None = None
    components: Mapping[str, str] | None = None
    storage_driver: str | None = None
    security_options: tuple[str, ...] | None = None
    warnings: tuple[str, ...] | None = None
