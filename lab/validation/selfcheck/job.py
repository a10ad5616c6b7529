"""A whole selfcheck, from its options to its pages; the results of a part are written before the next part starts."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import msgspec
import pandas as pd
from msgspec import structs
from rich.console import Console

import lab
from lab.comparisons.noise import DEFAULT_RUNS
from lab.comparisons.sides import Run
from lab.errors import NothingToRunOn
from lab.runs.folder import RunFolder
from lab.runs.manifest import host
from lab.targets.interpreters import Interpreter, below_home, find_interpreters
from lab.targets.native import allowed_cpus
from lab.targets.stage import agent_hash
from lab.validation.selfcheck import accuracy, alarms, loaded, precision, results
from lab.validation.selfcheck.equivalence import MAX_PAIRS, MIN_PAIRS
from lab.validation.selfcheck.operations import operations
from lab.validation.selfcheck.page import write_pages
from lab.validation.selfcheck.results import Parts, Selfcheck
from lab.validation.selfcheck.session import Setup, Size

PARTS = ("accuracy", "precision", "loaded", "alarms")
# Estimates of the durations before the start; a machine with other load takes longer.
TRIPLE_S = 1.6  # a pair of all three harnesses
PAIR_S = 0.9  # a pair without pyperf
CELL_S = 0.2
STEADY_CELL_S = 0.35
LOADED_CELL_S = 0.45  # mean of loaded and unloaded cells; a cell beside a busy loop takes twice as long


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much each part measures."""

    pairs: int
    accuracy_budget_s: float
    overhead_processes: int
    null_pairs: int
    null: Size
    slowed: Size
    apart: Size
    loaded_half: Size
    loaded_cells: Sequence[str] = loaded.CELLS


DEFAULT = Sizes(
    pairs=MAX_PAIRS,
    accuracy_budget_s=1800,
    overhead_processes=20,
    null_pairs=5,
    null=Size(rounds=5, cells=67),
    slowed=Size(rounds=12, budget_s=600, cells=30, block_s=2.0),
    apart=Size(rounds=5, cells=40),
    loaded_half=Size(rounds=6, budget_s=270),
)
FEW = Size(rounds=5, cells=14)
QUICK = Sizes(
    pairs=5,
    accuracy_budget_s=120,
    overhead_processes=3,
    null_pairs=1,
    null=FEW,
    slowed=FEW,
    apart=FEW,
    loaded_half=Size(rounds=5),
    loaded_cells=loaded.FEW_CELLS,
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of ``lab selfcheck``."""

    quick: bool = False
    parts: tuple[str, ...] = PARTS
    operations: tuple[str, ...] = ("*",)  # patterns, for accuracy and precision
    python: str | None = None
    out: Path | None = None
    seed: int = 0
    command: str = ""


def run(options: Options, console: Console) -> Path:
    """Measure the chosen parts and write the results; returns their folder.

    Raises:
        NothingToRunOn: no interpreter fits.
        UsageError: the folder is not empty or cannot be written, or a pattern matches no operation.
    """
    began = dt.datetime.now(dt.UTC)
    chosen = operations(len(allowed_cpus()), options.operations)
    interpreter = _interpreter(options.python)
    folder = RunFolder.create(options.out or DEFAULT_RUNS / f"selfcheck-{began:%Y%m%d-%H%M%S}").path
    setup = Setup(interpreter=interpreter, folder=folder, seed=options.seed, console=console)
    sizes = QUICK if options.quick else DEFAULT
    setup.say(
        f"selfcheck of Python {setup.interpreter.patch} on {setup.cpus} CPUs, about {minutes(options, sizes):.0f} min"
    )
    if options.quick:
        setup.say("--quick only shows that everything works; its verdicts mean nothing")
    report = _Report(folder, _opening(options, setup, began))
    if {"accuracy", "precision"} & set(options.parts):
        measured = accuracy.Measurement(setup, chosen).run(pairs=sizes.pairs, budget_s=sizes.accuracy_budget_s)
        shutil.rmtree(folder / "pyperf", ignore_errors=True)  # only a copy for the measurement
        report.table("processes", measured)
        if "accuracy" in options.parts:
            report.add(Parts(accuracy=_accuracy(setup, sizes, report, measured)))
        if "precision" in options.parts:
            report.add(Parts(precision=_precision(report, measured)))
    if "loaded" in options.parts:
        report.add(Parts(loaded=_loaded(setup, sizes, report)))
    if "alarms" in options.parts:
        report.add(Parts(alarms=_alarms(setup, sizes, report)))
    report.update(finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), load_after=_load())
    return folder


class _Report:
    """The results so far, with their CSVs and pages in the folder."""

    def __init__(self, folder: Path, content: Selfcheck) -> None:
        self._folder, self._content = folder, content
        self._since = time.monotonic()
        self.update()

    def update(self, **changes: object) -> None:
        """Replace fields of selfcheck.json and write it with its pages."""
        self._content = structs.replace(self._content, **changes)
        results.write(self._folder, self._content)
        write_pages(self._folder, results.read(self._folder))

    def add(self, parts: Parts) -> None:
        """Add the results of parts that have finished."""
        found = {name: part for name, part in structs.asdict(parts).items() if part}
        seconds = dict.fromkeys(found, round(time.monotonic() - self._since, 1))
        self._since = time.monotonic()
        merged = structs.replace(self._content.parts, **found)
        self.update(parts=merged, seconds={**self._content.seconds, **seconds})

    def table(self, name: str, rows: pd.DataFrame | Sequence[msgspec.Struct]) -> None:
        """Write NAME.csv."""
        frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(msgspec.to_builtins(rows))
        frame.to_csv(self._folder / f"{name}.csv", index=False, encoding="utf-8", lineterminator="\r\n")


def _accuracy(setup: Setup, sizes: Sizes, report: _Report, measured: pd.DataFrame) -> accuracy.Accuracy:
    rows = accuracy.comparisons(measured)
    report.table("accuracy", rows)
    overhead = accuracy.measure_overhead(setup, processes=sizes.overhead_processes)
    return accuracy.Accuracy(rows=tuple(rows), counts=accuracy.counted(rows), overhead=overhead)


def _precision(report: _Report, measured: pd.DataFrame) -> precision.Precision:
    products = precision.products(measured)
    rows = precision.by_operation(products)
    report.table("precision_repeats", products)
    report.table("precision", rows)
    return precision.Precision(rows=tuple(rows), overall=precision.judge(precision.ratios(products)))


def _loaded(setup: Setup, sizes: Sizes, report: _Report) -> loaded.Loaded:
    variants = loaded.loaded_variants(setup)
    session = loaded.measure(setup, variants, sizes.loaded_half, sizes.loaded_cells)
    run_of_it = replace(Run.load(setup.folder / loaded.NAME), given=session.samples)
    found = loaded.judge(loaded.loaded_cells(session, variants), loaded.half_verdicts(session, variants, run_of_it))
    report.table("loaded_cells", found.cells)
    report.table("loaded_verdicts", found.rows)
    return found


def _alarms(setup: Setup, sizes: Sizes, report: _Report) -> alarms.Alarms:
    """The two passes apart are the first and the last, so that as much time as possible lies between them."""
    (alone,) = alarms.variants(setup, {"": 0.0})
    first = alarms.measure(setup, "apart-1", [alone], sizes.apart)
    identical = alarms.variants(setup, {f"-null{number}": 0.0 for number in range(2 * sizes.null_pairs)})
    null = alarms.null_comparisons(alarms.measure(setup, "null", identical, sizes.null), identical)
    report.table("null", null)
    slowed = alarms.variants(setup, alarms.SLOWED)
    changes = alarms.changes(alarms.measure(setup, "slowed", slowed, sizes.slowed, alarms.STEADY_CELLS), slowed)
    report.table("slowed", changes)
    second = alarms.measure(setup, "apart-2", [alone], sizes.apart)
    apart = alarms.compare_passes(first, second, alone.target.id)
    report.table("apart", apart)
    report.update(floor=alarms.noise_floor(null))
    return alarms.Alarms(
        false_alarms=alarms.count_false_alarms(null),
        found_changes=tuple(alarms.count_found_changes(changes)),
        apart=structs.replace(alarms.count_false_alarms(apart), verdict="reported only"),
        apart_floor=alarms.noise_floor(apart),
    )


def _opening(options: Options, setup: Setup, began: dt.datetime) -> Selfcheck:
    interpreter = setup.interpreter
    return Selfcheck(
        lab_version=lab.__version__,
        agent_hash=agent_hash(),
        created=began.isoformat(timespec="seconds"),
        quick=options.quick,
        seed=options.seed,
        command=options.command,
        host=msgspec.to_builtins(host()),
        python=results.Python(
            key=interpreter.key, version=interpreter.patch, executable=below_home(interpreter.executable)
        ),
        pyperf=metadata.version("pyperf"),
        cpus=setup.cpus,
        load_before=_load(),
    )


def _interpreter(key: str | None) -> Interpreter:
    """The interpreter with this key, or the newest with a GIL."""
    every = find_interpreters()
    fitting = [found for found in every if (found.key == key if key else not found.free_threaded)]
    if not fitting:
        names = ", ".join(found.key for found in every) or "none"
        raise NothingToRunOn(f"this machine has no Python {key or 'with a GIL'}; choose --python from: {names}")
    return fitting[-1]


def minutes(options: Options, sizes: Sizes) -> float:
    """The expected duration on a machine without other load."""
    seconds = 0.0
    if {"accuracy", "precision"} & set(options.parts):
        chosen = operations(len(allowed_cpus()), options.operations)
        triples = min(sizes.pairs, MIN_PAIRS) + 1
        pairs_s = (triples * TRIPLE_S + max(0, sizes.pairs - MIN_PAIRS) * PAIR_S) * len(chosen)
        seconds += min(sizes.accuracy_budget_s, pairs_s)
    if "loaded" in options.parts:
        cells = 4 * len(sizes.loaded_cells)  # two variants of two targets
        seconds += min(sizes.loaded_half.budget_s, sizes.loaded_half.rounds * cells * LOADED_CELL_S)
    if "alarms" in options.parts:
        runs = ((2 * sizes.null_pairs, sizes.null, CELL_S), (4, sizes.slowed, STEADY_CELL_S), (2, sizes.apart, CELL_S))
        for variants, size, cell_s in runs:
            seconds += min(size.budget_s, variants * size.rounds * (size.cells or 0) * cell_s)
    return seconds / 60


def _load() -> tuple[float, ...] | None:
    return tuple(round(value, 2) for value in os.getloadavg()) if hasattr(os, "getloadavg") else None
