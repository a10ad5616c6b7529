"""The benchmark's result as a page of Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from lab.text import plural
from lab.validation.bench.result import NotMeasured, Result, SampleRun

SHARES = ("timed_s", "warmup_s", "interpreter_s", "container_s", "host_s")


DERIVED_FROM = (
    "Synthetic raw files in the agent's form, derived in a process of its own. The time is from its start to its end: "
    "interpreter and imports, reading raw files, all CSVs (samples, conditions, estimates, laws, claims), comparisons "
    "within the run with their pages, figures as SVG and PNG, report.md and index.html. Measuring and making the raw "
    "files are not in it. One process does all of it; CPU time and peak memory are its own."
)


def page(result: Result) -> str:
    """The page; what was not measured says why."""
    host = result.host
    lines = [
        "# What the lab itself costs",
        "",
        f"Made by `{result.command}` on {result.created}.",
        f"{host['cpu_model']}, {host['cpus']} CPUs, Python {host['python']}; load before it {result.load_before}.",
        "",
        *_runs(result.runs),
        *_parts(result),
        *_deriving(result),
    ]
    return "\n".join(lines) + "\n"


def _runs(runs: Sequence[SampleRun | NotMeasured]) -> list[str]:
    rows = []
    for run in runs:
        if isinstance(run, NotMeasured):
            rows.append(f"| {run.engine} | not measured: {run.not_measured} |" + " |" * 7)
            continue
        split = run.split
        shares = " | ".join(f"{split[name]:.1f} ({split[name] / split['wall_s']:.0%})" for name in SHARES)
        rows.append(
            f"| {run.engine} | {run.cells} | {run.overhead_a_cell_s or 0:.2f} | {split['wall_s']:.1f} | {shares} |"
        )
    return [
        "## A small run, and where its wall time goes",
        "",
        "| engine | cells | overhead a cell, s | wall, s | timed | warm-up | interpreter | container | host |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        "Overhead is wall time less timed batches and warm-up: what interpreters, containers and the host cost.",
        "",
    ]


def _parts(result: Result) -> list[str]:
    planning, packing, container = result.planning, result.packing, result.container_start
    planned = f"{plural(planning.cells, 'cell')} on {plural(planning.targets, 'target')}: {planning.wall_s:.2f} s"
    packed = (
        f"not measured: {packing.not_measured}"
        if isinstance(packing, NotMeasured)
        else f"Python {packing.python}, {packing.size_bytes / 1e6:.0f} MB: {packing.wall_s:.1f} s"
    )
    started = (
        f"not measured: {container.not_measured}"
        if isinstance(container, NotMeasured)
        else f"{container.engine}: first line after {container.first_line_s:.2f} s, "
        f"removed after {container.removed_s:.2f} s (medians of {container.containers})"
    )
    return [
        "## Steps",
        "",
        f"- Planning {planned}.",
        f"- Packing an image, listed and written as tar: {packed}.",
        f"- Starting a container in the lab's posture: {started}.",
        "",
    ]


def _deriving(result: Result) -> list[str]:
    rows = [
        f"| {item.rows:,} | {item.summary_rows:,} | {item.wall_s:.1f} | {item.cpu_s:.1f} "
        f"| {item.peak_rss_bytes / 2**20:.0f} |"
        for item in result.deriving
    ]
    ratios = [
        f"- {step['rows']:.2f} times the rows: {step['cpu']:.2f} times the CPU time, {step['wall']:.2f} times the wall "
        f"time, {step['peak_rss']:.2f} times the memory."
        for step in result.growth
    ]
    return [
        "## Tidy, statistics and report",
        "",
        DERIVED_FROM,
        "",
        "| rows of samples.csv | rows of summary.csv | wall, s | CPU, s | peak memory, MiB |",
        "| ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        *ratios,
        "",
        f"Goal: {result.goal.sentence}",
    ]
