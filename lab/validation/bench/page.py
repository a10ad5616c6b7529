"""Present the result of the benchmark as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from lab.text import plural
from lab.validation.bench.result import NotMeasured, Result, SampleRun

SHARES = ("timed_s", "warmup_s", "interpreter_s", "container_s", "host_s")


DERIVED_FROM = (
    "Synthetic raw files in the agent's format are derived in a process of its own. The time is that of the whole "
    "process: interpreter and imports, reading raw files, all CSVs (samples, conditions, estimates, laws, claims), "
    "comparisons within the run with their pages, figures as SVG and PNG, report.md and index.html. It does not "
    "include making the raw files. CPU time and peak memory are those of this process, which does all the work."
)


def page(result: Result) -> str:
    """The text of bench.md; parts that were not measured have their reason."""
    host = result.host
    lines = [
        "# What the lab itself costs",
        "",
        f"Made by `{result.command}` on {result.created}.",
        f"{host['cpu_model']}, {host['cpus']} CPUs, Python {host['python']}; load at the start {result.load_before}.",
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
            f"| {run.engine} | {run.cells} | {run.overhead_per_cell_s or 0:.2f} | {split['wall_s']:.1f} | {shares} |"
        )
    return [
        "## The shares of a small run's wall time",
        "",
        "| engine | cells | overhead per cell, s | wall, s | timed | warm-up | interpreter | container | host |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        "",
        "Overhead is wall time without timed batches and warm-up: the cost of interpreters, containers and the host.",
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
        f"- Packing an image (listing its files and writing a tar archive): {packed}.",
        f"- Starting a container with the lab's options: {started}.",
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
        "## Deriving CSVs, statistics and report",
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
