"""What a run found, as far as another machine can confirm it: ratios, crossings, best worker counts, claims' verdicts.

Ratios are paired by round (``lab.stats.ratios``), each of two cases of one target. They go into the manifest at the
run's end, so that the manifest alone is enough to judge by.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd

from lab.comparisons.sides import Run
from lab.errors import BadFiles
from lab.stats.quality import doubts
from lab.stats.ratios import Estimate, Rounds
from lab.tables import csv_files, schema

Kind = Literal["speed-up", "mechanism", "start method", "executor", "crossing", "best workers", "claim"]

# All of these, less the one that is compared and those that its baseline has no value of, are the same on both sides.
ALIKE = (
    "start_method", "mechanism", "executor", "work", "workers", "payload_bytes", "chunksize", "tasks", "placement",
    "task_ns", "parent_bytes",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Which cases of a scenario are divided by which: all by the one that has ``base`` in ``column``."""

    kind: Kind
    scenario: str
    operation: str
    column: str
    base: str
    apart: tuple[str, ...] = ()
    inverse: bool = False


COMPARISONS = (
    Comparison(
        kind="speed-up",
        scenario="pool.scaling",
        operation="job",
        column="executor",
        base="serial",
        apart=("workers", "start_method", "chunksize"),
        inverse=True,
    ),
    Comparison(kind="mechanism", scenario="ipc.round_trip", operation="round_trip", column="mechanism", base="pipe"),
    Comparison(
        kind="start method", scenario="process.start", operation="start_join", column="start_method", base="fork"
    ),
    Comparison(
        kind="executor",
        scenario="model.compare",
        operation="job",
        column="executor",
        base="serial",
        apart=("workers", "start_method", "chunksize"),
    ),
)


class Span(NamedTuple):
    """A quantity and its 95 % interval, None where there were too few rounds, or a cell is in doubt."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One finding. ``subject`` names it within its kind and target.

    ``span`` is a ratio's or a claim's quantity; ``word`` a claim's verdict. ``points`` are the ratios of a curve: to
    the pipe by payload size (a crossing), or to the fastest worker count, which is ``word``, by worker count.
    """

    kind: Kind
    target: str
    subject: str
    span: Span | None = None
    word: str = ""
    points: Mapping[str, Span] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is compared by."""
        return self.kind, self.target, self.subject


def of_folder(folder: Path) -> tuple[Finding, ...]:
    """The findings of a run folder: from its CSVs, else those that its manifest holds.

    Raises:
        BadFiles: it has neither.
    """
    if (folder / "samples.csv").is_file():
        samples = csv_files.read(folder / "samples.csv", schema.SAMPLES)
        disturbed = Run(path=folder, manifest={}).disturbed
        return tuple(extract(samples, csv_files.read(folder / "claims.csv", schema.CLAIMS), disturbed))
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return of_manifest(manifest, folder)


def of_manifest(manifest: Mapping[str, Any], origin: Path) -> tuple[Finding, ...]:
    """The findings that a manifest holds.

    Raises:
        BadFiles: the run did not come to its end, or was made before manifests held them.
    """
    if "findings" not in manifest:
        raise BadFiles(f"{origin} holds no findings to judge: rebuild the run with `python -m lab report`, or name it")
    return tuple(
        Finding(
            **{
                **entry,
                "span": Span(*entry["span"]) if entry["span"] else None,
                "points": {name: Span(*span) for name, span in entry["points"].items()},
            }
        )
        for entry in manifest["findings"]
    )


def entries(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """The findings as the manifest holds them."""
    return [asdict(finding) for finding in found]


def extract(samples: pd.DataFrame, claims: pd.DataFrame, disturbed: pd.DataFrame | None = None) -> Iterator[Finding]:
    """All findings of a run, from samples.csv and claims.csv; ratios of cells in doubt have no interval."""
    timed = samples[(samples["metric"] == "wall_time") & (samples["status"] == "ok") & (samples["warmup"] == 0)]
    cases = timed.drop_duplicates(["target", "scenario", "case", "operation"])
    rounds = Rounds.of(samples, doubts=doubts(samples, disturbed))
    ratios = [finding for comparison in COMPARISONS for finding in _ratios(comparison, cases, rounds)]
    yield from ratios
    yield from _crossings(cases, ratios)
    yield from _best_workers(cases, rounds)
    yield from _verdicts(claims)


def _ratios(comparison: Comparison, cases: pd.DataFrame, rounds: Rounds) -> Iterator[Finding]:
    chosen = cases[(cases["scenario"] == comparison.scenario) & (cases["operation"] == comparison.operation)]
    alike = ["target", *(name for name in ALIKE if name not in (comparison.column, *comparison.apart))]
    for _, group in chosen.groupby(alike, dropna=False, sort=False):
        is_base = (group[comparison.column] == comparison.base).fillna(value=False)
        bases = group[is_base].to_dict("records")
        for row in group[~is_base].to_dict("records") if bases else ():
            # Of several baselines the one whose remaining axes are the same, else the one whose go without saying.
            base = min(bases, key=lambda one: (str(one["variant"]) != str(row["variant"]), len(one["case"])))
            over, under = (base, row) if comparison.inverse else (row, base)
            found = rounds.ratio(_key(over), _key(under))
            if found:
                subject = f"{over['scenario']}: {over['case']} over {under['case']}"
                yield Finding(kind=comparison.kind, target=row["target"], subject=subject, span=_span(found))


def _crossings(cases: pd.DataFrame, ratios: list[Finding]) -> Iterator[Finding]:
    """By mechanism and placement its ratios to the pipe along the payload's size, where there are two sizes or more."""
    about = {
        (row["target"], row["case"]): row
        for row in cases[cases["scenario"] == "ipc.round_trip"].to_dict("records")
        if not pd.isna(row["payload_bytes"])
    }
    curves: dict[tuple[str, str], dict[str, Span]] = {}
    for finding in ratios:
        if finding.kind == "mechanism" and finding.span:
            row = about.get((finding.target, finding.subject.removeprefix("ipc.round_trip: ").partition(" over ")[0]))
            if row:
                variant = "" if pd.isna(row["variant"]) else f" {row['variant']}"
                line = f"{row['mechanism']} against pipe, {row['placement']}{variant}"
                curves.setdefault((finding.target, line), {})[str(int(row["payload_bytes"]))] = finding.span
    for (target, line), points in curves.items():
        if len(points) > 1:
            ordered = dict(sorted(points.items(), key=lambda point: int(point[0])))
            yield Finding(kind="crossing", target=target, subject=line, points=ordered)


def _best_workers(cases: pd.DataFrame, rounds: Rounds) -> Iterator[Finding]:
    jobs = cases[(cases["scenario"] == "pool.scaling") & (cases["operation"] == "job")]
    jobs = jobs[jobs["executor"] != "serial"]
    for _, group in jobs.groupby(["target", "work", "executor", "start_method"], dropna=False, sort=False):
        first = group.iloc[0]
        named = [str(first[name]) for name in ("work", "executor", "start_method") if not pd.isna(first[name])]
        keys = {str(int(row["workers"])): _key(row) for row in group.to_dict("records")}
        means = {count: _mean(rounds.logs(key)) for count, key in keys.items() if rounds.logs(key)}
        if len(means) > 1:
            best = min(means, key=lambda count: means[count])
            found = {count: rounds.ratio(keys[count], keys[best]) for count in means}
            yield Finding(
                kind="best workers",
                target=str(first["target"]),
                subject=" ".join(named),
                word=best,
                points={count: _span(ratio) for count, ratio in found.items() if ratio},
            )


def _verdicts(claims: pd.DataFrame) -> Iterator[Finding]:
    for row in claims[claims["verdict"] != "not measured"].to_dict("records"):
        value = _number(row["value"])
        span = None if value is None else Span(value, _number(row["ci_low"]), _number(row["ci_high"]))
        target = "" if pd.isna(row["target"]) else row["target"]
        yield Finding(kind="claim", target=target, subject=row["claim"], span=span, word=row["verdict"])


def _mean(logs: Mapping[int, float]) -> float:
    return sum(logs.values()) / len(logs)


def _number(value: Any) -> float | None:  # noqa: ANN401 - a float, or pandas' word for none
    return None if pd.isna(value) else float(value)


def _key(row: Mapping[Any, Any]) -> tuple[str, str, str, str]:
    return row["target"], row["scenario"], row["case"], row["operation"]


def _span(found: Estimate) -> Span:
    return Span(found.value, None, None) if found.doubt else Span(found.value, found.low, found.high)
