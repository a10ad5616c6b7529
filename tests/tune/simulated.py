"""A simulated machine: a bench whose true times are known, with noise per block and per process."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.tune.choices import Choice, Items, Reading, Span

OVERHEAD_S = 0.2  # of each fresh process


@dataclass(kw_only=True)
class Machine:
    """Takes ``job_s(choice)`` seconds, times log-normal noise of a block and of a process; it keeps its own clock."""

    job_s: Callable[[Choice], float]
    cpus: float = 4
    cpus_visible: int = 4
    python: str = "3.13"
    items_count: int = 400
    item_s: float = 0.005
    result_bytes: int = 64
    block_noise: float = 0.0
    process_noise: float = 0.0
    start_s: float = 0.0
    cpu_share: float = 1.0
    throttled_share: float = 0.0
    memory_bytes: Callable[[Choice], int] = lambda choice: 20_000_000 * (1 + choice.workers)
    missing: Mapping[str, str] = field(default_factory=dict)
    broken: Mapping[Choice, str] = field(default_factory=dict)
    seed: int = 0
    now_s: float = 0.0

    def __post_init__(self) -> None:
        """Seed the noise."""
        self.random = random.Random(self.seed)

    def clock(self) -> float:
        """Seconds on this machine."""
        return self.now_s

    def items(self, limit_s: float = math.inf) -> Items:
        """Describe equal items."""
        count = max(1, min(self.items_count, int(limit_s / self.item_s)))
        self.now_s += count * self.item_s
        sizes = (64,) * count
        return Items(
            durations_ns=(round(self.item_s * 1e9),) * count,
            argument_bytes=sizes,
            result_bytes=(self.result_bytes,) * count,
            import_ns=0,
            total=self.items_count if count < self.items_count else 0,
        )

    def remember(self, items: Items) -> None:
        """It has no deadlines."""

    def unavailable(self) -> Mapping[str, str]:
        """What the machine lacks."""
        return self.missing

    def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
        """Draw the times of one block."""
        block = self.random.gauss(0, self.block_noise)
        return [self._reading(choice, round_index, block, count) for choice in choices]

    def timeline(self, choice: Choice, *, count: int = 0) -> list[Span]:
        """Deal the items out in turn."""
        workers, total = max(1, choice.workers), count or self.items_count
        length = round(self.item_s * 1e9)
        return [
            Span(
                worker=item % workers,
                item=item,
                start_ns=item // workers * length,
                end_ns=(item // workers + 1) * length,
            )
            for item in range(total)
        ]

    def cpu_factor(self, choice: Choice) -> float:
        """CPU time of a choice over that of a serial pass."""
        del choice
        return 1.0

    def _reading(self, choice: Choice, number: int, block: float, count: int) -> Reading:
        self.now_s += OVERHEAD_S
        if choice in self.broken:
            return Reading(
                choice=choice,
                round=number,
                wall_ns=0,
                start_ns=0,
                cpu_ns=0,
                status="failed",
                reason=self.broken[choice],
            )
        noise = math.exp(block + self.random.gauss(0, self.process_noise))
        start_s = 0.0 if choice.executor in ("serial", "threads") else self.start_s
        wall_s = (start_s + self.job_s(choice) * (count or self.items_count) / self.items_count) * noise
        self.now_s += wall_s
        serial_s = self.item_s * (count or self.items_count)
        return Reading(
            choice=choice,
            round=number,
            wall_ns=round(wall_s * 1e9),
            start_ns=round(start_s * noise * 1e9),
            cpu_ns=round(serial_s * self.cpu_share * self.cpu_factor(choice) * 1e9),
            throttled_ns=round(wall_s * self.throttled_share * 1e9),
            memory_bytes=self.memory_bytes(replace(choice, workers=choice.workers or self.cpus_visible)),
            pool_workers=choice.workers or self.cpus_visible,
        )
