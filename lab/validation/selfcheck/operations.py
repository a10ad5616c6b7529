"""What is measured three ways: by the lab, by a bare loop, by pyperf. A new one is an entry here and its bare loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from lab.errors import UsageError

Placement = Literal["same_cpu", "cross_cpu"]

PAYLOAD_BYTES = 64
TASKS_A_CALL = 100  # of pool.api: one call of the scenario, and loops are counted in tasks


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One operation: the lab's cell, and the bare script with its settings that does the same.

    ``measured`` is the operation's name among the scenario's samples; ``step`` what its loops are a multiple of.
    ``two_levels``: its batches lie on one of two levels or between them, so that means are held against each other.
    """

    name: str
    scenario: str
    values: Mapping[str, Any]
    measured: str
    script: str
    settings: Mapping[str, Any]
    placement: Placement = "same_cpu"
    step: int = field(default=1)
    two_levels: bool = field(default=False)

    @property
    def cpus(self) -> int:
        """How many CPUs its target has."""
        return 1 if self.placement == "same_cpu" else 2


def operations(cpus: int, patterns: Sequence[str] = ()) -> tuple[Operation, ...]:
    """All that can be measured on so many CPUs, those across two need two; with patterns those whose name matches one.

    Raises:
        UsageError: a pattern matches none of them.
    """
    usable = tuple(operation for operation in OPERATIONS if operation.cpus <= cpus)
    for pattern in patterns:
        if not any(fnmatchcase(operation.name, pattern) for operation in usable):
            names = ", ".join(operation.name for operation in usable)
            raise UsageError(f"no operation of the selfcheck matches {pattern!r}; choose --operation from: {names}")
    return tuple(
        operation
        for operation in usable
        if not patterns or any(fnmatchcase(operation.name, pattern) for pattern in patterns)
    )


def _round_trip(mechanism: str, payload: str, placement: Placement = "same_cpu") -> Operation:
    values = {"mechanism": mechanism, "payload_bytes": PAYLOAD_BYTES, "placement": placement, "payload": payload}
    return Operation(
        name=f"{mechanism} round trip" + (" across CPUs" if placement == "cross_cpu" else ""),
        scenario="ipc.round_trip",
        values=values,
        measured="round_trip",
        script="round_trips",
        settings={"mechanism": mechanism},
        placement=placement,
    )


def _start(method: str) -> Operation:
    return Operation(
        name=f"process start and join, {method}",
        scenario="process.start",
        values={"start_method": method, "placement": "same_cpu", "imports": "none", "bytecode": "compiled"},
        measured="start_join",
        script="process_start",
        settings={"start_method": method},
    )


def _pool(call: str) -> Operation:
    return Operation(
        name=f"Pool.{call}, a task",
        scenario="pool.api",
        values={"operation": call, "start_method": "fork", "workers": 1},
        measured=call,
        script="calls",
        settings={"call": f"pool_{call}"},
        step=1 if call == "apply" else TASKS_A_CALL,
        two_levels=True,
    )


OPERATIONS = (
    *(_round_trip(mechanism, "bytes") for mechanism in ("os_pipe", "pipe", "duplex_pipe", "unix_socket")),
    *(_round_trip(mechanism, "object") for mechanism in ("queue", "simple_queue")),
    *(_start(method) for method in ("fork", "forkserver", "spawn")),
    _pool("apply"),
    _pool("map"),
    Operation(
        name="Manager dict set",
        scenario="state.manager",
        values={"container": "dict", "operation": "set", "placement": "same_cpu"},
        measured="set",
        script="calls",
        settings={"call": "manager_dict_set"},
    ),
    Operation(
        name="Value set",
        scenario="state.update",
        values={"container": "value", "operation": "write", "workers": 1},
        measured="write",
        script="calls",
        settings={"call": "value_set"},
    ),
    Operation(
        name="Lock acquire and release",
        scenario="sync.primitives",
        values={
            "primitive": "lock",
            "contention": "uncontended",
            "executor": "processes",
            "workers": 1,
            "placement": "same_cpu",
        },
        measured="acquire_release",
        script="calls",
        settings={"call": "lock"},
    ),
    _round_trip("pipe", "bytes", "cross_cpu"),
    _round_trip("duplex_pipe", "bytes", "cross_cpu"),
    _round_trip("queue", "object", "cross_cpu"),
)
