"""What the search of `lab tune` can choose, and what measuring a choice returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Executor = Literal["serial", "threads", "pool", "process_pool_executor", "interpreter_pool_executor", "loky", "joblib"]
Status = Literal["ok", "failed", "timeout", "unsupported", "skipped"]


@dataclass(frozen=True, order=True, kw_only=True)
class Choice:
    """One way to apply the user's function to all items.

    ``start_method`` is empty where no process is started. ``chunksize`` 0 is the executor's own default.
    ``library_threads`` is the value of OMP_NUM_THREADS and its relatives, 0 to leave them unset.
    """

    executor: Executor
    workers: int = 1
    start_method: str = ""
    chunksize: int = 0
    library_threads: int = 0


SERIAL = Choice(executor="serial")


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One pass of one fresh process over all items by one choice; times in ns, memory in bytes.

    ``wall_ns`` is the time of the lines that a user would write: start of the pool, map, and its end. ``start_ns`` is
    the part until every worker could take work. ``memory_bytes`` is the peak of the whole process tree (0: unknown).
    Where ``status`` is not ok, times are 0 and ``reason`` is a sentence.
    """

    choice: Choice
    round: int
    wall_ns: int
    start_ns: int
    cpu_ns: int
    memory_bytes: int = 0
    throttled_ns: int = 0
    status: Status = "ok"
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Items:
    """The items as one serial pass found them, in their order: duration (ns), pickled argument and result (bytes)."""

    durations_ns: tuple[int, ...]
    argument_bytes: tuple[int, ...]
    result_bytes: tuple[int, ...]
    import_ns: int


class Bench(Protocol):
    """Measures choices in one target, in fresh processes."""

    cpus: float  # what the target may use: a cpuset's count, or a quota such as 0.5

    def items(self) -> Items:
        """Run the function serially once over all items, and describe them."""

    def unavailable(self) -> Mapping[str, str]:
        """Executors (``loky``) and start methods (``pool/fork``) that the target lacks, each with its reason."""

    def measure(self, choices: Sequence[Choice], round_index: int) -> list[Reading]:
        """Measure one block: each choice once, in random order. A choice that fails gives a reading with its reason."""
