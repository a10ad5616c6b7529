"""False alarms and missed changes: identical arms of one target through the real run, and arms slowed on purpose.

Each arm is a target of its own to the machinery (rounds, blocks, order, raw files, tidy, compare), and the same
interpreter under the same limit to everybody else. Disjoint pairs of identical arms give null comparisons: each one
that is called slower or faster is a false alarm. Arms slowed by a known amount beside one that is not give changes
that must be seen. Two passes after each other show what is lost where nothing is interleaved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import pandas as pd
from msgspec.structs import replace

from lab.agent.scenario import discover
from lab.model import Cell, Target
from lab.planning import cells as plan
from lab.planning.profiles import profile
from lab.validation.selfcheck.session import Arm, Size, carry_out
from lab.validation.selfcheck.setup import Bench

# Cheap cells of each family, the noisy placement among them. Some sixty, so that five pairs are 300 comparisons.
CELLS = (
    *(
        f"ipc.round_trip/{mechanism}-{size}-same_cpu"
        for mechanism in (
            "os_pipe",
            "pipe",
            "duplex_pipe",
            "queue",
            "simple_queue",
            "fifo",
            "unix_socket",
            "tcp_socket",
        )
        for size in (1, 64, 1024)
    ),
    "ipc.round_trip/shared_memory-64-same_cpu",
    "ipc.round_trip/mmap-64-same_cpu",
    "ipc.round_trip/pipe-*[46]-same_cpu-object",
    *(f"ipc.round_trip/{mechanism}-64-cross_cpu" for mechanism in ("os_pipe", "pipe", "duplex_pipe", "unix_socket")),
    "state.update/*-1",
    "sync.primitives/*-uncontended-*",
)
# A change of 5 % is asked of cells whose ratio is known within 1.5 %. Jobs that wait or hash scatter least from round
# to round: what else the host's physical core serves slows pure Python down far more than it does SHA-256. A few round
# trips stand beside them, the kind of cell that scatters.
STEADY_CELLS = (
    *(
        f"{scenario}/{work}-{executor}"
        for scenario in ("pool.scaling", "pool.scaling_weak")
        for work in ("waiting", "hashing")
        for executor in ("serial-1", "threads-[12]", "processes-fork-1", "independent-1")
    ),
    *(f"model.compare/{case}" for case in ("*ing-serial-1", "waiting-threads-*", "io-serial-1", "io-asyncio-*")),
    *(f"ipc.round_trip/{mechanism}-64-same_cpu" for mechanism in ("os_pipe", "pipe", "unix_socket")),
)
LARGEST_PAYLOAD = 65_536
SLOWED_PERCENT = (2.0, 5.0, 10.0)


def null_arms(bench: Bench, pairs: int) -> tuple[Arm, ...]:
    """Identical arms; each two that follow one another are a pair."""
    return tuple(Arm(target=bench.target(_cpus(bench), f"-null{number}")) for number in range(2 * pairs))


def slowed_arms(bench: Bench) -> tuple[Arm, ...]:
    """One arm as it is, and one slowed by each of the known amounts."""
    slowed = [
        Arm(target=bench.target(_cpus(bench), f"-slowed{percent:g}"), slowdown_percent=percent)
        for percent in SLOWED_PERCENT
    ]
    return (Arm(target=bench.target(_cpus(bench), "-as-it-is")), *slowed)


def lone_arm(bench: Bench) -> tuple[Arm, ...]:
    """The only arm of a pass that is compared with another pass."""
    return (Arm(target=bench.target(_cpus(bench))),)


def _cpus(bench: Bench) -> int:
    return min(2, bench.cpus)


def chosen_cells(target: Target, limit: int | None = None, patterns: Sequence[str] = CELLS) -> tuple[Cell, ...]:
    """The cells that the patterns name on a target, in the plan's order."""
    every = plan.cells(discover().values(), [target], profile("full"))
    matching = [cell for cell in every if any(fnmatchcase(cell.case_key, pattern) for pattern in patterns)]
    small = [cell for cell in matching if _payload_bytes(cell) <= LARGEST_PAYLOAD]
    if limit is None or limit >= len(small):
        return tuple(small)
    return tuple(small[place * len(small) // limit] for place in range(limit))


def _payload_bytes(cell: Cell) -> int:
    found: int | None = dict(cell.values).get("payload_bytes")
    return found or 0


def measure(bench: Bench, name: str, arms: Sequence[Arm], size: Size, patterns: Sequence[str] = CELLS) -> pd.DataFrame:
    """Run the cells on all arms in one run of the lab in ``folder/name``; its samples, also written beside it."""
    cells = [
        replace(cell, target=arm.target.id) for arm in arms for cell in chosen_cells(arm.target, size.cells, patterns)
    ]
    return carry_out(bench, name, arms, cells, size).samples


def by_target(samples: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """The wall times of each target; counters beside them are other quantities with other noise."""
    timed = samples[samples["metric"] == "wall_time"]
    return {str(target): mine for target, mine in timed.groupby("target", sort=False)}
