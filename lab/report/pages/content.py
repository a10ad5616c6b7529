"""The content of a report as plain text and tables; report.md and index.html are both made from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.comparisons.noise import rates_line
from lab.report import labels
from lab.report.pages import provenance
from lab.report.pages.cells import machines, problems, stability, summary
from lab.report.pages.claims import HEADS, NUMERIC, OVERVIEW, ClaimGroup, certainty_words, claim_groups, sources_words
from lab.report.pages.table import Table, without_empty
from lab.stats.intervals import MIN_ROUNDS
from lab.tables import schema
from lab.text import plural

if TYPE_CHECKING:
    from lab.model import WallSplit
    from lab.report.data import RunData
    from lab.report.drawing.layout import Caption
    from lab.report.findings import Finding


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, or the reason why there is none."""

    name: str
    alternative: str = ""
    svg: str = ""
    caption: Caption | None = None
    scenario: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section of the report: figures, and optionally a table with its caption."""

    title: str
    pictures: Sequence[Picture]
    table: Table | None = None
    caption: str = ""

    @property
    def drawn(self) -> list[Picture]:
        """The figures that were drawn."""
        return [picture for picture in self.pictures if picture.svg]


@dataclass(frozen=True, kw_only=True)
class Content:
    """The whole content of a report, in its order."""

    title: str
    warnings: Sequence[str]
    headline: Sequence[tuple[str, str]]
    findings: Sequence[Finding]
    claims: Table
    claim_tables: Sequence[tuple[ClaimGroup, Table]]
    certainty: str
    sources: str
    sections: Sequence[Section]
    summary: Sequence[tuple[str, Table]]
    machines: Sequence[tuple[str, Table]]
    problems: Table
    stability: Sequence[str]
    split: Sequence[tuple[str, float, float]]
    method: Sequence[str]
    targets: Table
    facts: Sequence[tuple[str, str]]
    target_ids: Sequence[str]
    scenarios: Sequence[str]
    details: Sequence[tuple[str, Sequence[tuple[str, str]]]] = field(default=())

    @property
    def figure_count(self) -> int:
        """The number of figures that were drawn."""
        return sum(len(section.drawn) for section in self.sections)


def content(data: RunData, found: Sequence[Finding], sections: Sequence[Section]) -> Content:
    """The content of the report, without its layout."""
    run = data.manifest.run_id
    groups = claim_groups(data.claims, {each.name for part in sections for each in part.pictures if each.svg})
    return Content(
        title="What multiprocessing costs here" + (f": run {run}" if run else ""),
        warnings=warnings(data),
        headline=headline(data),
        findings=found,
        claims=claims(groups),
        claim_tables=claim_tables(groups),
        certainty=certainty_words(data.claims),
        sources=sources_words(data.claims),
        sections=sections,
        summary=summary(data),
        machines=machines(data),
        problems=problems(data.rows),
        stability=stability(data.rows),
        split=split(data.manifest.split),
        method=METHOD,
        targets=targets_table(data),
        facts=provenance.run_facts(data),
        target_ids=list(data.targets),
        scenarios=sorted({row.scenario for row in data.rows}),
        details=[(target.id, provenance.target_facts(target)) for target in data.targets.values()],
    )


def warnings(data: RunData) -> list[str]:
    """Warnings that a reader must see before the values."""
    found = []
    slowed = data.manifest.inject_slowdown_percent or 0
    if slowed:
        found.append(
            f"This run was slowed on purpose by {slowed}% (--inject-slowdown): its times are not those of this machine."
        )
    if data.rounds == 0:
        found.append("Nothing was measured.")
    elif data.rounds == 1:
        found.append("This run has one round. It shows that everything works, but supports no conclusion.")
    elif data.rounds < MIN_ROUNDS:
        found.append(
            f"This run has {data.rounds} rounds. An interval needs {MIN_ROUNDS}, so this run supports no conclusion."
        )
    if not data.manifest.finished:
        found.append("This run did not finish; this report shows the cells that did.")
    return found


def headline(data: RunData) -> list[tuple[str, str]]:
    """Scope of the run, machine, number of cells and rounds, and the lab's error rates."""
    manifest, host = data.manifest, data.manifest.host
    scenarios = sorted({row.scenario for row in data.rows})
    cells = {row.key[:3] for row in data.rows if row.status == "ok"}
    pythons = list(dict.fromkeys(target.version for target in data.targets.values()))
    limits = list(dict.fromkeys(target.panel for target in data.targets.values()))
    several = [f"{len(data.hosts)} machines, side by side below: {', '.join(data.hosts)}"]
    machine = (
        several
        if len(data.hosts) > 1
        else [
            host.label,
            host.cpu_model,
            plural(host.cpus, "CPU") if host.cpus else None,
            labels.size(host.memory_bytes) if host.memory_bytes else None,
            " ".join(filter(None, (host.os, host.kernel, host.arch))),
        ]
    )
    done = [
        f"profile {manifest.profile or 'not recorded'}",
        plural(len(cells), "cell") + f" of {plural(len(scenarios), 'scenario')}",
        plural(data.rounds, "round"),
        (manifest.created or "date not recorded").replace("T", " ").replace("+00:00", " UTC"),
    ]
    scope = (
        f"What multiprocessing costs on Python {', '.join(pythons) or 'unknown'}: {'; '.join(limits) or 'no target'}."
    )
    return [
        ("Scope", scope),
        ("Machine", " · ".join(str(part) for part in machine if part) or "not recorded"),
        ("Run", " · ".join(done)),
        ("Comparisons", rates_line(manifest)),
    ]


def claims(groups: Sequence[ClaimGroup]) -> Table:
    """The table of all claims, with the targets of each verdict."""
    return without_empty(Table(heads=OVERVIEW, rows=[group.overview for group in groups]))


def claim_tables(groups: Sequence[ClaimGroup]) -> list[tuple[ClaimGroup, Table]]:
    """Each claim with the table of its verdicts by target."""
    return [(group, without_empty(Table(heads=HEADS, rows=group.rows, numeric=NUMERIC))) for group in groups]


def best_workers(data: RunData) -> Table:
    """The table of worker counts: the fastest measured, the range within 5% of it, and the fitted law."""
    rows = []
    for line in data.scaling:
        workers = line.get("best_workers_measured")
        law = [f"{name} {labels.number(line[name])}" for name in schema.COEFFICIENTS if line.get(name) is not None]
        names = [str(line.get(name) or "") for name in ("target", "executor", "start_method")]
        ends = line.get("best_range_low"), line.get("best_range_high")
        near = f"{ends[0]} to {ends[1]}" if None not in ends else ""
        ending = [near, " ".join([str(line.get("model") or ""), *law]).strip(), str(line.get("reason") or "")]
        rows.append(
            [names[0], labels.work(line.get("work")), *names[1:], "" if workers is None else str(workers), *ending]
        )
    heads = (
        *("target", "work", "executor", "start method", "fastest with workers", "may be within 5% of the best"),
        *("model", "reason"),
    )
    return without_empty(Table(heads=heads, rows=rows, numeric=frozenset({4, 5})))


WARM_UP = {
    "start": "starting processes and pools",
    "verification": "verification",
    "calibration": "calibration",
    "warmup_batch": "warm-up batches",
    "untimed": "untimed iterations",
    "reading": "reading counters and system load",
    "memory": "reading memory",
}


def split(parts: WallSplit | None) -> list[tuple[str, float, float]]:
    """Name, seconds and share of the wall time of each part, the rest last."""
    if parts is None:
        return []
    known = parts.warmup_parts_s or {}
    details = [(words, known[name]) for name, words in WARM_UP.items() if name in known]
    every = (
        ("timed batches", parts.timed_s),
        *details,
        ("warm-up, other" if details else "warm-up", parts.warmup_s - sum(spent_s for _, spent_s in details)),
        ("starting interpreters", parts.interpreter_s),
        ("starting containers", parts.container_s),
        ("host side", parts.host_s),
    )
    named = [(name, value) for name, value in every if value > 0]
    wall = parts.wall_s or sum(value for _, value in named)
    rest = wall - sum(value for _, value in named)
    if rest > 0.005 * wall:  # less than half a per cent is rounding
        named.append(("other: checks, calibration, shutdown", rest))
    return [(name, value, value / wall) for name, value in named] if wall > 0 else []


def targets_table(data: RunData) -> Table:
    """The table of targets: what each is, what was requested and what was observed."""
    return Table(heads=provenance.TARGET_HEADS, rows=[provenance.target_row(item) for item in data.targets.values()])


METHOD = (
    "Each case first verifies its result. A wrong result is recorded as failed, never as a time.",
    (
        "The round is the unit of replication. In each round all compared targets are measured in blocks, with targets "
        "and cells in random order. Each cell runs in a fresh interpreter with a warm-up and several batches. Only one "
        "target is measured at a time."
    ),
    (
        "A round's value is the median of its batches. Short batches under a quota are bimodal, so there the value is "
        "elapsed time over operations, in windows of at least ten quota periods."
    ),
    (
        "An estimate is the geometric mean over rounds, with a 95% t-interval on logarithms. Counts have arithmetic "
        "means, bimodal cells order statistics. Ratios are paired within rounds."
    ),
    (
        f"An interval needs {MIN_ROUNDS} rounds. It holds for this session only: a statement about the machine needs "
        "three sessions, ten minutes apart."
    ),
    (
        "Speed-up is the serial time of the same target over the time of the job. The measured capacity is that job, "
        "divided beforehand among independent processes without a pool."
    ),
    (
        "With placement free the scheduler places both sides, and such times are not compared between targets. A "
        "difference between targets of the same build class is due to the version, else it may be due to the images."
    ),
)
