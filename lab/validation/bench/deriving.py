"""Derive a run folder in a process of its own, and measure its time and its peak memory.

``python -m lab.validation.bench.deriving FOLDER`` prints one JSON object, which ``derive_apart`` reads.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from lab.errors import BadFiles
from lab.validation.bench.result import Derived
from lab.validation.bench.synthetic import write_run

GOAL_WALL_S = 20.0
GOAL_PEAK_BYTES = 1 << 30
GOAL_ROWS = 1_000_000
SIZES = (250_000, 500_000, GOAL_ROWS)
QUICK_SIZES = (25_000, 50_000, 100_000)


def measure_sizes(sizes: Sequence[int], folder: Path) -> list[Derived]:
    """Derive a synthetic run folder of each size, in rows of samples.csv; ``folder`` holds them for that time."""
    found = []
    for rows in sizes:
        with tempfile.TemporaryDirectory(dir=folder, prefix="synthetic-") as name:
            write_run(Path(name) / "run", rows)
            found.append(derive_apart(Path(name) / "run"))
    return found


def derive_apart(run: Path) -> Derived:
    """Derive one folder in a fresh interpreter; the wall time is that of the whole process.

    Raises:
        BadFiles: the process failed.
    """
    began = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "lab.validation.bench.deriving", str(run)], capture_output=True, text=True, check=False
    )
    wall_s = time.perf_counter() - began
    if process.returncode:
        raise BadFiles(
            f"{run} could not be derived: {process.stderr.strip()[-400:]}; report this error and attach the folder"
        )
    return Derived(**json.loads(process.stdout), wall_s=wall_s)


def growth(found: Sequence[Derived]) -> list[dict[str, float]]:
    """Ratios of rows, wall time, CPU time and peak memory of each size to the next smaller one.

    With more than two sizes, those of the largest to the smallest come last.
    """
    extremes = [(found[0], found[-1])] if len(found) > 2 else []  # noqa: PLR2004 - two sizes are one pair
    return [
        {
            "rows": larger.rows / smaller.rows,
            "wall": larger.wall_s / smaller.wall_s,
            "cpu": larger.cpu_s / smaller.cpu_s,
            "peak_rss": larger.peak_rss_bytes / smaller.peak_rss_bytes,
        }
        for smaller, larger in [*itertools.pairwise(found), *extremes]
    ]


def peak_rss_bytes() -> int:
    """The peak resident memory of this process. On Linux getrusage is not used: it includes the parent before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    memory = psutil.Process().memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))  # Windows; macOS does not report a peak here


def count_lines(path: Path) -> int:
    """The number of rows of a CSV without its header, for files without line ends inside fields."""
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def main(run: Path) -> None:
    """Derive a run folder, and print rows, CPU time and peak memory as JSON."""
    from lab.pipeline import derive
    from lab.runs.folder import RunFolder

    with RunFolder.existing(run) as folder:
        derive(folder)
    took = {
        "rows": count_lines(run / "samples.csv"),
        "summary_rows": count_lines(run / "summary.csv"),
        "cpu_s": time.process_time(),
        "peak_rss_bytes": peak_rss_bytes(),
    }
    print(json.dumps(took))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
