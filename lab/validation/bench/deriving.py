"""Tidy, statistics and report of a run folder in a process of its own: seconds, and the most memory it ever held.

``python -m lab.validation.bench.deriving FOLDER`` prints one JSON object; ``derive_apart`` starts that and reads it.
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
    """Derive a synthetic folder of each size, rows of samples.csv, below ``folder``; the folders are removed."""
    found = []
    for rows in sizes:
        with tempfile.TemporaryDirectory(dir=folder, prefix="synthetic-") as name:
            write_run(Path(name) / "run", rows)
            found.append(derive_apart(Path(name) / "run"))
    return found


def derive_apart(run: Path) -> Derived:
    """Derive one folder in a fresh interpreter; its wall time is from the start of that process to its end.

    Raises:
        BadFiles: it did not succeed.
    """
    began = time.perf_counter()
    process = subprocess.run(
        [sys.executable, "-m", "lab.validation.bench.deriving", str(run)], capture_output=True, text=True, check=False
    )
    wall_s = time.perf_counter() - began
    if process.returncode:
        raise BadFiles(f"{run} could not be derived: {process.stderr.strip()[-400:]}; report this with the folder")
    return Derived(**json.loads(process.stdout), wall_s=wall_s)


def growth(found: Sequence[Derived]) -> list[dict[str, float]]:
    """How many times the rows, the CPU time, the wall time and the memory are: of neighbours, and of the ends last."""
    ends = [(found[0], found[-1])] if len(found) > 2 else []  # noqa: PLR2004 - two are neighbours already
    return [
        {
            "rows": after.rows / before.rows,
            "wall": after.wall_s / before.wall_s,
            "cpu": after.cpu_s / before.cpu_s,
            "peak_rss": after.peak_rss_bytes / before.peak_rss_bytes,
        }
        for before, after in [*itertools.pairwise(found), *ends]
    ]


def peak_rss_bytes() -> int:
    """The most memory that this process ever held. On Linux not by getrusage: that counts a parent's with it."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    memory = psutil.Process().memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))  # Windows; macOS does not report a peak here


def count_lines(path: Path) -> int:
    """Rows of a CSV without its head (no cell of a synthetic run holds a line end)."""
    with path.open("rb") as file:
        return sum(1 for _ in file) - 1


def main(run: Path) -> None:
    """Derive, and print what it took."""
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
