"""The files of a tune: tune.json, tune.md and index.html with their figures, for all targets together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.report import labels
from lab.report.pages import html
from lab.report.pages.content import Picture
from lab.report.pages.table import Table, amount, without_empty
from lab.report.pages.templating import Ready, html_templates, markdown_page
from lab.text import in_words, plural, replace_text
from lab.tune.answer import Answer, as_object, standing
from lab.tune.choices import Choice, Span
from lab.tune.figures import pictures
from lab.tune.words import label

PACKAGE = "lab.tune"
HEADS = (
    *("standing", "option", "time for all items", "95% interval", "times serial", "95% interval "),
    *("CPU time", "throttled", "memory", "blocks"),
)
READING = (
    "A block measures all options that are compared, and the baselines, in random order, each in a fresh process.",
    "Times serial is the time of the serial pass over that of the option, paired by block. Higher is better.",
    (
        "Every number of the table comes from the final phase, which began after the options in it had been chosen. "
        "The search's own times chose them, and would be too good."
    ),
    (
        "An option stopped where it failed, took more than three times as long as the best in every block, or where "
        "the whole 99% interval of its time over the best's was above 1.05 after three or five blocks."
    ),
    "Inconclusive: the final phase cannot distinguish the option from the fastest.",
    "Intervals hold for this session on this machine.",
)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One target's part of the page; ``slug`` is its name in links and files."""

    result: Answer
    slug: str
    table: Table
    stopped: Table
    pictures: Sequence[Picture]
    headline: Sequence[tuple[str, str]]


def write_pages(
    title: str,
    results: Sequence[Answer],
    spans: Mapping[str, Sequence[Span]],
    cpus: Mapping[str, float],
    folder: Path,
) -> Path:
    """Write tune.json, tune.md, index.html and the figures; return the path of the HTML page.

    Args:
        title: of the page.
        results: one per target.
        spans: target -> the timeline of its recommended choice.
        cpus: target -> its CPUs, for the ideal.
        folder: where, which exists.
    """
    sections = [_section(result, spans.get(result.target, ()), cpus[result.target], folder) for result in results]
    replace_text(folder / "tune.json", json.dumps(as_json(title, results), indent=1) + "\n")
    replace_text(
        folder / "tune.md",
        markdown_page("tune.md", package=PACKAGE, title=title, sections=sections, reading=READING, verbatim=Ready),
    )
    templates = html_templates(PACKAGE)
    templates.filters["inlined"] = html.inlined
    page = templates.get_template("tune.html").render(title=title, sections=sections, reading=READING)
    replace_text(folder / "index.html", page)
    return folder / "index.html"


def as_json(title: str, results: Sequence[Answer]) -> dict[str, object]:
    """The object of ``--json`` and of tune.json."""
    return {"function": title, "targets": [as_object(result) for result in results]}


def _section(result: Answer, spans: Sequence[Span], cpus: float, folder: Path) -> Section:
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    return Section(
        result=result,
        slug=html.anchor(result.target),
        table=_table(result),
        stopped=_stopped(result),
        pictures=pictures(result, spans, figures, cpus),
        headline=_headline(result),
    )


def _headline(result: Answer) -> list[tuple[str, str]]:
    found, verdict = result.found, result.verdict
    items, rounds = found.items, verdict.recommended.time_ns.rounds
    mean, longest = labels.duration(_mean(items.durations_ns)), labels.duration(max(items.durations_ns))
    arguments, results = (labels.size(_mean(sizes)) for sizes in (items.argument_bytes, items.result_bytes))
    return [
        ("Items", f"{plural(found.total, 'item')}, {mean} each on average, the longest {longest}"),
        ("Pickled", f"arguments {arguments}, results {results} on average"),
        ("Import", labels.duration(items.import_ns)),
        ("Measured", f"{plural(rounds, 'block')} in the final phase, {in_words(found.spent_s)} in all"),
    ]


def _mean(values: Sequence[int]) -> float:
    return round(sum(values) / len(values)) if values else 0


def _table(result: Answer) -> Table:
    rows = [
        [
            standing(result.verdict, option),
            label(option.choice),
            amount(labels.duration(option.time_ns.value), option.time_ns.value),
            _times(option.time_ns.low, option.time_ns.high),
            amount(labels.number(option.speedup.value), option.speedup.value),
            labels.interval(option.speedup),
            amount(labels.duration(option.cpu_ns), option.cpu_ns),
            f"{option.throttled_ns / option.wall_ns:.0%}" if option.throttled_ns else "",
            amount(labels.size(option.memory_bytes), option.memory_bytes) if option.memory_bytes else "",
            str(option.time_ns.rounds),
        ]
        for option in result.verdict.options
    ]
    return without_empty(Table(heads=HEADS, rows=rows, numeric=frozenset(range(2, 10))))


def _times(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{labels.duration(low)} to {labels.duration(high)}"


def _stopped(result: Answer) -> Table:
    found: Mapping[Choice, str] = result.found.stopped
    return Table(heads=("option", "why it stopped"), rows=[[label(choice), why] for choice, why in found.items()])
