"""What a target's agent is asked for: one class, one writer; the agent reads it as JSON (``lab.agent.protocol``)."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from lab.model import STREAM_VERSION, CpuMode, Target

BATCHES = 3

AxisValue = str | int | float | bool | None


class RequestedCell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cell; ``loops`` by operation, where they are known from an earlier round."""

    id: str
    scenario: str
    values: Mapping[str, AxisValue]
    deadline_s: float
    seed: int
    case: str = ""
    loops: Mapping[str, int] = {}


class RequestedTarget(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent checks its surroundings against, and how it measures.

    ``companion``: host, port and authkey of the second container, on the private network of the two.
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
    companion: Mapping[str, str | int] | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The cells of one block on one target. ``by_hand``: the agent asked itself, with no host side."""

    schema_version: int
    target: RequestedTarget
    cells: Sequence[RequestedCell]
    companion: str | None = None
    by_hand: bool = False

    @classmethod
    def of(
        cls,
        target: Target,
        cpus: Sequence[int] | None,
        round_number: int,
        cells: Sequence[RequestedCell],
        *,
        companion: str | None = None,
        slowdown_percent: float = 0.0,
    ) -> Request:
        """The request for cells of one target on these CPUs (None: not pinned) in a round."""
        quota = target.limit.is_quota
        return cls(
            schema_version=STREAM_VERSION,
            companion=companion,
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
                own_cgroup=target.os == "linux" and (target.engine != "none" or quota),
                round=round_number,
                batches=BATCHES,
                inject_slowdown_percent=slowdown_percent,
            ),
        )

    def beside(self, settings: Mapping[str, str | int]) -> Request:
        """The request of an agent that has its companion at this address."""
        return msgspec.structs.replace(self, target=msgspec.structs.replace(self.target, companion=settings))

    def text(self) -> str:
        """The JSON that the agent reads on its standard input."""
        return msgspec.json.encode(self).decode()

    def packed(self) -> str:
        """The same as text that fits an environment variable: compressed, base64."""
        return base64.b64encode(zlib.compress(self.text().encode(), 9)).decode()
