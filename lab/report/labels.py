"""Numbers, units and names as text for readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.text import plural

if TYPE_CHECKING:
    from lab.report.data import Row
    from lab.stats.rounds import Estimate

TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
SIZES = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))
PLACEMENTS = {
    "same_cpu": "both sides on one CPU",
    "cross_cpu": "sides on two CPUs",
    "cross_cpu_awake": "on two CPUs kept awake",
    "smt_siblings": "on two threads of one core",
    "free": "placed by the scheduler",
}
WORKS = {
    "pure_python": "pure Python",
    "hashing": "hashing (releases the GIL)",
    "memory": "copying memory (holds the GIL)",
    "io": "I/O",
    "waiting": "waiting for a timer",
}
COUNTED = {"workers": "worker", "tasks": "task"}
AXES = {
    "payload_bytes": "message size",
    "parent_bytes": "memory of the parent",
    "task_ns": "length of a task",
    "chunksize": "chunk size",
}
UNITS_IN_NAMES = ("_bytes", "_ns")
MOST_DIGITS = 9


def number(value: float, compared_with: float | None = None) -> str:
    """Three significant digits with their zeros (2.00, 12.0, 120, 0.950); no powers of ten between 1e-4 and 1e9.

    ``compared_with``: another value, as a threshold. Where both differ but would be rounded to the same text, more
    digits are given, so that the end of an interval does not look equal to a threshold that it excludes.
    """
    if compared_with is not None and value != compared_with:
        for digits in range(4, MOST_DIGITS):
            if rounded(value) != rounded(compared_with):
                break
            if (text := f"{value:#.{digits}g}") != f"{compared_with:#.{digits}g}" and "e" not in text:
                return text.rstrip(".")
    return rounded(value)


def rounded(value: float) -> str:
    """The value with three significant digits."""
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 999.5:  # noqa: PLR2004 -- from here on three digits are whole numbers
        return f"{value:,.0f}" if size < 1e9 else f"{value:.3g}"  # noqa: PLR2004
    return f"{value:#.3g}".rstrip(".")


def duration(nanoseconds: float) -> str:
    """A time with its unit: ``12.3 µs``."""
    factor, unit = next((pair for pair in TIMES if abs(nanoseconds) >= pair[0]), TIMES[-1])
    return f"{number(nanoseconds / factor)} {unit}"


def size(count: float) -> str:
    """A size with its unit: ``64 B``, ``16 KiB``; exact where it is a whole number of units."""
    factor, unit = next((pair for pair in SIZES if count >= pair[0]), (1, "B"))
    return f"{count / factor:.4g} {unit}"


def quantity(value: float | None, unit: str, compared_with: float | None = None) -> str:
    """A value with its unit, empty for None; ``compared_with`` as in ``number``, for values without a unit."""
    if value is None:
        return ""
    if unit == "ns":
        return duration(value)
    if unit == "bytes":
        return size(value)
    return number(value, compared_with) if unit in ("count", "ratio", "") else f"{number(value)} {unit}"


def span(row: Row) -> str:
    """The interval of a row, both ends with units; empty where there is none."""
    if row.ci_low is None or row.ci_high is None:
        return ""
    return f"{quantity(row.ci_low, row.unit)} to {quantity(row.ci_high, row.unit)}"


def interval(estimate: Estimate, compared_with: float | None = 1.0) -> str:
    """The interval of a ratio for a sentence, with its quality flag; or the number of rounds where there is none."""
    if estimate.low is not None and estimate.high is not None:
        flag = f"; {estimate.flag}" if estimate.flag else ""
        return f"{number(estimate.low, compared_with)} to {number(estimate.high, compared_with)}{flag}"
    return no_interval(estimate.rounds)


def row_interval(row: Row) -> str:
    """The interval of a row for a sentence: ``8.20 to 8.43 µs``; or the number of rounds where there is none."""
    low, _, high = span(row).partition(" to ")
    unit = f" {high.rpartition(' ')[2]}"
    return f"{low.removesuffix(unit)} to {high}" if high else no_interval(row.rounds)


def no_interval(rounds: int) -> str:
    """Why an interval is missing: the number of rounds."""
    return "one round, no interval" if rounds == 1 else f"{rounds} rounds, no interval"


def work(name: str | None) -> str:
    """The kind of work in words."""
    return WORKS.get(name or "", name or "")


def placed(placement: str | None) -> str:
    """The placement in words."""
    return PLACEMENTS.get(placement or "", plain(placement))


def plain(name: str | None) -> str:
    """A name from a CSV as words."""
    return (name or "").replace("_", " ")


def counted(workers: int | None, executor_name: str | None) -> str:
    """The number of workers with their kind: ``2 processes``, ``1 thread``."""
    noun = {"processes": "process", "threads": "thread", "interpreters": "interpreter"}.get(
        executor_name or "", "worker"
    )
    ending = "" if workers == 1 else "es" if noun.endswith("s") else "s"
    return f"{workers} {noun}{ending}"


def executor(name: str | None, start_method: str | None) -> str:
    """Executor and start method: ``processes, fork``; independent processes are the measured capacity."""
    if name == "independent":
        return "independent processes (measured capacity)"
    return f"{name}, {start_method}" if start_method else str(name)


def compared(estimate: Estimate, above: str, below: str) -> str:
    """The interval for a sentence, with ``above`` or ``below`` where all of it is on that side of 1."""
    if estimate.low is None or estimate.high is None:
        return no_interval(estimate.rounds)
    if estimate.flag:
        return f"{interval(estimate)}: inconclusive"
    side = above if estimate.low > 1 else below if estimate.high < 1 else "inconclusive"
    return f"{interval(estimate)}: {side}"


def axis_name(axis: str) -> str:
    """The name of an axis of a scenario in words."""
    return AXES.get(axis, plain(axis))


def axis_value(axis: str, value: object) -> str:
    """The value of an axis of a scenario in words: ``16 KiB``, ``2 workers``, ``chunk size 4``."""
    if isinstance(value, int | float):
        if axis in COUNTED:
            return plural(value, COUNTED[axis])
        return axis_tick(axis, value) if axis.endswith(UNITS_IN_NAMES) else f"{axis_name(axis)} {value:g}"
    words = {"placement": placed, "work": work}.get(axis, plain)
    return words(str(value))


def axis_tick(axis: str, value: float) -> str:
    """A number of an axis as a tick label."""
    return size(value) if axis.endswith("_bytes") else duration(value) if axis.endswith("_ns") else f"{value:g}"
