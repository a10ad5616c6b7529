"""What a run found that another machine can confirm: ratios, crossings, best worker counts, verdicts of claims.

Ratios are paired by round (``lab.stats.rounds``), each of two cases of one target. They go into the manifest at the
run's end, so that the manifest alone is enough to judge by.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd
from msgspec import UNSET

from lab.comparisons.sides import Run
from lab.errors import BadFiles
from lab.model import Finding, FindingKind, Manifest, Span
from lab.runs.folder import RunFolder
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.stats.quality.flags import flags
from lab.stats.rounds import Estimate, Rounds
from lab.stats.tables.speedup import KEYS, POINT, flagged_jobs, job_logs, job_standings
from lab.tables import csv_files, schema

# All of these, less the one that is compared and those that its baseline has no value of, are the same on both sides.
ALIKE = (
    "start_method", "mechanism", "executor", "work", "workers", "payload_bytes", "chunksize", "tasks", "placement",
    "task_ns", "parent_bytes",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Which cases of a scenario are divided by which: all by the one that has ``base`` in ``column``."""

    kind: FindingKind
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


def of_folder(folder: RunFolder) -> tuple[Finding, ...]:
    """The findings of a run folder: from its CSVs, else those that its manifest holds.

    Raises:
        BadFiles: it has neither.
    """
    if (folder.path / "samples.csv").is_file():
        run = Run.from_folder(folder)
        claims = csv_files.read(folder.path / "claims.csv", schema.CLAIMS)
        return tuple(extract(run.samples, claims, run.disturbed))
    return of_manifest(folder.manifest(), folder.path)


def of_manifest(manifest: Manifest, origin: object) -> tuple[Finding, ...]:
    """The findings that a manifest holds; ``origin`` names it in the error.

    Raises:
        BadFiles: the run did not come to its end, or was made before manifests held them.
    """
    if manifest.findings is UNSET:
        raise BadFiles(f"{origin} holds no findings to judge: rebuild the run with `python -m lab report`, or name it")
    return manifest.findings


def extract(samples: pd.DataFrame, claims: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> Iterator[Finding]:
    """All findings of a run, from samples.csv and claims.csv; ratios of flagged cells have no interval."""
    timed = samples[(samples["metric"] == "wall_time") & (samples["status"] == "ok") & (samples["warmup"] == 0)]
    cases = timed.drop_duplicates(["target", "scenario", "case", "operation"])
    rounds = Rounds.of(samples, flags=flags(samples, disturbed))
    ratios = [finding for comparison in COMPARISONS for finding in _ratios(comparison, cases, rounds)]
    yield from ratios
    yield from _crossings(cases, ratios)
    yield from _best_workers(samples, disturbed)
    yield from _verdicts(claims)


def _ratios(comparison: Comparison, cases: pd.DataFrame, rounds: Rounds) -> Iterator[Finding]:
    chosen = cases[(cases["scenario"] == comparison.scenario) & (cases["operation"] == comparison.operation)]
    alike = ["target", *(name for name in ALIKE if name not in (comparison.column, *comparison.apart))]
    for _, group in chosen.groupby(alike, dropna=False, sort=False):
        is_base = (group[comparison.column] == comparison.base).fillna(value=False)
        bases = group[is_base].to_dict("records")
        for row in group[~is_base].to_dict("records") if bases else ():
            # Of several baselines the one that differs in the fewest remaining axes, then the one of the shortest name.
            base = min(bases, key=lambda one: (_differing(one, row), len(one["case"])))
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
            rest = _variant(row) if row else {}
            if row and rest.pop("allocator", "fresh") == "fresh":  # an axis of large messages alone: one curve for all
                variant = f" {json.dumps(rest, sort_keys=True)}" if rest else ""
                line = f"{row['mechanism']} against pipe, {row['placement']}{variant}"
                curves.setdefault((finding.target, line), {})[str(int(row["payload_bytes"]))] = finding.span
    for (target, line), points in curves.items():
        if len(points) > 1:
            ordered = dict(sorted(points.items(), key=lambda point: int(point[0])))
            yield Finding(kind="crossing", target=target, subject=line, points=ordered)


def _best_workers(samples: pd.DataFrame, disturbed: Disturbances) -> Iterator[Finding]:
    """Yield the fastest worker count of each target, work, executor and start method that has several counts."""
    jobs = job_logs(samples)
    jobs = jobs[jobs["executor"] != "serial"]
    if jobs.empty:
        return
    flagged = flagged_jobs(samples, disturbed)
    table = job_standings(jobs, flagged).merge(flagged, on=POINT, how="left")
    for _, group in table.groupby(KEYS, dropna=False, sort=False):
        rows = group.to_dict("records")
        (best,) = (row for row in rows if row["fastest"])
        named = [str(best[name]) for name in KEYS[1:] if not pd.isna(best[name])]
        if len(rows) > 1:
            yield Finding(
                kind="best workers",
                target=str(best["target"]),
                subject=" ".join(named),
                word=str(best["workers"]),
                points={str(row["workers"]): _job_span(row, best) for row in rows if not pd.isna(row["over_fastest"])},
                near=tuple(str(row["workers"]) for row in rows if pd.isna(row["near_best"]) or row["near_best"]),
            )


def _job_span(row: Mapping[Any, Any], best: Mapping[Any, Any]) -> Span:
    """Return a count's ratio to the fastest one; without an interval where one of the two is flagged."""
    ends = (_number(row[f"over_fastest_ci_{end}"]) for end in ("low", "high"))
    usable = pd.isna(row["flag"]) and pd.isna(best["flag"])
    return Span(float(row["over_fastest"]), *(ends if usable else (None, None)))


def _verdicts(claims: pd.DataFrame) -> Iterator[Finding]:
    for row in claims[claims["verdict"] != "not measured"].to_dict("records"):
        value = _number(row["value"])
        span = None if value is None else Span(value, _number(row["ci_low"]), _number(row["ci_high"]))
        target = "" if pd.isna(row["target"]) else row["target"]
        yield Finding(kind="claim", target=target, subject=row["claim"], span=span, word=row["verdict"])


def _variant(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The remaining axes of a case with their values."""
    return {} if pd.isna(row["variant"]) else json.loads(row["variant"])


def _differing(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> int:
    """The number of remaining axes in which two cases differ."""
    first, second = _variant(one), _variant(other)
    return sum(first.get(name) != second.get(name) for name in {*first, *second})


def _number(value: Any) -> float | None:  # noqa: ANN401 - a float, or pandas' word for none
    return None if pd.isna(value) else float(value)


def _key(row: Mapping[Any, Any]) -> tuple[str, str, str, str]:
    return row["target"], row["scenario"], row["case"], row["operation"]


def _span(found: Estimate) -> Span:
    return Span(found.value, None, None) if found.flag else Span(found.value, found.low, found.high)
