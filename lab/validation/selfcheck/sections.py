"""The texts and tables of the selfcheck's pages; they contain only ratios and rates."""

from __future__ import annotations

import statistics
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from lab.report.pages.table import Table, without_empty
from lab.text import plural
from lab.validation.selfcheck.accuracy import Accuracy, Overhead
from lab.validation.selfcheck.alarms import Alarms, FloorRow
from lab.validation.selfcheck.equivalence import ZONES
from lab.validation.selfcheck.loaded import Loaded
from lab.validation.selfcheck.operations import Placement
from lab.validation.selfcheck.precision import Precision
from lab.validation.selfcheck.results import Selfcheck

PERCENT = frozenset({"lab_scatter", "pyperf_scatter", "share", "rate", "lower_limit", "floor_log", "widest_log"})
PLACEMENTS: Mapping[Placement, str] = {"same_cpu": "on one CPU", "cross_cpu": "across two CPUs"}
HEADS = {
    "ci90_low": "90% interval from",
    "ci90_high": "to",
    "verdict_5_percent": "within 0.95 to 1.05",
    "lab_wall_s": "lab, s per process",
    "pyperf_wall_s": "pyperf, s per process",
    "stable": "stability",
    "share": "CPU share of others",
    "slowed_percent": "slowed by, %",
    "lower_limit": "lower 95% limit",
    "floor_log": "95% lie within",
    "widest_log": "largest",
}  # of fields whose name does not say it


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part: its verdicts (also printed at the end), an explanation, a table, and whether the figure follows."""

    title: str
    verdicts: Sequence[str] = ()
    note: str = ""
    table: Table | None = None
    has_figure: bool = False


def headline(content: Selfcheck) -> list[tuple[str, str]]:
    """Names and values of what was measured, and where."""
    host = content.host
    found = [
        ("Python", f"{content.python.version}, native, on {plural(content.cpus, 'CPU')}"),
        ("Machine", ", ".join(str(host[name]) for name in ("cpu_model", "os", "kernel") if host.get(name))),
        ("Compared with", f"pyperf {content.pyperf} and handwritten loops"),
        ("Start", content.created),
    ]
    if content.load_before:
        found.append(("Load at the start", f"{content.load_before[0]:g} (mean over one minute)"))
    if content.command:
        found.append(("Command", content.command))
    return found


def sections(content: Selfcheck) -> list[Section]:
    """The sections of the parts that were measured."""
    parts = content.parts
    return [
        *(accuracy_sections(parts.accuracy) if parts.accuracy else ()),
        *([precision_section(parts.precision)] if parts.precision else ()),
        *(loaded_sections(parts.loaded) if parts.loaded else ()),
        *(alarm_sections(parts.alarms, content.floor) if parts.alarms else ()),
    ]


def accuracy_sections(part: Accuracy) -> list[Section]:
    """Ratios of the lab to the bare loop and to pyperf, and the overhead of the agent's loop."""
    verdicts = [
        f"Accuracy {PLACEMENTS[placement]} (zone {zone[0]:.2f} to {zone[1]:.2f}): "
        f"{plural(counts.get('equivalent', 0), 'operation')} equivalent, {counts.get('different', 0)} different, "
        f"{counts.get('inconclusive', 0)} inconclusive."
        for placement, zone in ZONES.items()
        if (counts := part.counts.get(placement))
    ]
    note = (
        "An operation is equivalent if the 90% interval of its ratio lies within the zone (two one-sided tests), and "
        "different if the interval lies wholly outside. All processes are fresh, interleaved, and use the same "
        "interpreter, flags and CPUs; pyperf's batches take 100 ms, and its own modules are loaded in the process that "
        "it times. Pairs continue until the interval is narrow enough, whatever the ratio, up to a maximum and the "
        "time budget. Calls of a Pool are bimodal, so their means are compared; for all other operations the medians."
    )
    table = _table(part.rows, without=("placement", "zone_low", "zone_high"))
    return [
        Section(title="Accuracy", verdicts=verdicts, note=note, table=table, has_figure=True),
        Section(title="Overhead of the agent's loop", verdicts=[_overhead(part.overhead)]),
    ]


def _overhead(part: Overhead) -> str:
    if part.added_ns is None:
        return f"Overhead of the agent's loop: not measured ({part.reason or 'no process succeeded'})."
    return (
        f"Overhead of the agent's loop: {part.added_ns:.1f} ns per operation (95% interval "
        f"{_interval(part.ci_low, part.ci_high, 1)} ns over {plural(part.processes, 'process', 'processes')}); "
        f"goal: at most {part.allowed_ns:g} ns, {part.verdict}."
    )


def precision_section(part: Precision) -> Section:
    """Variance times wall time, relative to pyperf's."""
    overall = part.overall
    verdict = "Precision for the time: inconclusive, fewer than two repeats."
    if overall.ratio is not None:
        verdict = (
            f"Precision for the time: variance x wall time is {overall.ratio:.3f} of pyperf's (95% interval "
            f"{_interval(overall.ci_low, overall.ci_high, 3)} over {plural(overall.repeats, 'repeat')}); goal: at most "
            f"{overall.goal:g} (aim {overall.aim:g}), {overall.verdict}."
        )
    note = (
        "Pyperf works at its defaults (a warm-up and three values of 100 ms); its calibration is not counted. The "
        "lab's time includes the fresh interpreter, checks, warm-up, clean-up, and a share of the agent's start. "
        "Scatter is the relative standard deviation of a process's value within a repeat."
    )
    ratios = {row.operation: row.ratio for row in part.rows if row.ratio}
    if ratios:
        slower = "; ".join(operation for operation, ratio in ratios.items() if ratio > 1) or "none"
        note += (
            " The verdict is about a typical repeat. With variances pooled over the repeats, as in the table, where a "
            "disturbed process counts by its square, the geometric mean is "
            f"{statistics.geometric_mean(ratios.values()):.3f}, and the lab takes longer than pyperf to reach the same "
            f"interval for: {slower}."
        )
    return Section(title="Precision for the time", verdicts=[verdict], note=note, table=_table(part.rows))


def loaded_sections(part: Loaded) -> list[Section]:
    """What the lab says of the loaded half, and whether it contradicts the unloaded one."""
    unloaded, loaded = part.by_half.unloaded, part.by_half.loaded
    verdict = (
        f"Loaded on purpose: {loaded.named} of {plural(loaded.cells, 'loaded cell')} are named noisy by the load of "
        f"others, {loaded.with_remedy} with the remedy, and {unloaded.named} of {unloaded.cells} unloaded ones; "
        f"verdicts of the loaded half that contradict the unloaded half: {part.contradictions}, {part.verdict}."
    )
    note = (
        "Half of the cells ran beside a busy loop on one of their CPUs, interleaved with the other half. An unloaded "
        "cell that is named is a false naming, unless another process ran. Of the verdicts (claims, and comparisons of "
        f"one CPU with two) the unloaded half decides {part.decided_unloaded}, the loaded half {part.decided_loaded}."
    )
    identical = (
        "A loaded target must not be slower or faster than the unloaded one, from which it differs by the load alone; "
        'in these rows the verdict of the unloaded half is "same".'
    )
    title = "Verdicts of the loaded and the unloaded half"
    return [
        Section(title="A machine loaded on purpose", verdicts=[verdict], note=note, table=_table(part.cells)),
        Section(title=title, note=identical, table=_table(part.rows)),
    ]


def alarm_sections(part: Alarms, floor: Sequence[FloorRow]) -> list[Section]:
    """False alarms, missed changes and the noise floor."""
    run, apart = part.false_alarms, part.apart
    false_alarms = (
        f"False alarms: {run.false_alarms} in {run.comparisons} comparisons of identical variants of one run, upper "
        f"95% limit {run.upper_limit:.2%}; goal: at most {run.goal:.2%}, {run.verdict}."
        + (f" Too few for the goal: {run.reason}." if run.reason else "")
    )
    changes = [
        f"Missed changes: of {plural(row.cells, 'cell')} slowed down by {row.slowed_percent:g}%, {row.called_slower} "
        f"were called slower; goal: at least {row.goal:.0%}, {row.verdict}."
        for row in part.found_changes
        if row.goal is not None
    ]
    alarm_note = (
        "A false alarm is the verdict slower or faster of lab compare: significantly beyond "
        f"{run.threshold:.2%}, after the correction for the number of cells. By the 95% intervals alone, of which one "
        f"in twenty is expected to exclude 1, {run.intervals_without_1} of {run.comparisons} exclude it. Two passes "
        f"apart (reported, no goal): {apart.false_alarms} in {apart.comparisons}, upper limit {apart.upper_limit:.2%}."
    )
    change_note = (
        "Variants slowed down on purpose are compared with one that is not. A change is found where lab compare says "
        "slower, and every cell counts. Precise cells have a ratio with a half-width of at most 1.5%; found in them is "
        "an interval wholly above 1. The cells are jobs that wait or hash, which scatter least from round to round, "
        "and a few round trips, in blocks of two seconds."
    )
    floor_note = (
        "Distance of the ratios of identical variants from 1, as |log ratio|; smaller differences mean nothing."
    )
    found = _table(part.found_changes, without=("goal",))
    return [
        Section(title="False alarms", verdicts=[false_alarms], note=alarm_note),
        Section(title="Missed changes", verdicts=changes, note=change_note, table=found),
        Section(title="Noise floor of this machine", note=floor_note, table=_table(floor)),
        Section(title="Noise floor of passes apart", table=_table(part.apart_floor)),
    ]


def _interval(low: float | None, high: float | None, digits: int) -> str:
    return "unknown" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"


def _table(rows: Sequence[msgspec.Struct], without: Container[str] = ()) -> Table:
    """A table of the rows' fields without empty columns; a column of numbers is aligned as such."""
    names = [name for name in rows[0].__struct_fields__ if name not in without] if rows else []
    values = [[getattr(row, name) for name in names] for row in rows]
    numeric = [place for place, column in enumerate(zip(*values, strict=True)) if any(map(_is_number, column))]
    texts = [[_text(name, value) for name, value in zip(names, row, strict=True)] for row in values]
    heads = [HEADS.get(name, name.replace("_", " ")) for name in names]
    return without_empty(Table(heads=heads, rows=texts, numeric=frozenset(numeric)))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.2%}" if name in PERCENT else f"{value:.4g}"
    return "" if value is None else str(value)
