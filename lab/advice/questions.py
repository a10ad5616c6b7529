"""The five questions that advice answers, each from the cells that bear on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.advice.choice import Choice, Lost, Option, choose
from lab.advice.matching import Measured, nearest

if TYPE_CHECKING:
    from lab.report.data import Row, RunData
    from lab.report.targets import Target

POOL_WORK = "pure_python"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one question. ``choices``: measured value -> choice there; the key is None without an axis.

    The answer is the choice at the nearest value; the neighbour's stands beside it and is never mixed in.
    """

    question: str
    basis: str
    measured: Measured | None
    choices: dict[int | None, Choice]

    @property
    def main(self) -> Choice:
        """The choice that answers."""
        return self.choices[self.measured.nearest if self.measured else None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What answers are taken from: one target of a run."""

    data: RunData
    target: Target

    def rows(self, scenario: str, *operations: str) -> list[Row]:
        """The target's rows of these operations, and of cells without a time, which often name no operation."""
        mine = [row for row in self.data.rows if row.target == self.target.id and row.scenario == scenario]
        return [
            row
            for row in mine
            if (row.operation in operations and row.metric == "wall_time" and is_timed(row))
            or (row.operation in ("", *operations) and row.status != "ok" and row.estimate is None)
        ]

    def choice(self, rows: Sequence[Row], name: Callable[[Row], str | None]) -> Choice:
        """The choice between those of these rows that have a time; the others stand beside it."""
        options = [Option.of(name(row) or "", row, self.data.doubts) for row in rows if is_timed(row)]
        lost = [Lost.of(name(row) or row.case, row) for row in rows if not is_timed(row)]
        return choose(options, self.data.per_round, lost)


def is_timed(row: Row) -> bool:
    """Whether the row has an estimate."""
    return row.status == "ok" and row.estimate is not None


def widest_of(rows: Sequence[Row]) -> int:
    """The largest number of workers that was timed, of all where none was; 0 where there is none."""
    timed = [row for row in rows if is_timed(row)]
    return max((row.workers or 0 for row in timed or rows), default=0)


def answers(data: RunData, target: Target, *, payload_bytes: int | None, task_ns: int | None) -> list[Answer]:
    """All answers for one target; a question whose size or length was not given is left out."""
    source = Source(data=data, target=target)
    found = [start_method(source), workers(source)]
    if task_ns is not None:
        found += [pool_or_not(source, task_ns), chunksize(source, task_ns)]
    if payload_bytes is not None:
        found.append(mechanism(source, payload_bytes))
    return found


def start_method(source: Source) -> Answer:
    """By the time to start a process that does nothing and to join it, its bytecode compiled."""
    rows = [
        row
        for row in source.rows("process.start", "start_join")
        if row.start_method != "default"
        and row.placement == "same_cpu"
        and row.variant.get("bytecode", "compiled") == "compiled"
        and row.variant.get("imports", "none") == "none"
    ]
    basis = "process.start, start() and join() of a process that does nothing, both on one CPU"
    return _without_axis(source, "start method", basis, rows, lambda row: row.start_method)


def workers(source: Source) -> Answer:
    """By the time of one fixed job of pure Python, serial and with each measured number of worker processes."""
    rows = [
        row
        for row in source.rows("pool.scaling", "job")
        if row.work == POOL_WORK and row.executor in ("serial", "processes")
    ]
    basis = "pool.scaling, one fixed job of pure Python"
    return _without_axis(source, "workers", basis, rows, _workers_name)


def pool_or_not(source: Source, task_ns: int) -> Answer:
    """By the time a task, in a pool that is there already and without one."""
    rows = source.rows("pool.grain", "serial", "pool")
    widest = widest_of(rows)
    rows = [row for row in rows if row.workers == widest and row.chunksize == 1]
    names = {"serial": "no pool", "pool": f"a pool of {widest}"}
    basis = "pool.grain, time a task with chunks of one"
    return _along(source, "pool", basis, rows, task_ns, lambda row: row.task_ns, lambda row: names.get(row.operation))


def chunksize(source: Source, task_ns: int) -> Answer:
    """By the time a task of ``Pool.map``, for each measured chunk size; of ``imap`` where a plan has that alone."""
    calls = {name: source.rows("pool.chunksize", name) for name in ("map", "imap")}
    call = "map" if any(map(is_timed, calls["map"])) else "imap"
    rows = [row for row in calls[call] if row.chunksize]
    widest = widest_of(rows)
    rows = [row for row in rows if row.workers == widest]
    basis = f"pool.chunksize, time a task of Pool({widest}).{call}" if rows else "pool.chunksize"
    return _along(source, "chunk size", basis, rows, task_ns, lambda row: row.task_ns, lambda row: str(row.chunksize))


def mechanism(source: Source, payload_bytes: int) -> Answer:
    """By the round trip; across two CPUs, where workers are, if several mechanisms were measured so."""
    rows = [
        row
        for row in source.rows("ipc.round_trip", "round_trip")
        if row.payload_bytes and row.variant.get("payload") in ("bytes", "object")
    ]
    across = [row for row in rows if row.placement == "cross_cpu"]
    several = len({row.mechanism for row in across if is_timed(row)}) > 1
    rows = across if several else [row for row in rows if row.placement == "same_cpu"]
    basis = f"ipc.round_trip, {'a CPU for each side' if several else 'both sides on one CPU'}"
    return _along(source, "mechanism", basis, rows, payload_bytes, lambda row: row.payload_bytes, _mechanism_name)


def _without_axis(
    source: Source, question: str, basis: str, rows: Sequence[Row], name: Callable[[Row], str | None]
) -> Answer:
    return Answer(question=question, basis=basis, measured=None, choices={None: source.choice(rows, name)})


def _along(  # noqa: PLR0917 - the two views of a row read best beside each other
    source: Source,
    question: str,
    basis: str,
    rows: Sequence[Row],
    asked: int,
    value: Callable[[Row], int | None],
    name: Callable[[Row], str | None],
) -> Answer:
    """The choice at each of the measured values that stand for the asked one."""
    found = nearest(asked, [value(row) or 0 for row in rows if is_timed(row)])
    if found is None:
        return _without_axis(source, question, basis, rows, name)
    choices: dict[int | None, Choice] = {
        place: source.choice([row for row in rows if value(row) == place], name) for place in found.places
    }
    return Answer(question=question, basis=basis, measured=found, choices=choices)


def _mechanism_name(row: Row) -> str:
    """Pickled objects are another thing to move than bytes; the name says so."""
    return f"{row.mechanism} (objects)" if row.variant.get("payload") == "object" else str(row.mechanism)


def _workers_name(row: Row) -> str:
    if row.executor == "serial":
        return "no pool"
    return f"{row.workers} by {row.start_method}"
