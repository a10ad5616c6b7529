"""What synchronisation primitives cost: alone, handed over and contended, processes beside threads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.report.drawing import theme
from lab.report.drawing.dots import Axis, Dot, draw_rows
from lab.report.drawing.drawing import Drawing, Missing, as_estimate, from_to, notes
from lab.report.drawing.layout import Legend, Text, entry
from lab.report.labels import plain

if TYPE_CHECKING:
    from lab.report.data import Row, RunData

SCENARIO = "sync.primitives"
US = 1e-3
PRIMITIVES = ("lock", "rlock", "semaphore", "bounded_semaphore", "event", "condition", "barrier")
CONTENTIONS = ("uncontended", "handed_over", "contended")
SIDES_NOTE = (
    "Handed over: there and back between two sides. Contended: all use one at once; the time until each has done one."
)


def draw(data: RunData) -> Drawing | Missing:
    """A panel a limit; filled: multiprocessing's primitives, hollow: threading's."""
    rows = chosen(data)
    if not rows:
        return Missing("no synchronisation primitive was timed")
    kinds = [
        entry("processes, multiprocessing", theme.MUTED, "o"),
        entry("threads of one process, threading", theme.MUTED, "o", hollow=True),
    ]
    text = Text(
        title="What do locks, semaphores, events, conditions and barriers cost?",
        subtitle="Time of one operation, of all sides on one CPU. Lower is better.",
        notes=notes(data, rows, SIDES_NOTE),
        legends=(Legend("Shown", kinds),),
    )
    return Drawing(
        draw_rows(data, rows, dot, order=order, text=text, axis=Axis(label="µs an operation (log)")),
        f"Cost of synchronisation primitives: {from_to(rows, lambda row: f'{name(row)}, {row.executor}')}.",
    )


def chosen(data: RunData) -> list[Row]:
    """The rows with all sides on one CPU and the fewest workers, in the order of the targets."""
    places = list(data.targets)
    rows = [row for row in data.pick(SCENARIO) if row.placement == "same_cpu"]
    fewest = min((row.workers or 0 for row in rows if contention(row) == "contended"), default=0)
    rows = [row for row in rows if contention(row) != "contended" or row.workers == fewest]
    return sorted(rows, key=lambda row: (places.index(row.target), order(row)))


def contention(row: Row) -> str:
    """How it was used."""
    return str(row.variant.get("contention"))


def order(row: Row) -> tuple[int, int]:
    """Uncontended first; within, locks first."""
    return place(contention(row), CONTENTIONS), place(str(row.variant.get("primitive")), PRIMITIVES)


def place(value: str, known: tuple[str, ...]) -> int:
    """Where a value stands among the known ones; behind them where it is none."""
    return known.index(value) if value in known else len(known)


def name(row: Row) -> str:
    """``lock, handed over``; the semaphore's long name is shortened."""
    primitive = plain(str(row.variant.get("primitive"))).replace("bounded semaphore", "bounded sem.")
    return f"{primitive}, {plain(contention(row))}"


def dot(data: RunData, row: Row) -> Dot:
    """One primitive on one target."""
    target = data.targets[row.target]
    return Dot(
        panel=target.panel,
        name=name(row),
        version=target.version,
        value=as_estimate(row, US),
        hollow=row.executor == "threads",
    )
