"""The request to a target's agent as a class with one writer; the agent reads it as JSON (``lab.agent.protocol``)."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from lab.model import STREAM_VERSION, CpuMode, Target

BATCHES = 3

AxisValue = str | int | float | bool | None
OwnValue = str | bool | Sequence[str] | Mapping[str, str] | None


class RequestedCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cell to measure. ``loops`` maps operation -> loops per batch, as far as an earlier round calibrated them.

    ``guesses`` are the loops of an earlier run, which the agent verifies before it uses them. ``own`` names the code of
    a function of the user's own, which the cell measures instead of a scenario. ``environment`` sets variables of the
    cell's interpreter (None: removes).
    """

    id: str
    scenario: str
    values: Mapping[str, AxisValue]
    deadline_s: float
    seed: int
    case: str = ""
    loops: Mapping[str, int] = {}
    guesses: Mapping[str, int] = {}
    own: Mapping[str, OwnValue] | None = None
    environment: Mapping[str, str | None] = {}


class RequestedTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits that the agent checks itself against, and how it measures.

    ``steps_per_ms`` is the amount of work that tasks of a given length consist of; without it the agent measures it.
    ``sidecar`` has host, port and authkey of the second container, on a private network of the two.
    """

    cpu_mode: CpuMode
    cpus_requested: float
    own_cgroup: bool
    round: int
    batches: int
    id: str = ""
    build: str | None = None
    diagnose: str | None = None
    cpu_list: Sequence[int] | None = None
    quota: float | None = None
    period_us: int | None = None
    inject_slowdown_percent: float = 0.0
    steps_per_ms: int | None = None
    sidecar: Mapping[str, str | int] | None = msgspec.field(default=None, name="companion")  # word-ok: the JSON key


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cells of one block on one target.

    ``sidecar`` is the module of ``lab.agent.toolkit.sidecars`` to run in a second container. ``by_hand`` is set where
    the agent made the request itself, without a host side.
    """

    schema_version: int
    target: RequestedTarget
    cells: Sequence[RequestedCell]
    sidecar: str | None = msgspec.field(default=None, name="companion")  # word-ok: the JSON key
    by_hand: bool = False

    @classmethod
    def from_target(
        cls,
        target: Target,
        cpus: Sequence[int] | None,
        round_number: int,
        cells: Sequence[RequestedCell],
        *,
        sidecar: str | None = None,
        slowdown_percent: float = 0.0,
        steps_per_ms: int | None = None,
    ) -> Request:
        """The request for cells on a target and CPUs (None: not pinned) in a round, counted from 0."""
        quota = target.limit.is_quota
        return cls(
            schema_version=STREAM_VERSION,
            sidecar=sidecar,
            cells=cells,
            target=RequestedTarget(
                id=target.id,
                build=target.build,
                diagnose=target.diagnose,
                cpu_mode=target.limit.mode,
                cpus_requested=target.limit.cpus,
                cpu_list=cpus,
                quota=target.limit.cpus if quota else None,
                period_us=target.limit.period_us,
                own_cgroup=target.os == "linux" and (target.engine != "none" or (quota and not target.limit.as_found)),
                round=round_number,
                batches=BATCHES,
                inject_slowdown_percent=slowdown_percent,
                steps_per_ms=steps_per_ms,
            ),
        )

    def with_sidecar(self, settings: Mapping[str, str | int]) -> Request:
        """The request with the address of the sidecar: host, port and authkey."""
        return msgspec.structs.replace(self, target=msgspec.structs.replace(self.target, sidecar=settings))

    def text(self) -> str:
        """The request as JSON, for standard input."""
        return msgspec.json.encode(self).decode()

    def packed(self) -> str:
        """The request as compressed, base64-encoded JSON, for an environment variable."""
        return base64.b64encode(zlib.compress(self.text().encode(), 9)).decode()
