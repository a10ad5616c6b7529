"""The five questions that advice answers, each from the cells that concern it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.advice.choice import Choice, Criterion, Lost, Option, choose
from lab.advice.matching import Measured, nearest

if TYPE_CHECKING:
    from lab.report.data import Row, RunData
    from lab.report.targets import Target

POOL_WORK = "pure_python"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The answer to one question. ``choices``: measured value -> choice there; the key is None without an axis.

    The answer is the choice at the nearest value; the neighbour's is shown beside it and never mixed in.
    """

    question: str
    basis: str
    measured: Measured | None
    choices: dict[int | None, Choice]

    @property
    def main(self) -> Choice:
        """The choice at the nearest value."""
        return self.choices[self.measured.nearest if self.measured else None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One target of a run, from which answers are taken."""

    data: RunData
    target: Target

    def rows(self, scenario: str, *operations: str) -> list[Row]:
        """Return the target's rows of these operations, and of cells without a time, which often name no operation."""
        mine = [row for row in self.data.rows if row.target == self.target.id and row.scenario == scenario]
        return [
            row
            for row in mine
            if (row.operation in operations and row.metric == "wall_time" and is_timed(row))
            or (row.operation in ("", *operations) and row.status != "ok" and row.estimate is None)
        ]

    def choice(self, rows: Sequence[Row], name: Callable[[Row], str | None], criterion: Criterion = "slower") -> Choice:
        """Choose between those of these rows that have a time; the others are listed beside the choice."""
        timed = [row for row in rows if is_timed(row)]
        options = [Option.of(name(row) or "", row, self.data.flags) for row in timed]
        lost = [Lost.of(name(row) or row.case, row) for row in rows if not is_timed(row)]
        (standings,) = self.data.standings(timed)
        return choose(options, self.data.per_round, lost, standings=standings, criterion=criterion)


def is_timed(row: Row) -> bool:
    """Whether the row has an estimate."""
    return row.status == "ok" and row.estimate is not None


def widest_of(rows: Sequence[Row]) -> int:
    """Return the largest number of workers that was timed, of all where none was; 0 where there is none."""
    timed = [row for row in rows if is_timed(row)]
    return max((row.workers or 0 for row in timed or rows), default=0)


def answers(data: RunData, target: Target, *, payload_bytes: int | None, task_ns: int | None) -> list[Answer]:
    """Return all answers for one target; a question whose size or length was not given is left out."""
    source = Source(data=data, target=target)
    found = [start_method(source), workers(source)]
    if task_ns is not None:
        found += [pool_or_not(source, task_ns), chunksize(source, task_ns)]
    if payload_bytes is not None:
        found.append(mechanism(source, payload_bytes))
    return found


def start_method(source: Source) -> Answer:
    """Answer by the time to start and join a process that does nothing, its bytecode compiled."""
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
    """Answer by the time of one fixed job of pure Python, serial and with each measured number of worker processes.

    As in speedup.csv and scaling.csv, a number within 5% of the best is as good.
    """
    rows = [
        row
        for row in source.rows("pool.scaling", "job")
        if row.work == POOL_WORK and row.executor in ("serial", "processes")
    ]
    basis = "pool.scaling, one fixed job of pure Python"
    return _without_axis(source, "workers", basis, rows, _workers_name, criterion="near best")


def pool_or_not(source: Source, task_ns: int) -> Answer:
    """Answer by the time per task, in a pool that already exists and without one."""
    rows = source.rows("pool.grain", "serial", "pool")
    widest = widest_of(rows)
    rows = [row for row in rows if row.workers == widest and row.chunksize == 1]
    rows = [row for row in rows if row.executor in (None, "", "processes")]
    names = {"serial": "no pool", "pool": f"a pool of {widest}"}
    basis = "pool.grain, time per task with chunks of one"
    return _along(source, "pool", basis, rows, task_ns, lambda row: row.task_ns, lambda row: names.get(row.operation))


def chunksize(source: Source, task_ns: int) -> Answer:
    """Answer by the time per task of ``Pool.map`` with each measured chunk size; of ``imap`` if only it was planned."""
    calls = {name: source.rows("pool.chunksize", name) for name in ("map", "imap")}
    call = "map" if any(map(is_timed, calls["map"])) else "imap"
    rows = [row for row in calls[call] if row.chunksize]
    widest = widest_of(rows)
    rows = [row for row in rows if row.workers == widest]
    basis = f"pool.chunksize, time per task of Pool({widest}).{call}" if rows else "pool.chunksize"
    return _along(source, "chunk size", basis, rows, task_ns, lambda row: row.task_ns, lambda row: str(row.chunksize))


def mechanism(source: Source, payload_bytes: int) -> Answer:
    """Answer by the round trip; across two CPUs, where workers run, if several mechanisms were measured so."""
    rows = [
        row
        for row in source.rows("ipc.round_trip", "round_trip")
        if row.payload_bytes and row.is_fresh and row.variant.get("payload") in ("bytes", "object")
    ]
    across = [row for row in rows if row.placement == "cross_cpu"]
    several = len({row.mechanism for row in across if is_timed(row)}) > 1
    rows = across if several else [row for row in rows if row.placement == "same_cpu"]
    basis = f"ipc.round_trip, {'one CPU for each side' if several else 'both sides on one CPU'}"
    return _along(source, "mechanism", basis, rows, payload_bytes, lambda row: row.payload_bytes, _mechanism_name)


def _without_axis(  # noqa: PLR0917 - as for _along
    source: Source,
    question: str,
    basis: str,
    rows: Sequence[Row],
    name: Callable[[Row], str | None],
    criterion: Criterion = "slower",
) -> Answer:
    return Answer(question=question, basis=basis, measured=None, choices={None: source.choice(rows, name, criterion)})


def _along(  # noqa: PLR0917 - the two functions of a row belong side by side
    source: Source,
    question: str,
    basis: str,
    rows: Sequence[Row],
    asked: int,
    value: Callable[[Row], int | None],
    name: Callable[[Row], str | None],
) -> Answer:
    """Choose at each of the measured values that represent the requested one."""
    found = nearest(asked, [value(row) or 0 for row in rows if is_timed(row)])
    if found is None:
        return _without_axis(source, question, basis, rows, name)
    choices: dict[int | None, Choice] = {
        place: source.choice([row for row in rows if value(row) == place], name) for place in found.places
    }
    return Answer(question=question, basis=basis, measured=found, choices=choices)


def _mechanism_name(row: Row) -> str:
    """Return the mechanism; the name says where pickled objects were moved and not bytes."""
    return f"{row.mechanism} (objects)" if row.variant.get("payload") == "object" else str(row.mechanism)


def _workers_name(row: Row) -> str:
    if row.executor == "serial":
        return "no pool"
    return f"{row.workers} by {row.start_method}"
