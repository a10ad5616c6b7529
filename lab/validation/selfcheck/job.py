"""The selfcheck from its options to its page; every part writes its results before the next one begins."""

from __future__ import annotations

import datetime as dt
import json
import math
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

import lab
from lab.comparisons.noise import DEFAULT_RUNS, FILE, KIND, VERSION
from lab.comparisons.sides import Run
from lab.errors import NothingToRunOn, UsageError
from lab.runs.manifest import host
from lab.targets.interpreters import Interpreter, below_home, find_interpreters
from lab.targets.native import allowed_cpus
from lab.targets.stage import agent_hash
from lab.text import replace_text
from lab.validation.selfcheck import accuracy, alarms, halves, loaded, null_loop, precision, verdicts
from lab.validation.selfcheck.equivalence import LEAST_PAIRS, MOST_PAIRS
from lab.validation.selfcheck.operations import operations
from lab.validation.selfcheck.session import Size
from lab.validation.selfcheck.setup import Bench, Say
from lab.validation.selfcheck.variants import pyperf_version

PARTS = ("accuracy", "precision", "loaded", "alarms")
# First guesses, for what is printed before the start; a shared machine takes longer.
TRIPLE_S = 1.6
PAIR_S = 0.9  # without pyperf
CELL_S = 0.2
JOB_CELL_S = 0.35  # of the cells that a change is asked of
LOADED_CELL_S = 0.45  # of either half; beside a busy loop a cell takes twice as long


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    pairs: int
    accuracy_budget_s: float
    null_loop_processes: int
    null_pairs: int
    null: Size
    slowed: Size
    apart: Size
    cells: int
    loaded_half: Size
    loaded_cells: Sequence[str] = loaded.CELLS


DEFAULT = Sizes(
    pairs=MOST_PAIRS,
    accuracy_budget_s=1800,
    null_loop_processes=20,
    null_pairs=5,
    null=Size(rounds=5, budget_s=math.inf),
    slowed=Size(rounds=12, budget_s=600, cells=30, block_s=2.0),
    apart=Size(rounds=5, budget_s=math.inf, cells=40),
    cells=67,
    loaded_half=Size(rounds=6, budget_s=270),
)
QUICK = Sizes(
    pairs=5,
    accuracy_budget_s=120,
    null_loop_processes=3,
    null_pairs=1,
    null=Size(rounds=5, budget_s=math.inf, cells=14),
    slowed=Size(rounds=5, budget_s=math.inf, cells=14),
    apart=Size(rounds=5, budget_s=math.inf, cells=14),
    cells=14,
    loaded_half=Size(rounds=5, budget_s=math.inf),
    loaded_cells=loaded.FEW,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``lab selfcheck``."""

    quick: bool = False
    parts: tuple[str, ...] = PARTS
    operations: tuple[str, ...] = ()  # patterns of the accuracy's operations; none: all
    python: str | None = None
    out: Path | None = None
    seed: int = 0
    command: str = ""
    sizes: Sizes | None = None  # tests measure less


def run(options: Options, say: Say) -> Path:
    """Measure the chosen parts and write everything; the folder.

    Raises:
        NothingToRunOn: there is no such interpreter, or no pyperf.
        UsageError: the folder is not empty, or no operation matches.
    """
    began = dt.datetime.now(dt.UTC)
    operations(len(allowed_cpus()), options.operations)
    folder = _new_folder(options.out or DEFAULT_RUNS / f"selfcheck-{began:%Y%m%d-%H%M%S}")
    bench = Bench(interpreter=_interpreter(options.python), folder=folder, seed=options.seed, say=say)
    sizes = options.sizes or (QUICK if options.quick else DEFAULT)
    content = _opening(options, bench, began)
    say(f"selfcheck of Python {bench.interpreter.patch} on {bench.cpus} CPUs, about {minutes(options, sizes):.0f} min")
    if options.quick:
        say("--quick shows that everything works; it decides nothing")
    _write(folder, content)
    if {"accuracy", "precision"} & set(options.parts):
        _told(content, folder, lambda: _measured_by_three(bench, sizes, options))
    if "loaded" in options.parts:
        _told(content, folder, lambda: _loaded(bench, sizes))
    if "alarms" in options.parts:
        _told(content, folder, lambda: _alarms(bench, sizes))
    content["finished"] = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    content["load_after"] = _load()
    _write(folder, content)
    return folder


def _told(content: dict[str, Any], folder: Path, part: Callable[[], dict[str, object]]) -> None:
    """Carry out a part and write what it found: a part that comes later cannot lose it."""
    began = time.monotonic()
    found = part()
    content["floor"] = found.pop("floor", content["floor"])
    content["parts"] |= found
    content["seconds"] |= {name: round(time.monotonic() - began, 1) for name in found}
    _write(folder, content)


def _measured_by_three(bench: Bench, sizes: Sizes, options: Options) -> dict[str, object]:
    """Accuracy and precision share their processes."""
    parts, chosen = options.parts, operations(bench.cpus, options.operations)
    measured = accuracy.measure(bench, chosen, pairs=sizes.pairs, budget_s=sizes.accuracy_budget_s)
    shutil.rmtree(bench.folder / "pyperf", ignore_errors=True)  # the copy has served; results alone stay
    _csv(measured.drop(columns="values_ns", errors="ignore"), bench.folder / "processes.csv")
    found: dict[str, object] = {}
    if "accuracy" in parts:
        ratios = accuracy.ratios(measured)
        _csv(ratios, bench.folder / "accuracy.csv")
        added = null_loop.measure(bench, processes=sizes.null_loop_processes)
        found["accuracy"] = {"rows": _records(ratios), "counts": _counts(ratios), "null_loop": added}
    if "precision" in parts:
        products = precision.products(measured)
        _csv(products, bench.folder / "precision_repeats.csv")
        by_operation = precision.by_operation(products)
        _csv(by_operation, bench.folder / "precision.csv")
        overall = precision.judged(precision.ratios(products))
        found["precision"] = {"rows": _records(by_operation), "overall": overall}
    return found


def _loaded(bench: Bench, sizes: Sizes) -> dict[str, object]:
    """A busy neighbour beside half of the cells; then what both halves say, by the commands' own code."""
    arms = loaded.arms_of(bench)
    session = loaded.measure(bench, arms, sizes.loaded_half, sizes.loaded_cells)
    folder = bench.folder / loaded.NAME
    run = replace(Run.load(folder), given=session.samples)
    cells = halves.cell_table(session, arms)
    told = halves.verdict_table(session, arms, run)
    _csv(cells, bench.folder / "loaded_cells.csv")
    _csv(told, bench.folder / "loaded_verdicts.csv")
    return {"loaded": halves.judged(cells, told) | {"cells": _records(cells), "rows": _records(told)}}


def _alarms(bench: Bench, sizes: Sizes) -> dict[str, object]:
    """The two passes apart stand at the beginning and at the end: in between passes what makes them differ."""
    first = alarms.measure(bench, "apart-1", alarms.lone_arm(bench), sizes.apart)
    alike = alarms.null_arms(bench, sizes.null_pairs)
    null = verdicts.null_comparisons(alarms.by_target(alarms.measure(bench, "null", alike, sizes.null)), alike)
    _csv(null, bench.folder / "null.csv")
    arms = alarms.slowed_arms(bench)
    slowed = alarms.measure(bench, "slowed", arms, sizes.slowed, alarms.STEADY_CELLS)
    changes = verdicts.changes(alarms.by_target(slowed), arms)
    _csv(changes, bench.folder / "slowed.csv")
    second = alarms.measure(bench, "apart-2", alarms.lone_arm(bench), sizes.apart)
    apart = verdicts.apart(first, second)
    _csv(apart, bench.folder / "apart.csv")
    found = {
        "false_alarms": verdicts.false_alarms(null),
        "found_changes": verdicts.found_changes(changes),
        "apart": verdicts.false_alarms(apart) | {"verdict": "reported only"},
        "apart_floor": verdicts.floor(apart),
    }
    return {"alarms": found, "floor": verdicts.floor(null)}


def _counts(ratios: pd.DataFrame) -> dict[str, dict[str, int]]:
    """How many operations of each placement have which verdict, the lab against the bare loop."""
    mine = ratios[ratios["comparison"] == "lab / bare"]
    return {
        str(placement): {str(verdict): int(count) for verdict, count in of_it["verdict"].value_counts().items()}
        for placement, of_it in mine.groupby("placement", sort=False)
    }


def _opening(options: Options, bench: Bench, began: dt.datetime) -> dict[str, Any]:
    interpreter = bench.interpreter
    return {
        "kind": KIND,
        "schema_version": VERSION,
        "lab_version": lab.__version__,
        "agent_hash": agent_hash(),
        "created": began.isoformat(timespec="seconds"),
        "finished": None,
        "quick": options.quick,
        "seed": options.seed,
        "command": options.command,
        "host": msgspec.to_builtins(host()),
        "python": {
            "key": interpreter.key,
            "version": interpreter.patch,
            "executable": below_home(interpreter.executable),
        },
        "pyperf": pyperf_version(),
        "cpus": bench.cpus,
        "load_before": _load(),
        "load_after": None,
        "seconds": {},
        "parts": {},
        "floor": [],
    }


def _interpreter(key: str | None) -> Interpreter:
    """The one that was asked for, else the newest with a GIL."""
    every = find_interpreters()
    fitting = [found for found in every if (found.key == key if key else not found.free_threaded)]
    if not fitting:
        there = ", ".join(found.key for found in every) or "none"
        raise NothingToRunOn(f"no Python {key or 'with a GIL'} on this machine; choose another by --python: {there}")
    return fitting[-1]


def _new_folder(path: Path) -> Path:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UsageError(f"{path} is not an empty folder; choose another --out")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}); choose another folder with --out") from None
    return path


def minutes(options: Options, sizes: Sizes) -> float:
    """How long it is expected to take on a machine that does nothing else."""
    seconds = 0.0
    if {"accuracy", "precision"} & set(options.parts):
        chosen = operations(len(allowed_cpus()), options.operations)
        with_pyperf = min(sizes.pairs, LEAST_PAIRS) + 1
        pairs_s = (with_pyperf * TRIPLE_S + max(0, sizes.pairs - LEAST_PAIRS) * PAIR_S) * len(chosen)
        seconds += min(sizes.accuracy_budget_s, pairs_s)
    if "loaded" in options.parts:
        cells = 4 * len(sizes.loaded_cells)  # two halves of two targets
        seconds += min(sizes.loaded_half.budget_s, sizes.loaded_half.rounds * cells * LOADED_CELL_S)
    if "alarms" in options.parts:
        shares = ((2 * sizes.null_pairs, sizes.null, CELL_S), (4, sizes.slowed, JOB_CELL_S), (2, sizes.apart, CELL_S))
        for arms, size, cell_s in shares:
            seconds += min(size.budget_s, arms * size.rounds * (size.cells or sizes.cells) * cell_s)
    return seconds / 60


def _load() -> list[float] | None:
    return [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None


def _records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Rows for JSON, where there is no NaN."""
    return [
        {
            str(name): None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        for row in frame.to_dict("records")
    ]


def _csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, encoding="utf-8", lineterminator="\r\n")


def _write(folder: Path, content: dict[str, object]) -> None:
    """Replace selfcheck.json and its pages; each is there whole or as it was."""
    from lab.validation.selfcheck.page import write_pages

    replace_text(folder / FILE, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")
    write_pages(folder, content)
