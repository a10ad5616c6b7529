"""Every claim holds, fails and is inconclusive where it should, at values close to its threshold on both sides.

The table says a second time, by values alone, what each claim is about: which cells it compares, and which similar
cells it must not select. So the tests notice a moved threshold, an inverted ratio and a forgotten axis. All entries are
judged in one run, each on a target of its own. The table covers the claims that the lab itself makes. A contributed
claim is one file and its own test, so it needs no entry.
"""

from __future__ import annotations

import functools
import json
import math
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
import pytest

import lab.claims.contributed
from lab.claims import all_claims, evaluate
from lab.claims.claim import Claim
from lab.tables import schema
from tests.claim_runs import TARGET, cell, run

Cell = Mapping[str, Any]
COUNT: Cell = {"metric": "count", "unit": "count", "loops": None}
Frame = Literal["holds", "fails", "inconclusive"]
NEAR = 1.01  # a ratio this far from its threshold is decided, with the scatter below
DRIFT = (1.0, 1.3, 0.8, 1.5, 0.6)  # between rounds; it cancels in a ratio
WOBBLE = tuple(math.exp(0.002 * step) for step in (-1, -0.5, 0, 0.5, 1))  # half-width of the ratio 0.2 %


def of(scenario: str, operation: str, **axes: object) -> Cell:
    """One cell by its axes; those without a column stand in ``variant``."""
    variant = {axis: value for axis, value in axes.items() if axis not in schema.AXIS_COLUMNS}
    columns = {axis: value for axis, value in axes.items() if axis in schema.AXIS_COLUMNS}
    case = "-".join([operation, *map(str, axes.values())])
    return {"scenario": scenario, "operation": operation, "case": case, "variant": json.dumps(variant), **columns}


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one test of a claim says: ``top`` over ``bottom``, or ``top`` alone, is above or below the threshold.

    ``beside_top`` and ``beside_bottom`` are cells that must not be taken for the one or the other; ``times``,
    ``times_before`` and ``counts`` are what the claim's other tests need, with their values; ``target`` is where it is
    asked, and ``against`` what differs where the bottom is of another target.
    """

    holds: Literal["above", "below"]
    threshold: float
    top: Cell
    bottom: Cell | None = None
    metric: str = "wall_time"
    beside_top: Sequence[Cell] = ()
    beside_bottom: Sequence[Cell] = ()
    times: Sequence[tuple[Cell, float]] = ()
    times_before: Sequence[tuple[Cell, float]] = ()
    counts: Sequence[tuple[Cell, float]] = ()
    target: Mapping[str, Any] = field(default_factory=dict)
    against: Mapping[str, Any] = field(default_factory=dict)
    step: float = 0.0  # from the threshold to the next count

    def cells(self, name: str, frame: Frame) -> Iterator[list[dict[str, Any]]]:
        """The samples of its frame, on a target that no other entry has."""
        on = {**TARGET, "target": name, "host": name, **self.target}
        before = {**on, "target": f"{name}-before", "python": "3.13.9", **self.against}
        if self.metric == "count":
            yield from self.counted(on, frame)
        else:
            yield from self.timed(on, before if self.against else on, frame)
        for there, others in ((on, self.times), (before, self.times_before), ({**on, **COUNT}, self.counts)):
            for other, value in others:
                yield cell([value] * 5, **{**there, **other})

    def counted(self, on: Cell, frame: Frame) -> Iterator[list[dict[str, Any]]]:
        """An exact count just beyond the threshold, on the other side in one round of five, or of four rounds."""
        good, bad = (self.step, -self.step) if self.holds == "above" else (-self.step, self.step)
        rounds = {"holds": [good] * 5, "fails": [*[good] * 4, bad], "inconclusive": [good] * 4}[frame]
        yield cell([self.threshold + step for step in rounds], **{**on, **COUNT, **self.top})
        for other in self.beside_top:
            yield cell([1e9 * bad] * 5, **{**on, **COUNT, **other})

    def timed(self, on: Cell, below: Cell, frame: Frame) -> Iterator[list[dict[str, Any]]]:
        """A ratio, or a level by itself, just beyond the threshold, or on it."""
        on = {**on, "metric": self.metric}
        near = {"holds": NEAR, "fails": 1 / NEAR, "inconclusive": 1.0}[frame]
        value = self.threshold * (near if self.holds == "above" else 1 / near)
        drift = DRIFT if self.bottom else (1.0,) * 5
        yield cell([value * d * w for d, w in zip(drift, WOBBLE, strict=True)], **{**on, **self.top})
        if self.bottom:
            yield cell(drift, **{**below, **self.bottom})
        small, large = (1e-6,) * 5, (1e9,) * 5
        for other in self.beside_top:
            yield cell(small if self.holds == "above" else large, **{**on, **other})
        for other in self.beside_bottom:
            yield cell(large if self.holds == "above" else small, **{**below, **other})


def job(executor: str, work: str = "pure_python", workers: int = 1, start_method: str | None = None) -> Cell:
    return of("pool.scaling", "job", executor=executor, work=work, workers=workers, start_method=start_method)


def trip(mechanism: str, payload: str | None = "bytes", size: int | None = 64, placement: str = "same_cpu") -> Cell:
    return of(
        "ipc.round_trip", "round_trip", mechanism=mechanism, payload_bytes=size, placement=placement, payload=payload
    )


def start(method: str, placement: str = "same_cpu", imports: str = "none", bytecode: str = "compiled") -> Cell:
    axes = {"placement": placement, "imports": imports, "bytecode": bytecode}
    return of("process.start", "start_join", start_method=method, **axes)


def ready(method: str, workers: int = 2, **executor: str) -> Cell:
    return of("pool.start", "start_ready", start_method=method, workers=workers, **executor)


def default(size: object, workers: int, kind: str = "pool") -> Cell:
    return of("pool.defaults", "job", kind=kind, size=size, workers=workers)


def overflow(operation: str, method: str = "fork", workers: int = 2) -> Cell:
    return of("pool.overflow", operation, start_method=method, workers=workers)


def one_way(
    operation: str, mechanism: str = "queue", size: int = 64, placement: str = "same_cpu", payload: str = "object"
) -> Cell:
    return of("ipc.one_way", operation, mechanism=mechanism, payload_bytes=size, placement=placement, payload=payload)


def elsewhere(operation: str) -> list[Cell]:
    """The same operation of another mechanism, size, placement and payload."""
    return [
        one_way(operation, "simple_queue"), one_way(operation, size=1024), one_way(operation, placement="cross_cpu"),
        one_way(operation, payload="bytes"),
    ]  # fmt: skip


def increments(operation: str, container: str, locking: str = "no_lock", workers: int = 2) -> Cell:
    return of("state.lost_updates", operation, container=container, locking=locking, workers=workers)


def handover(executor: str, through: str = "semaphore") -> Cell:
    return of("process.switch", "handover", executor=executor, through=through, placement="same_cpu")


def io(executor: str, operation: str = "job_with_start", work: str = "io", workers: int = 8) -> Cell:
    return of("model.compare", operation, executor=executor, work=work, workers=workers)


def memory(method: str = "fork", workers: int = 2, imports: str = "none") -> Cell:
    return of("process.memory", "worker_memory", start_method=method, workers=workers, imports=imports)


def managed(operation: str, container: str, placement: str = "same_cpu") -> Cell:
    return of("state.manager", operation, container=container, placement=placement)


def remote(operation: str, reach: str = "private_network", placement: str = "same_cpu") -> Cell:
    return of("state.manager_remote", operation, reach=reach, placement=placement)


def buffered(mechanism: str = "os_pipe", size: int = 65536, placement: str = "same_cpu", **more: Any) -> Cell:
    axes = {"payload": "bytes", "buffer_bytes": "default", **more}
    return of("ipc.throughput", "buffered_bytes", mechanism=mechanism, payload_bytes=size, placement=placement, **axes)


def chunk(size: int, task_ns: int = 1000, workers: int = 2, operation: str = "imap", tasks: int = 128) -> Cell:
    return of("pool.chunksize", operation, task_ns=task_ns, chunksize=size, workers=workers, tasks=tasks)


def apply(operation: str = "apply", method: str = "fork", workers: int = 2) -> Cell:
    return of("pool.api", operation, start_method=method, workers=workers)


YES_OR_NO: dict[str, Any] = {"threshold": 0.5, "step": 0.5, "metric": "count"}
NATIVE = {"engine": "none", "cpu_mode": "affinity"}
PY314 = {"python": "3.14.1"}
FREE_THREADED = {"python": "3.14.0", "build": "free-threaded"}
WITH_GIL = {"python": "3.14.0", "build": "gil"}
NO_LOSS = [(increments("lost", name), 0) for name in ("value", "array")]
AT_ONCE = [(increments("writers_at_once", name), 1.9) for name in ("value", "array")]
IN_TIME = [(one_way("empty_raised"), 1), (one_way("empty_waited_out"), 1)]
WAITED = [(one_way("empty_timeout"), 50.2e6), (one_way("empty_timeout_asked"), 50e6)]
POOLS: dict[str, Any] = {
    "top": default("default", 2),
    "bottom": default(1, 1),
    "beside_top": [default("default", 2, "executor"), default(1, 1, "executor")],
    "beside_bottom": [default(2, 2), default("default", 2, "executor"), default(4, 4, "executor")],
}

# The claim, and behind a colon which of its tests; its other tests hold in every frame.
TABLE: dict[str, Said] = {
    "threads_do_not_speed_up_compute": Said(
        holds="below",
        threshold=1.1,
        top=job("serial"),
        bottom=job("threads", workers=2),
        beside_top=[job("serial", "hashing"), job("independent", workers=2)],
        beside_bottom=[
            job("threads"),
            job("threads", workers=4),
            job("threads", "hashing", 2),
            job("processes", workers=2),
        ],
    ),
    "processes_speed_up_compute": Said(
        holds="above",
        threshold=1.5,
        top=job("serial"),
        bottom=job("processes", workers=2, start_method="fork"),
        beside_top=[job("serial", "memory")],
        beside_bottom=[
            job("independent", workers=2, start_method="fork"),
            job("threads", workers=2),
            job("processes", "memory", 2, "fork"),
            job("processes", workers=1, start_method="fork"),
            job("processes", workers=4, start_method="fork"),
            job("processes", workers=2, start_method="forkserver"),
            job("processes", workers=2, start_method="spawn"),
        ],
    ),
    "task_beyond_the_workers_waits": Said(
        holds="above",
        top=overflow("waited"),
        beside_top=[overflow("waited", "spawn"), overflow("waited", workers=1), overflow("apply_waited_for_end")],
        **YES_OR_NO,
    ),
    "apply_blocks_and_apply_async_does_not: apply": Said(
        holds="above",
        top=overflow("apply_waited_for_end"),
        beside_top=[overflow("apply_waited_for_end", "spawn"), overflow("apply_waited_for_end", workers=1)],
        counts=[(overflow("apply_async_came_before_end"), 1)],
        **YES_OR_NO,
    ),
    "apply_blocks_and_apply_async_does_not: apply_async": Said(
        holds="above",
        top=overflow("apply_async_came_before_end"),
        beside_top=[
            overflow("apply_async_came_before_end", "spawn"),
            overflow("apply_async_came_before_end", workers=1),
        ],
        counts=[(overflow("apply_waited_for_end"), 1)],
        **YES_OR_NO,
    ),
    "pool_default_fits_the_machine": Said(holds="below", threshold=1.05, target=NATIVE, **POOLS),
    "pool_default_fits_the_container": Said(holds="below", threshold=1.05, **POOLS),
    "shared_memory_is_the_fastest_ipc: bytes": Said(
        holds="above",
        threshold=1.0,
        top=trip("pipe"),
        bottom=trip("shared_memory"),
        beside_top=[
            *(trip(name) for name in ("mmap", "eventfd", "signal")),
            trip("signal", payload=None, size=None),
            trip("pipe", placement="cross_cpu"),
            trip("pipe", size=1024),
            trip("pipe", payload="flat_list"),
        ],
        beside_bottom=[trip("shared_memory", placement="cross_cpu"), trip("shared_memory", "object")],
    ),
    "shared_memory_is_the_fastest_ipc: objects": Said(
        holds="above", threshold=1.0, top=trip("queue", "object"), bottom=trip("shared_memory")
    ),
    "value_and_array_are_process_safe: Value": Said(
        holds="below",
        top=increments("lost", "value"),
        beside_top=[increments("lost", "value", "get_lock"), increments("lost", "value", workers=4)],
        counts=[NO_LOSS[1], *AT_ONCE],
        **YES_OR_NO,
    ),
    "value_and_array_are_process_safe: Array": Said(
        holds="below",
        top=increments("lost", "array"),
        beside_top=[increments("lost", "array", "get_lock"), increments("lost", "array", workers=4)],
        counts=[NO_LOSS[0], *AT_ONCE],
        **YES_OR_NO,
    ),
    "manager_is_slower_than_shared_memory": Said(
        holds="above",
        threshold=2.0,
        top=managed("set", "value"),
        bottom=of("state.update", "write", container="value", workers=1),
        beside_top=[managed("set", "dict"), managed("get", "value"), managed("set", "value", "cross_cpu")],
        beside_bottom=[
            of("state.update", "write", container="value", workers=2),
            of("state.update", "update", container="value", workers=1),
            of("state.update", "write", container="raw_value", workers=1),
        ],
    ),
    "processes_share_no_variables": Said(
        holds="below",
        top=of("process.copy_on_write", "seen_by_parent", parent="plain"),
        beside_top=[
            of("process.copy_on_write", "seen_by_parent", parent="threaded"),
            of("process.copy_on_write", "seen_by_child", parent="plain"),
        ],
        **YES_OR_NO,
    ),
    **{
        f"switching_processes_is_costly: {through}": Said(
            holds="above",
            threshold=1.1,
            top=handover("processes", through),
            bottom=handover("threads", through),
            times=[(handover("processes", other), 2.0), (handover("threads", other), 1.0)],
        )
        for through, other in (("pipe", "semaphore"), ("semaphore", "pipe"))
    },
    **{
        f"processes_are_wrong_for_io: {operation}": Said(
            holds="above",
            threshold=1.1,
            top=io("processes", operation),
            bottom=io("threads", operation),
            beside_top=[io("processes", operation, workers=2), io("processes", operation, "waiting"), io("asyncio")],
            beside_bottom=[io("threads", operation, workers=2), io("threads", operation, "waiting"), io("serial")],
            times=[(io("processes", other), 2.0), (io("threads", other), 1.0)],
        )
        for operation, other in (("job", "job_with_start"), ("job_with_start", "job"))
    },
    "processes_cost_resources": Said(
        holds="above",
        threshold=1048576.0,
        metric="pss",
        top=memory(),
        beside_top=[memory("spawn"), memory(workers=1), memory(workers=4), memory(imports="heavy")],
    ),
    "pool_beats_many_processes": Said(
        holds="above",
        threshold=2.0,
        top=start("fork"),
        bottom=apply(),
        beside_top=[
            start("spawn"),
            start("default"),
            start("fork", "free"),
            start("fork", imports="heavy"),
            start("fork", bytecode="shipped"),
        ],
        beside_bottom=[apply("map"), apply(method="spawn"), apply(workers=1), apply(workers=4)],
    ),
    "queue_is_fifo": Said(
        holds="below",
        top=one_way("out_of_order"),
        beside_top=elsewhere("out_of_order"),
        **YES_OR_NO,
    ),
    "get_with_timeout_raises_empty: in time": Said(
        holds="below",
        threshold=1.1,
        top=one_way("empty_timeout"),
        bottom=one_way("empty_timeout_asked"),
        beside_top=elsewhere("empty_timeout"),
        beside_bottom=elsewhere("empty_timeout_asked"),
        counts=IN_TIME,
    ),
    "get_with_timeout_raises_empty: raised": Said(
        holds="above",
        top=one_way("empty_raised"),
        beside_top=elsewhere("empty_raised"),
        times=WAITED,
        counts=IN_TIME[1:],
        **YES_OR_NO,
    ),
    "get_with_timeout_raises_empty: waited": Said(
        holds="above",
        top=one_way("empty_waited_out"),
        beside_top=elsewhere("empty_waited_out"),
        times=WAITED,
        counts=IN_TIME[:1],
        **YES_OR_NO,
    ),
    "pipes_have_a_limited_buffer": Said(
        holds="below",
        threshold=1048576,
        step=1,
        metric="count",
        top=buffered(),
        beside_top=[
            buffered("pipe"),
            buffered(size=64),
            buffered(placement="cross_cpu"),
            buffered(placement="free"),
            buffered(payload="object"),
            buffered(buffer_bytes=1048576),
        ],
    ),
    "signals_carry_little": Said(
        holds="above",
        threshold=0.15625,
        top=trip("signal", payload=None, size=None),
        bottom=trip("pipe"),
        beside_top=[trip("signal", payload=None, size=None, placement="cross_cpu"), trip("eventfd", None, None)],
        beside_bottom=[
            trip("pipe", size=1024),
            trip("pipe", "object"),
            trip("pipe", placement="cross_cpu"),
            trip("duplex_pipe"),
        ],
    ),
    "manager_takes_more_types": Said(
        holds="above",
        threshold=3.5,
        step=0.5,
        metric="count",
        top=managed("types_verified", "value"),
        beside_top=[managed("types_verified", "dict"), managed("types_verified", "value", "free")],
    ),
    "manager_works_across_machines": Said(
        holds="below",
        threshold=10.0,
        top=remote("set"),
        bottom=managed("set", "dict"),
        beside_top=[remote("set", "loopback"), remote("set", placement="free"), remote("get")],
        beside_bottom=[managed("set", "value"), managed("get", "dict"), managed("set", "dict", "cross_cpu")],
    ),
    "queue_is_much_slower_than_pipe": Said(
        holds="above",
        threshold=2.0,
        top=trip("queue", "object"),
        bottom=trip("duplex_pipe", "object"),
        beside_top=[
            trip("queue", "object", 1024),
            trip("queue", "oob"),
            trip("queue", "object", placement="cross_cpu"),
        ],
        beside_bottom=[
            trip("duplex_pipe", "object", 1024),
            trip("pipe", "object"),
            trip("duplex_pipe"),
            trip("duplex_pipe", "object", placement="free"),
        ],
    ),
    "fork_is_fastest: spawn": Said(
        holds="above",
        threshold=1.0,
        top=start("spawn"),
        bottom=start("fork"),
        beside_top=[start("default"), start("spawn", "free"), start("spawn", imports="light")],
        beside_bottom=[start("fork", "free"), start("fork", imports="heavy"), start("fork", bytecode="shipped")],
    ),
    "fork_is_fastest: forkserver": Said(
        holds="above",
        threshold=1.0,
        top=start("forkserver"),
        bottom=start("fork"),
        beside_top=[start("forkserver", bytecode="shipped")],
    ),
    "larger_chunks_are_faster": Said(
        holds="above",
        threshold=1.0,
        top=chunk(1),
        bottom=chunk(16),
        beside_top=[
            chunk(4),
            chunk(64),
            chunk(1, workers=1),
            chunk(1, operation="map"),
            chunk(1, 10_000),
            chunk(1, 1_000_000, tasks=127),
        ],
        beside_bottom=[
            chunk(16, 500_000),
            chunk(16, operation="map"),
            chunk(16, workers=4),
            chunk(16, 1_000_000, tasks=127),
        ],
    ),
    "more_workers_than_cpus_hurt": Said(
        holds="above",
        threshold=1.05,
        top=job("processes", workers=4, start_method="fork"),
        bottom=job("processes", workers=2, start_method="fork"),
        beside_top=[
            job("independent", workers=4, start_method="fork"),
            job("processes", workers=3, start_method="fork"),
            job("threads", workers=4),
            job("processes", "waiting", 4, "fork"),
            job("processes", workers=4, start_method="spawn"),
        ],
        beside_bottom=[
            job("independent", workers=2, start_method="fork"),
            job("processes", "waiting", 2, "fork"),
            job("processes", workers=1, start_method="fork"),
            job("threads", workers=2),
            job("independent", workers=2),
        ],
    ),
    "forkserver_default_makes_pools_slower: an older Python": Said(
        holds="above",
        threshold=2.0,
        top=ready("default"),
        bottom=ready("default"),
        beside_top=[ready("spawn"), ready("default", 1), ready("default", 4)],
        beside_bottom=[ready("spawn"), ready("default", 1)],
        target=PY314,
        against={"python": "3.13.9"},
        times=[(ready("fork"), 0.01)],
    ),
    "forkserver_default_makes_pools_slower: fork": Said(
        holds="above",
        threshold=2.0,
        top=ready("default"),
        bottom=ready("fork"),
        beside_bottom=[ready("forkserver"), ready("fork", 1)],
        target=PY314,
        times_before=[(ready("default"), 0.01)],
    ),
    "free_threading_slows_one_thread: at least 5%": Said(
        holds="above",
        threshold=1.05,
        top=job("serial"),
        bottom=job("serial"),
        beside_top=[job("serial", "hashing"), job("threads")],
        beside_bottom=[job("serial", "hashing"), job("threads")],
        target=FREE_THREADED,
        against=WITH_GIL,
    ),
    "free_threading_slows_one_thread: at most 10%": Said(
        holds="below",
        threshold=1.10,
        top=job("serial"),
        bottom=job("serial"),
        target=FREE_THREADED,
        against=WITH_GIL,
    ),
    "interpreters_start_faster_than_processes: default": Said(
        holds="below",
        threshold=1.0,
        top=of("pool.start", "start_ready", executor="interpreters", workers=2),
        bottom=ready("default", executor="processes"),
        beside_top=[of("pool.start", "start_ready", executor="interpreters", workers=1)],
        beside_bottom=[ready("default", 1, executor="processes"), ready("spawn", executor="processes")],
        target=PY314,
        times=[(ready("fork", executor="processes"), 100.0)],
        times_before=[(ready("default"), 0.01)],
    ),
    "interpreters_start_faster_than_processes: fork": Said(
        holds="below",
        threshold=1.0,
        top=of("pool.start", "start_ready", executor="interpreters", workers=2),
        bottom=ready("fork", executor="processes"),
        target=PY314,
        times=[(ready("default", executor="processes"), 100.0)],
        times_before=[(ready("default"), 0.01)],
    ),
}


def of_the_lab() -> list[Claim]:
    """All claims except those that were contributed."""
    contributed = {module.name for module in pkgutil.iter_modules(lab.claims.contributed.__path__)}
    return [claim for claim in all_claims() if claim.name not in contributed]


@functools.cache
def judged(frame: Frame, cpus: float = 2.0) -> pd.DataFrame:
    """The verdicts of all entries of the table, by target, in this frame of each, on targets of so many CPUs."""
    summary, samples = run(*(rows for name, said in TABLE.items() for rows in said.cells(name, frame)))
    on = {"cpus_requested": cpus, "cpus_observed": cpus}
    return evaluate(summary.assign(**on), samples.assign(**on), claims=of_the_lab())


def test_every_claim_is_in_the_table_unless_it_was_contributed() -> None:
    assert {name.partition(":")[0] for name in TABLE} == {claim.name for claim in of_the_lab()}


@pytest.mark.parametrize("frame", ["holds", "fails", "inconclusive"])
@pytest.mark.parametrize("name", TABLE)
def test_a_claim_is_decided_next_to_its_threshold_on_either_side(name: str, frame: Frame) -> None:
    found, said = judged(frame), TABLE[name]
    mine = found[(found["claim"] == name.partition(":")[0]) & (found["target"] == name)]
    assert mine["verdict"].tolist() == [frame], mine["reason"].tolist()
    if frame != "holds":  # else all tests do, and the first of them is named
        assert mine["threshold"].tolist() == [said.threshold]


NEEDS_TWO = {"threads_do_not_speed_up_compute", "processes_speed_up_compute", "value_and_array_are_process_safe"}


@pytest.mark.parametrize(
    ("cpus", "refused"),
    [
        (2.0, {}),
        (1.0, dict.fromkeys(NEEDS_TWO, "needs at least 2 CPUs, this target has 1")),
        (
            0.5,
            {
                **dict.fromkeys(NEEDS_TWO, "needs at least 2 CPUs, this target has 0.5"),
                "more_workers_than_cpus_hurt": "needs at least 1 CPU, this target has 0.5",
            },
        ),
    ],
)
def test_a_claim_is_asked_of_targets_with_as_many_cpus_as_it_needs(cpus: float, refused: dict[str, str]) -> None:
    found = judged("holds", cpus)
    told = found[found["reason"].str.startswith("needs at least ") & found["target"].notna()]
    reasons = [reason.partition(":")[0] for reason in told["reason"]]
    assert dict(zip(told["claim"], reasons, strict=True)) == refused


def test_the_cost_of_free_threading_is_judged_on_free_threaded_builds_beside_one_with_the_gil() -> None:
    name = "free_threading_slows_one_thread"
    alone = [cell([1.0] * 5, **{**TARGET, "target": "t", **FREE_THREADED, **job("serial")})]
    pair = [*alone, cell([0.93] * 5, **{**TARGET, "target": "g", **WITH_GIL, **job("serial")})]
    for samples, target, verdict in ((alone, "t", "not measured"), (pair, "t", "holds")):
        found = evaluate(*run(*samples), claims=of_the_lab())
        mine = found[found["claim"] == name]
        assert mine[["target", "verdict"]].to_numpy().tolist() == [[target, verdict]], mine["reason"].tolist()
    (reason,) = evaluate(*run(*alone), claims=of_the_lab()).query("claim == @name")["reason"]
    assert reason.endswith("measure both: --python 3.14 --python 3.14t")
