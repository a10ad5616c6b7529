"""What the selfcheck's pages say, part by part, as sentences and tables; only ratios and rates are in them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.report.pages.table import Table
from lab.text import plural

Content = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part: a heading, sentences, a table; ``figure`` says whether the forest plot belongs here."""

    title: str
    sentences: Sequence[str]
    table: Table | None = None
    figure: bool = False


def headline(content: Content) -> list[tuple[str, str]]:
    """What was measured with what, in a few lines."""
    host, python = content["host"], content["python"]
    load = content["load_before"]
    found = [
        ("Python", f"{python['version']}, natively, on {plural(content['cpus'], 'CPU')}"),
        ("Machine", ", ".join(str(host[name]) for name in ("cpu_model", "os", "kernel") if host.get(name))),
        ("Compared with", f"pyperf {content['pyperf']}, and loops written by hand"),
        ("Began", content["created"]),
    ]
    if load:
        found.append(("Load at the beginning", f"{load[0]:g} (mean of a minute)"))
    if content["command"]:
        found.append(("Command", content["command"]))
    return found


def sections(content: Content) -> list[Section]:
    """The sections of the parts that were measured."""
    parts = content["parts"]
    found = []
    if "accuracy" in parts:
        found += accuracy(parts["accuracy"])
    if "precision" in parts:
        found.append(precision(parts["precision"]))
    if "loaded" in parts:
        found += loaded(parts["loaded"])
    if "alarms" in parts:
        found += [false_alarms(parts["alarms"]), missed(parts["alarms"]), floor(content["floor"], parts["alarms"])]
    return found


def accuracy(part: Content) -> list[Section]:
    """Ratios of the lab to the bare loop and to pyperf, and what the agent's loop adds."""
    zones = {"same_cpu": "0.97 to 1.03 on one CPU", "cross_cpu": "0.90 to 1.10 across two"}
    sentences = [
        f"{zones[placement]}: {plural(counts.get('equivalent', 0), 'operation')} equivalent, "
        f"{counts.get('different', 0)} different, {counts.get('cannot tell', 0)} cannot tell."
        for placement, counts in part["counts"].items()
    ]
    sentences.append(
        "Equivalent is what the 90 % interval lies within (two one-sided tests); different, what lies wholly outside. "
        "The same interpreter, flags and CPUs, fresh processes by turns; pyperf's batches take 100 ms, and its own "
        "modules are in the process that it times. Pairs go on until the interval is narrow enough, whatever the ratio "
        "is, up to a maximum and the time for it. Calls of a Pool lie on one of two levels or between "
        "them, as the scheduler has it: of them the means are compared, of all others the medians."
    )
    heads = ["operation", "comparison", "ratio", "90 % interval", "pairs", "verdict", "within 0.95 to 1.05", "reason"]
    rows = [
        [
            row["operation"],
            row["comparison"],
            number(row["ratio"]),
            interval(row["ci90_low"], row["ci90_high"]),
            str(row["pairs"]),
            row["verdict"],
            row["verdict_5_percent"],
            f"{row['failed']} failed: {row['reason']}" if row["failed"] else "",
        ]
        for row in part["rows"]
    ]
    table = Table(heads=heads, rows=rows, numeric=frozenset({2, 3, 4}))
    return [Section(title="Accuracy", sentences=sentences, table=table, figure=True), added(part["null_loop"])]


def added(part: Row) -> Section:
    """What the agent's loop adds to an operation."""
    if part["added_ns"] is None:
        text = f"Not measured: {part['reason'] or 'no process of it ended well'}."
    else:
        text = (
            f"The agent's loop and its call of an empty operation add {part['added_ns']:.1f} ns "
            f"({interval(part['ci_low'], part['ci_high'], 1)}) to it, over "
            f"{plural(part['processes'], 'process', 'processes')}; allowed are "
            f"{part['allowed_ns']:g} ns: {part['verdict']}."
        )
    return Section(title="What the agent adds", sentences=[text])


def precision(part: Content) -> Section:
    """Variance times seconds, against pyperf's."""
    overall = part["overall"]
    text = "Cannot tell: fewer than two repeats."
    if overall["ratio"] is not None:
        text = (
            f"Variance x wall time of the lab is {number(overall['ratio'])} of pyperf's (95 % interval "
            f"{interval(overall['ci_low'], overall['ci_high'])} over {plural(overall['repeats'], 'repeat')}); "
            f"to reach: at most {overall['goal']:g}, aimed at {overall['aim']:g}: {overall['verdict']}."
        )
    pooled = _pooled(part["rows"])
    charged = (
        "pyperf at its defaults (100 ms values, three of them, one warm-up) with its loops given: its calibration "
        "is not charged. The lab's time holds the fresh interpreter, checks, warm-up and clean-up, and a share of "
        "the agent's start. Scatter is the standard deviation of a process's value within a repeat, relative."
    )
    heads = [
        "operation",
        "scatter, lab",
        "scatter, pyperf",
        "seconds a process, lab / pyperf",
        "variance x time, ratio",
    ]
    rows = [
        [
            row["operation"],
            percent(row["lab_scatter"]),
            percent(row["pyperf_scatter"]),
            number(_over(row["lab_wall_s"], row["pyperf_wall_s"])),
            number(row["ratio"]),
        ]
        for row in part["rows"]
    ]
    table = Table(heads=heads, rows=rows, numeric=frozenset({1, 2, 3, 4}))
    return Section(title="Precision for the time", sentences=[text, *pooled, charged], table=table)


def _pooled(rows: Sequence[Row]) -> list[str]:
    """The ratio with variances pooled over the repeats, where rare disturbances count in full; where it is above 1."""
    ratios = {row["operation"]: row["ratio"] for row in rows if row["ratio"]}
    if not ratios:
        return []
    mean = statistics.geometric_mean(ratios.values())
    dearer = "; ".join(operation for operation, ratio in ratios.items() if ratio > 1) or "none"
    text = (
        "That is a typical repeat's. With variances pooled over the repeats, as in the table, where one disturbed "
        f"process weighs by its square, the geometric mean is {number(mean)}, and the lab takes longer than pyperf to "
        f"the same interval for: {dearer}."
    )
    return [text]


def loaded(part: Content) -> list[Section]:
    """What is said of a half with a busy loop beside it, and of one without."""
    quiet, busy = part["halves"]["quiet"], part["halves"]["loaded"]
    sentences = [
        (
            "Half of the cells ran beside a busy loop on one of their CPUs, by turns with the other half: "
            f"{busy['named']} of {busy['cells']} loaded cells are named noisy by the load of others, "
            f"{busy['remedy_told']} with the remedy; of the quiet half {quiet['named']} of {quiet['cells']} are "
            "(false namings, unless something else ran)."
        ),
        (
            f"Of the verdicts (claims, and one CPU beside two) the quiet half decides {part['decided_quiet']}, the "
            f"loaded one {part['decided_loaded']}; {part['contradictions']} verdicts of the loaded half contradict the "
            "quiet one, the loaded targets beside the quiet ones among them, which must not be called slower or "
            f"faster: {part['verdict']}."
        ),
    ]
    heads = ["half", "target", "case", "word", "taken by others", "named", "reason"]
    rows = [
        [
            row["half"],
            row["target"],
            f"{row['scenario']} {row['case']}",
            row["stable"] or "too few",
            percent(row["share"]),
            "yes" if row["named"] else "no",
            row["reason"] or "",
        ]
        for row in part["cells"]
    ]
    names = ["verdict about", "what", "quiet half", "loaded half", "contradicts"]
    told = [
        [row["kind"], row["what"], row["quiet"], row["loaded"], "yes" if row["contradicts"] else "no"]
        for row in part["rows"]
    ]
    return [
        Section(
            title="A machine loaded on purpose",
            sentences=sentences,
            table=Table(heads=heads, rows=rows, numeric=frozenset({4})),
        ),
        Section(
            title="Verdicts of both halves",
            sentences=["A loaded target beside the quiet one is the same thing twice: there the quiet half says same."],
            table=Table(heads=names, rows=told),
        ),
    ]


def false_alarms(part: Content) -> Section:
    """How often identical arms were called different."""
    of_run, of_apart = part["false_alarms"], part["apart"]
    interleaved = (
        f"Identical arms interleaved in one run: {of_run['false_alarms']} false alarms in {of_run['comparisons']} "
        f"comparisons, upper 95 % limit {percent(of_run['upper_limit'])}; to reach: at most {percent(of_run['goal'])}: "
        f"{of_run['verdict']}."
    )
    passes = (
        f"Two passes apart from each other (reported, no goal): {of_apart['false_alarms']} in "
        f"{of_apart['comparisons']}, upper 95 % limit {percent(of_apart['upper_limit'])}."
    )
    meaning = (
        "A false alarm is a verdict slower or faster as lab compare gives it: certainly beyond "
        f"{percent(of_run['threshold'])}, after the correction for the number of cells compared. By the 95 % "
        f"intervals alone, of which one in twenty is expected to miss 1, {of_run['beside_one']} of "
        f"{of_run['comparisons']} do."
    )
    sentences = [interleaved, meaning, passes]
    if of_run["reason"]:
        sentences.append(f"{of_run['reason']}: too few for the goal.")
    return Section(title="False alarms", sentences=sentences)


def missed(part: Content) -> Section:
    """How many known slowdowns were found."""
    heads = [
        "slowed by",
        "cells",
        "precise cells",
        "found of them",
        "rate",
        "lower 95 % limit",
        "found of all",
        "verdict",
    ]
    rows = [
        [
            f"{row['slowed_percent']:g} %",
            str(row["cells"]),
            str(row["precise_cells"]),
            str(row["found"]),
            percent(row["rate"]),
            percent(row["lower_limit"]),
            str(row["found_of_all"]),
            row.get("verdict", "reported only"),
        ]
        for row in part["found_changes"]
    ]
    text = (
        "Arms slowed on purpose beside one as it is. Found: the whole 95 % interval lies above 1. Precise cells are "
        "those whose ratio has a half-width of at most 1.5 %; at 5 % at least 95 % of them are to be found. Asked are "
        "jobs that wait or hash, which scatter least from round to round, and a few round trips, in blocks of two "
        "seconds."
    )
    table = Table(heads=heads, rows=rows, numeric=frozenset(range(7)))
    return Section(title="Missed changes", sentences=[text], table=table)


def floor(rows: Sequence[Row], part: Content) -> Section:
    """How far identical arms lie apart on this machine."""
    told = [("interleaved", row) for row in rows] + [("apart", row) for row in part["apart_floor"]]
    heads = ["passes", "placement", "pairs", "95 % lie within", "widest"]
    lines = [
        [kind, row["placement"], str(row["pairs"]), percent(row["floor_log"]), percent(row["widest_log"])]
        for kind, row in told
    ]
    text = "How far ratios of identical arms lie from 1 (as a logarithm): a smaller difference is no difference here."
    table = Table(heads=heads, rows=lines, numeric=frozenset({2, 3, 4}))
    return Section(title="The A/A floor of this machine", sentences=[text], table=table)


def number(value: float | None, digits: int = 3) -> str:
    """A ratio, or nothing."""
    return "" if value is None else f"{value:.{digits}f}"


def percent(value: float | None) -> str:
    """A share, or nothing."""
    return "" if value is None else f"{value:.2%}".replace("%", " %")


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """Both ends, or nothing."""
    return "" if low is None or high is None else f"{low:.{digits}f} to {high:.{digits}f}"


def _over(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None
