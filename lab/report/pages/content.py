"""What the pages say, as plain text in plain lists: both pages are made of this, so that they say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab.comparisons.rates import rates_line
from lab.report import labels
from lab.report.pages import provenance
from lab.report.pages.cells import machines, summary
from lab.report.pages.claims import HEADS, NUMERIC, OVERVIEW, ClaimGroup, certainty_words, claim_groups, sources_words
from lab.report.pages.problems import problems, undecided
from lab.report.pages.table import Table, without_empty
from lab.stats.intervals import MIN_ROUNDS
from lab.tables import schema
from lab.text import plural

if TYPE_CHECKING:
    from lab.model import WallSplit
    from lab.report.data import RunData
    from lab.report.drawing.layout import Around
    from lab.report.findings import Finding


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure, or why there is none."""

    name: str
    alternative: str = ""
    svg: str = ""
    around: Around | None = None
    scenario: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """Figures that belong together, and a table that belongs to them."""

    title: str
    pictures: Sequence[Picture]
    table: Table | None = None
    caption: str = ""

    @property
    def drawn(self) -> list[Picture]:
        """The figures that there are."""
        return [picture for picture in self.pictures if picture.svg]


@dataclass(frozen=True, kw_only=True)
class Content:
    """All that a report says, in its order."""

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
    undecided: Sequence[str]
    split: Sequence[tuple[str, float, float]]
    method: Sequence[str]
    targets: Table
    facts: Sequence[tuple[str, str]]
    target_ids: Sequence[str]
    scenarios: Sequence[str]
    details: Sequence[tuple[str, Sequence[tuple[str, str]]]] = field(default=())

    @property
    def figure_count(self) -> int:
        """How many figures there are."""
        return sum(len(section.drawn) for section in self.sections)


def content(data: RunData, found: Sequence[Finding], sections: Sequence[Section]) -> Content:
    """Everything but the layout."""
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
        undecided=undecided(data.rows),
        split=split(data.manifest.split),
        method=METHOD,
        targets=targets_table(data),
        facts=provenance.run_facts(data),
        target_ids=list(data.targets),
        scenarios=sorted({row.scenario for row in data.rows}),
        details=[(target.id, provenance.target_facts(target)) for target in data.targets.values()],
    )


def warnings(data: RunData) -> list[str]:
    """What a reader must know before the numbers."""
    found = []
    slowed = data.manifest.inject_slowdown_percent or 0
    if slowed:
        found.append(
            f"This run was slowed on purpose by {slowed} % (--inject-slowdown): its times are not this machine's."
        )
    if data.rounds == 0:
        found.append("Nothing was measured.")
    elif data.rounds == 1:
        found.append("This run has one round: it shows that everything works, and decides nothing.")
    elif data.rounds < MIN_ROUNDS:
        found.append(
            f"This run has {data.rounds} of the {MIN_ROUNDS} rounds that an interval needs: it decides nothing."
        )
    if not data.manifest.finished:
        found.append("This run did not finish; what had finished is below.")
    return found


def headline(data: RunData) -> list[tuple[str, str]]:
    """What was asked, on what machine, and how much was done."""
    manifest, host = data.manifest, data.manifest.host
    scenarios = sorted({row.scenario for row in data.rows})
    cells = {row.key[:3] for row in data.rows if row.status == "ok"}
    pythons = list(dict.fromkeys(target.version for target in data.targets.values()))
    limits = list(dict.fromkeys(target.panel for target in data.targets.values()))
    several = [f"{len(data.hosts)} machines, beside each other below: {', '.join(data.hosts)}"]
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
    asked = (
        f"What multiprocessing costs on Python {', '.join(pythons) or 'unknown'}: {'; '.join(limits) or 'no target'}."
    )
    return [
        ("Asked", asked),
        ("Machine", " · ".join(str(part) for part in machine if part) or "not recorded"),
        ("Run", " · ".join(done)),
        ("Comparisons", rates_line(manifest)),
    ]


def claims(groups: Sequence[ClaimGroup]) -> Table:
    """Every claim once, with the targets of each verdict."""
    return without_empty(Table(heads=OVERVIEW, rows=[group.overview for group in groups]))


def claim_tables(groups: Sequence[ClaimGroup]) -> list[tuple[ClaimGroup, Table]]:
    """Every claim with what each target says of it."""
    return [(group, without_empty(Table(heads=HEADS, rows=group.rows, numeric=NUMERIC))) for group in groups]


def best_workers(data: RunData) -> Table:
    """The fastest of the measured worker counts, those that may be as good, and the fitted law where there is one."""
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
        *("target", "work", "executor", "start method", "fastest with workers", "may be within 5 % of the best"),
        *("model", "reason"),
    )
    return without_empty(Table(heads=heads, rows=rows, numeric=frozenset({4, 5})))


def split(parts: WallSplit | None) -> list[tuple[str, float, float]]:
    """Name, seconds and share of the wall time; what is left over stands last."""
    if parts is None:
        return []
    every = (
        ("timed batches", parts.timed_s),
        ("warm-up", parts.warmup_s),
        ("starting interpreters", parts.interpreter_s),
        ("starting containers", parts.container_s),
        ("host side", parts.host_s),
    )
    named = [(name, value) for name, value in every if value]
    wall = parts.wall_s or sum(value for _, value in named)
    rest = wall - sum(value for _, value in named)
    if rest > 0.005 * wall:  # less than half a per cent is rounding
        named.append(("the rest: checks, calibration, closing down", rest))
    return [(name, value, value / wall) for name, value in named] if wall > 0 else []


def targets_table(data: RunData) -> Table:
    """One row a target: what it is, what was asked for and what was seen."""
    return Table(heads=provenance.TARGET_HEADS, rows=[provenance.target_row(item) for item in data.targets.values()])


METHOD = (
    "Each case first checks that it does what it says; a wrong result is a failure, never a time.",
    (
        "The replicate is the round. In a round all compared targets are measured in blocks, targets and cells in "
        "random order, each cell in a fresh interpreter with a warm-up and several batches; only one target is "
        "measured at a time."
    ),
    (
        "A round's value is the median of its batches; under a quota, where short batches are bimodal, elapsed time "
        "over operations, in windows of at least ten quota periods."
    ),
    (
        "Estimates are geometric means over rounds with a 95 % t-interval on logarithms (counts: arithmetic; bimodal "
        f"cells: order statistics); ratios are paired within rounds. Below {MIN_ROUNDS} rounds there is no interval. "
        "Intervals hold for this session: a claim about the machine needs three sessions ten minutes apart."
    ),
    (
        "Speed-up is the serial time of the same target over the time of the job; the measured capacity is the same "
        "job shared out beforehand to independent processes, with no pool between."
    ),
    (
        "Where the scheduler places both sides freely (placement free), numbers are not compared between targets. "
        "Within one build class a difference is the version's; across classes it is the images'."
    ),
)
