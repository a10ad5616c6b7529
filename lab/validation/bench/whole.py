"""Run all parts of the benchmark in order, and judge whether the goal was reached."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec
import psutil

from lab.errors import UsageError
from lab.runs.manifest import host
from lab.validation.bench import deriving, parts
from lab.validation.bench.page import page
from lab.validation.bench.result import Derived, Goal, Result

DEFAULT_OUT = Path("reports") / "runs"


def bench(*, quick: bool, out: Path | None, command: str, say: Callable[[str], None]) -> tuple[Path, Result]:
    """Measure all parts, and write bench.json and bench.md; returns the folder and the result.

    Args:
        quick: whether to use small sizes and native mode only.
        out: the folder; None: a new one below ``DEFAULT_OUT``.
        command: the command line, for the page.
        say: shows one line to the user.

    Raises:
        UsageError: the folder cannot be made.
    """
    now = dt.datetime.now(dt.UTC)
    folder = out or DEFAULT_OUT / f"bench-{now:%Y%m%d-%H%M%S}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error.strerror}); choose another folder with --out") from None
    created, load_before = now.isoformat(timespec="seconds"), [round(load, 2) for load in psutil.getloadavg()]
    say("planning, packing, starting containers")
    planning, packing, container_start = parts.planning(), parts.packing(), parts.container_start()
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as name:
        runs = []
        for engine in ("none",) if quick else ("none", "auto"):
            say(f"a small run with --engine {engine}")
            runs.append(parts.sample_run(Path(name) / engine, engine))
        sizes = deriving.QUICK_SIZES if quick else deriving.SIZES
        say(f"deriving {', '.join(f'{rows:,}' for rows in sizes)} samples")
        derived = deriving.measure_sizes(sizes, Path(name))
    result = Result(
        created=created,
        command=command,
        host=msgspec.to_builtins(host()),
        load_before=load_before,
        planning=planning,
        packing=packing,
        container_start=container_start,
        runs=runs,
        deriving=derived,
        growth=deriving.growth(derived),
        goal=goal(derived[-1]),
    )
    (folder / "bench.json").write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8", newline="\n")
    (folder / "bench.md").write_text(page(result), encoding="utf-8", newline="\n")
    return folder, result


def goal(largest: Derived) -> Goal:
    """Whether a million rows took at most 20 s and 1 GiB; also by CPU time, which other processes affect less."""
    aim = f"{deriving.GOAL_ROWS:,} rows in {deriving.GOAL_WALL_S:g} s of wall time and 1 GiB"
    if largest.rows < deriving.GOAL_ROWS:
        return Goal(reached=None, sentence=f"{aim}; not measured, the largest here had {largest.rows:,} rows.")
    in_time, in_memory = largest.wall_s <= deriving.GOAL_WALL_S, largest.peak_rss_bytes <= deriving.GOAL_PEAK_BYTES
    words = {True: "reached", False: "missed"}
    return Goal(
        reached=in_time and in_memory,
        in_cpu_time=largest.cpu_s <= deriving.GOAL_WALL_S,
        sentence=f"{aim}; time {words[in_time]} with {largest.wall_s:.1f} s ({largest.cpu_s:.1f} s of CPU time), "
        f"memory {words[in_memory]} with {largest.peak_rss_bytes / 2**20:.0f} MiB.",
    )
