"""What the search of `lab tune` can choose, and what measuring a choice returns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Executor = Literal["serial", "threads", "pool", "process_pool_executor", "interpreter_pool_executor", "loky", "joblib"]
Status = Literal["ok", "failed", "timeout", "unsupported", "skipped"]


@dataclass(frozen=True, order=True, kw_only=True)
class Choice:
    """One way to apply the user's function to all items.

    ``workers`` 0 and ``chunksize`` 0 are the executor's own defaults, as in ``Pool().map``. ``start_method`` is empty
    where no process is started, and where the default of the target's Python is used. ``library_threads`` is the value
    of OMP_NUM_THREADS and its relatives, 0 to leave them unset.
    """

    executor: Executor
    workers: int = 1
    start_method: str = ""
    chunksize: int = 0
    library_threads: int = 0


SERIAL = Choice(executor="serial")
PLAIN_POOL = Choice(executor="pool", workers=0)  # Pool().map
PLAIN_EXECUTOR = Choice(executor="process_pool_executor", workers=0)  # ProcessPoolExecutor().map


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One pass of one fresh process over all items by one choice; times in ns, memory in bytes.

    ``wall_ns`` is the time of the lines that a user would write: start of the pool, map, and its end. ``start_ns`` is
    the part until a worker could take work, on average over the workers: so much longer does any number of items take.
    ``cpu_ns`` and ``throttled_ns`` are those of the whole process tree until all results were there. ``memory_bytes``
    adds the peaks of all processes, without counting shared pages twice (0: unknown). ``pool_workers`` is the number
    of workers that a pool of default size had (0: unknown). Where ``status`` is not ok, times are 0 and ``reason`` is
    a sentence.
    """

    choice: Choice
    round: int
    wall_ns: int
    start_ns: int
    cpu_ns: int
    memory_bytes: int = 0
    throttled_ns: int = 0
    pool_workers: int = 0
    status: Status = "ok"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Items:
    """The items as one serial pass found them, in their order: duration (ns), pickled argument and result (bytes).

    ``total`` is the number of items there are where only some of them were run (0: all were). ``warnings`` are
    sentences about what the function was seen to do (it prints, it changes files).
    """

    durations_ns: tuple[int, ...]
    argument_bytes: tuple[int, ...]
    result_bytes: tuple[int, ...]
    import_ns: int
    total: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Span:
    """When a worker (numbered from 0) ran an item; times in ns since the start of the pass."""

    worker: int
    item: int
    start_ns: int
    end_ns: int


class Bench(Protocol):
    """Measures choices in one target, in fresh processes."""

    cpus: float  # what the target may use: a cpuset's count, or a quota such as 0.5
    cpus_visible: int  # what Python counts there: under a quota all CPUs of its affinity
    python: str  # 3.13, or 3.13t for a free-threaded build

    def items(self, limit_s: float = math.inf) -> Items:
        """Run the function serially once over all items, or over as many, spread evenly, as the limit allows."""

    def remember(self, items: Items) -> None:
        """Take a description of the items that was made before this bench: a search that is resumed has one."""

    def unavailable(self) -> Mapping[str, str]:
        """Executors (``loky``) and start methods (``pool/fork``) that the target lacks, each with its reason."""

    def measure(self, choices: Sequence[Choice], round_index: int, *, count: int = 0) -> list[Reading]:
        """Measure one block: each choice once, in the order given. A choice that fails gives a reading with its reason.

        ``count``: only so many items, spread evenly over all; 0 for all of them.
        """

    def timeline(self, choice: Choice, *, count: int = 0) -> list[Span]:
        """Run one more pass, whose times enter nothing, and say which worker ran which item when; empty if unknown."""
