"""The operations that the lab, a bare loop and pyperf measure; a new one is an entry here and its bare loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from lab.errors import UsageError

Placement = Literal["same_cpu", "cross_cpu"]

TASKS_PER_CALL = 100  # of the scenario pool.api, whose loops count tasks


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation: a cell of the lab, and the bare script with settings that does the same work."""

    name: str  # in tables, figures and ``--operation``
    scenario: str
    values: Mapping[str, str | int | float | bool | None]  # of the scenario's axes
    measured: str  # the operation's name among the scenario's samples
    script: str  # in ``bare/``, without ``.py``
    settings: Mapping[str, object]  # of the script, besides loops, batches and CPUs
    placement: Placement = "same_cpu"
    step: int = 1  # loops are a multiple of it
    least_untimed: int = 0  # loops before each batch
    bimodal: bool = False  # batches fall on two levels or between them: means are compared instead of medians

    @property
    def cpus(self) -> int:
        """The number of CPUs of its target."""
        return 1 if self.placement == "same_cpu" else 2


def operations(cpus: int, patterns: Sequence[str] = ("*",)) -> tuple[Operation, ...]:
    """The operations that so many CPUs can run and whose name matches one of the patterns.

    Raises:
        UsageError: a pattern matches none of them.
    """
    usable = [operation for operation in OPERATIONS if operation.cpus <= cpus]
    for pattern in patterns:
        if not any(fnmatchcase(operation.name, pattern) for operation in usable):
            names = "; ".join(operation.name for operation in usable)
            raise UsageError(f"no operation of the selfcheck matches {pattern!r}; choose --operation from: {names}")
    return tuple(operation for operation in usable if any(fnmatchcase(operation.name, pattern) for pattern in patterns))


def _round_trip(mechanism: str, payload: str, placement: Placement = "same_cpu") -> Operation:
    return Operation(
        name=f"{mechanism} round trip" + (" across CPUs" if placement == "cross_cpu" else ""),
        scenario="ipc.round_trip",
        values={"mechanism": mechanism, "payload_bytes": 64, "placement": placement, "payload": payload},
        measured="round_trip",
        script="round_trips",
        settings={"mechanism": mechanism, "payload_bytes": 64, "allocator": None},
        placement=placement,
    )


def _large(payload_bytes: int, allocator: str) -> Operation:
    """A round trip of a payload for which it matters what memory both processes have freed before."""
    size: dict[str, str | int] = {"payload_bytes": payload_bytes, "allocator": allocator}
    small = _round_trip("pipe", "bytes")
    return replace(
        small,
        name=f"pipe round trip of {payload_bytes >> 10} KiB, {allocator} memory",
        values={**small.values, **size},
        settings={**small.settings, **size},
    )


def _start(method: str) -> Operation:
    return Operation(
        name=f"process start and join, {method}",
        scenario="process.start",
        values={"start_method": method, "placement": "same_cpu", "imports": "none", "bytecode": "compiled"},
        measured="start_join",
        script="process_start",
        settings={"start_method": method},
        least_untimed=1,
    )


def _call(name: str, call: str, scenario: str, measured: str, **values: str | int) -> Operation:
    settings = {"call": call}
    return Operation(name=name, scenario=scenario, values=values, measured=measured, script="calls", settings=settings)


def _pool(call: str) -> Operation:
    values: dict[str, str | int] = {"operation": call, "start_method": "fork", "workers": 1}
    operation = _call(f"Pool.{call}, per task", f"pool_{call}", "pool.api", call, **values)
    return replace(operation, step=1 if call == "apply" else TASKS_PER_CALL, bimodal=True)


OPERATIONS = (
    *(_round_trip(mechanism, "bytes") for mechanism in ("os_pipe", "pipe", "duplex_pipe", "unix_socket")),
    *(_large(size, allocator) for size in (2**18, 2**20) for allocator in ("fresh", "retained")),
    *(_round_trip(mechanism, "object") for mechanism in ("queue", "simple_queue", "joinable_queue", "manager_queue")),
    *(_start(method) for method in ("fork", "forkserver", "spawn")),
    _pool("apply"),
    _pool("map"),
    _call(
        *("Manager dict set", "manager_dict_set", "state.manager", "set"),
        container="dict",
        operation="set",
        placement="same_cpu",
    ),
    _call("Value set", "value_set", "state.update", "write", container="value", operation="write", workers=1),
    _call(
        *("Lock acquire and release", "lock", "sync.primitives", "acquire_release"),
        primitive="lock",
        contention="uncontended",
        executor="processes",
        workers=1,
        placement="same_cpu",
    ),
    *(_round_trip(mechanism, "bytes", "cross_cpu") for mechanism in ("pipe", "duplex_pipe")),
    _round_trip("queue", "object", "cross_cpu"),
)
