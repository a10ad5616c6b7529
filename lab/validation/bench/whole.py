"""All parts of the benchmark in their order, and the goal they are held against."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from lab.errors import UsageError
from lab.runs.manifest import host
from lab.validation.bench import deriving, parts
from lab.validation.bench.page import page
from lab.validation.bench.sample_run import sample_run, save

DEFAULT_OUT = Path("reports") / "runs"


def bench(*, quick: bool, out: Path | None, command: str, say: Callable[[str], None]) -> tuple[Path, dict[str, Any]]:
    """Measure, write bench.json and bench.md; the folder and the result. ``command``: as it was called.

    Raises:
        UsageError: the folder cannot be made.
    """
    now = dt.datetime.now(dt.UTC)
    folder = out or DEFAULT_OUT / f"bench-{now:%Y%m%d-%H%M%S}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error.strerror}); choose another folder with --out") from None
    result = {
        "created": now.isoformat(timespec="seconds"),
        "command": command,
        "host": host(),
        "load_before": [round(load, 2) for load in psutil.getloadavg()],
        **_measured(quick=quick, say=say),
    }
    save(result, folder / "bench.json")
    (folder / "bench.md").write_text(page(result), encoding="utf-8", newline="\n")
    return folder, result


def _measured(*, quick: bool, say: Callable[[str], None]) -> dict[str, Any]:
    say("planning, packing, starting containers")
    found: dict[str, Any] = {"planning": parts.planning(), "packing": parts.packing()}
    found["container_start"] = parts.container_start()
    with tempfile.TemporaryDirectory(prefix="lab-bench-") as name:
        found["runs"] = []
        for engine in ("none",) if quick else ("none", "auto"):
            say(f"a small run with --engine {engine}")
            found["runs"].append(sample_run(Path(name) / engine, engine))
        sizes = deriving.QUICK_SIZES if quick else deriving.SIZES
        say(f"deriving {', '.join(f'{rows:,}' for rows in sizes)} samples")
        derived = deriving.measure_sizes(sizes, Path(name))
    found["deriving"] = [asdict(item) for item in derived]
    found["growth"] = deriving.growth(derived)
    found["goal"] = goal(derived[-1])
    return found


def goal(largest: deriving.Derived) -> dict[str, Any]:
    """Whether a million rows took at most 20 s and 1 GiB; CPU time stands beside it, for others may use the CPUs."""
    aim = f"{deriving.GOAL_ROWS:,} rows in {deriving.GOAL_WALL_S:g} s of wall time and 1 GiB"
    if largest.rows < deriving.GOAL_ROWS:
        return {"reached": None, "sentence": f"{aim}; not measured, the largest here had {largest.rows:,} rows."}
    in_time, in_memory = largest.wall_s <= deriving.GOAL_WALL_S, largest.peak_rss_bytes <= deriving.GOAL_PEAK_BYTES
    words = {True: "reached", False: "missed"}
    return {
        "reached": in_time and in_memory,
        "in_cpu_time": largest.cpu_s <= deriving.GOAL_WALL_S,
        "sentence": f"{aim}; time {words[in_time]} with {largest.wall_s:.1f} s ({largest.cpu_s:.1f} s of CPU time), "
        f"memory {words[in_memory]} with {largest.peak_rss_bytes / 2**20:.0f} MiB.",
    }
