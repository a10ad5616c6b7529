"""Compare what `lab tune` recommends with the best of an exhaustive grid, for five workloads with known truth.

    python -m tests.tune.grid --python .venv/bin/python --cpus 1,2,0.5q --out grid.json

It takes hours and needs a quiet machine; no test runs it. ``--python`` needs NumPy for the workload ``blas``. Each cell
of the grid is measured in blocks with the recommended choice and the serial pass, in random order. Exit code 1: some
recommendation is certainly more than 5% slower than the best of its grid.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from lab.agent.scenario import worker_ladder
from lab.runs.folder import RunFolder
from lab.stats.best import NEAR
from lab.stats.rounds import Estimate
from lab.tune.choices import PLAIN_EXECUTOR, PLAIN_POOL, SERIAL, Bench, Choice
from lab.tune.places import native_places
from lab.tune.search import KINDS, Found, Times, search
from lab.tune.subject import parse_subject
from lab.tune.verdict import judge, ratio
from lab.tune.words import label
from tests.tune import workloads

NAMES = ("even", "heavy", "blas", "io", "large")
CHUNKS = (1, 4, 16, 64)
ROUNDS = 8


def grid(bench: Bench) -> list[Choice]:
    """Every kind with every number of workers up to 2N, or up to 32 threads, and every chunk size."""
    missing = bench.unavailable()
    cpus = max(1, round(bench.cpus + 0.49))
    found = [SERIAL, PLAIN_POOL, PLAIN_EXECUTOR, replace(SERIAL, library_threads=1)]
    for executor, method in KINDS:
        if executor in missing or f"pool/{method}" in missing:
            continue
        threads = executor == "threads"
        counts = {*worker_ladder(cpus), bench.cpus_visible} | ({16, 32} if threads else set())
        found += [
            Choice(executor=executor, start_method=method, workers=workers, chunksize=chunk, library_threads=library)
            for workers in sorted(counts)
            for chunk in (0, *(() if threads else CHUNKS))
            for library in (0, 1)
        ]
    return found


def measure(bench: Bench, choices: Sequence[Choice], count: int, seed: int, first_round: int) -> Times:
    """Measure every choice in ``ROUNDS`` blocks, each in an order of its own."""
    order, found = random.Random(seed), Times(1.0)
    for number in range(ROUNDS):
        block = list(choices)
        order.shuffle(block)
        for reading in bench.measure(block, first_round + number, count=count):
            found.add(reading)
    return found


def regret(times: Times, recommended: Choice) -> tuple[Choice, Estimate]:
    """The best choice of a grid, and how many times as long as it the recommended one takes, paired by block."""
    best = min(times.logs, key=lambda choice: sum(times.logs[choice].values()) / len(times.logs[choice]))
    return best, ratio(times, recommended, best)


def compare(bench: Bench, found: Found, seed: int) -> dict[str, object]:
    """Tune's recommendation beside the best of the grid, as a record."""
    recommended = judge(found).recommended.choice
    choices = list(dict.fromkeys([recommended, *grid(bench)]))
    count = found.count if found.count < found.total else 0
    times = measure(bench, choices, count, seed, first_round=10_000)
    best, over = regret(times, recommended)
    return {
        "recommended": label(recommended),
        "best": label(best),
        "best_choice": asdict(best),
        "choices": len(choices),
        "over_best": {"value": over.value, "ci_low": over.low, "ci_high": over.high, "rounds": over.rounds},
        "within": over.low is None or over.low <= NEAR,
    }


def main(arguments: Iterable[str]) -> int:
    """Measure, write the records, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", default="")
    parser.add_argument("--cpus", default="1,2,0.5q")
    parser.add_argument("--workload", action="append", choices=NAMES)
    parser.add_argument("--budget", type=float, default=120.0, help="seconds per target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("grid.json"))
    chosen = parser.parse_args(list(arguments))
    workloads.serving()
    records = []
    for name in chosen.workload or NAMES:
        subject = parse_subject(f"{workloads.__file__}:{name}", items=f"{name}_items")
        for place in native_places(subject, chosen.python, chosen.cpus, Path.cwd(), f"grid-{name}"):
            with RunFolder.create(Path(tempfile.mkdtemp()) / "run") as folder, place.open(folder) as bench:
                found = search(bench, chosen.budget, time.monotonic, chosen.seed)
                records.append({
                    "workload": name, "target": place.target, **compare(bench, found, chosen.seed)
                })  # fmt: skip
            chosen.out.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
            print(records[-1], flush=True)
    return 0 if all(record["within"] for record in records) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
