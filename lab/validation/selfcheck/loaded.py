"""A machine loaded on purpose: the lab must flag the load, and must not contradict there what it says without it.

The same cells run on two variants of each target in one run: unloaded, and with a busy loop on one of the cell's CPUs.
The loaded and the unloaded half see the same minutes and differ by the neighbour alone. The cells are of several
families, on one CPU and on two, and claims rest on them.

A cell is *named* where ``lab.stats.quality.disturbances`` finds the cause "load of others"; it is then noisy, however
narrow its interval, and the remedy is part of its reason. In the unloaded half a named cell is a false naming, unless
another process really ran. No verdict may rest on a disturbed cell, because a constant load shifts times without
widening their intervals. The part checks this three ways: a claim that each half decides must have the same verdict in
each, and so must a comparison of one CPU with two; and a comparison of a loaded target with the unloaded one, which is
otherwise identical, must not be slower or faster.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import psutil

from lab.claims import evaluate
from lab.comparisons.comparison import contrast
from lab.comparisons.pairing import Pair
from lab.comparisons.sides import Run
from lab.model import Target
from lab.stats.quality.disturbances import CAUSES, disturbed_cells, seen_causes
from lab.stats.rounds import CELL_COLUMNS
from lab.stats.tables.summary import summarize
from lab.targets.interpreters import Interpreter
from lab.targets.native import NativeRunner, NativeRunning
from lab.targets.request import Request
from lab.validation.selfcheck.equivalence import GoalVerdict
from lab.validation.selfcheck.session import Session, Setup, Size, Variant, matching_cells, run_session

NAME = "loaded"
FEW_CELLS = (
    "ipc.round_trip/pipe-64-*_cpu",
    "process.start/fork-same_cpu",
    "pool.scaling/pure_python-serial-1",
    "pool.scaling/pure_python-processes-fork-2",
    "state.update/value-write-1",
    "sync.primitives/lock-uncontended-processes",
)
CELLS = (
    *FEW_CELLS,
    "ipc.round_trip/duplex_pipe-64-same_cpu-object",
    "ipc.round_trip/queue-64-same_cpu",
    "process.start/spawn-same_cpu",
    "process.switch/*-semaphore",
    "pool.scaling/pure_python-threads-2",
    "pool.scaling/pure_python-processes-fork-1",
    "state.manager/value-set-same_cpu",
)
LOAD = "load of others"
IDENTICAL = "loaded vs unloaded"
DECIDED = frozenset({"holds", "fails", "slower", "faster", "same"})
# The busy loop watches its standard input, which closes however the lab ends: it cannot outlive even a killed lab.
BUSY = """
import os, sys, threading
def end_with_the_lab():
    sys.stdin.buffer.read()
    os._exit(0)
sys.stdin.buffer.readline()
threading.Thread(target=end_with_the_lab, daemon=True).start()
print("busy", flush=True)
while True:
    pass
"""


class LoadedCell(msgspec.Struct, frozen=True, kw_only=True):
    """One measured cell: the worst stability of its times with the reason, and the CPU share that others took."""

    target: str
    scenario: str
    case: str
    stable: str | None
    reason: str | None
    share: float | None  # None: not named
    half: str
    named: bool
    with_remedy: bool = msgspec.field(name="remedy_told")


class HalfVerdicts(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict as each half gives it, empty where a half has none."""

    kind: str
    what: str
    unloaded: str = msgspec.field(name="quiet")
    loaded: str
    contradicts: bool


class Half(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of the cells of one half."""

    cells: int
    noisy: int
    named: int
    with_remedy: int = msgspec.field(name="remedy_told")
    smallest_named_share: float | None


class ByHalf(msgspec.Struct, frozen=True, kw_only=True):
    """The counts of each half."""

    unloaded: Half = msgspec.field(name="quiet")
    loaded: Half


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the part."""

    by_half: ByHalf = msgspec.field(name="halves")  # word-ok: the key in selfcheck.json
    verdicts: int
    decided_unloaded: int = msgspec.field(name="decided_quiet")
    decided_loaded: int
    contradictions: int
    verdict: GoalVerdict
    cells: tuple[LoadedCell, ...]
    rows: tuple[HalfVerdicts, ...]


@contextlib.contextmanager
def busy_neighbour(cpu: int | None) -> Iterator[int]:
    """Run a busy loop on this CPU (None: on any) while the context lasts; gives its process id."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        if cpu is not None:
            psutil.Process(process.pid).cpu_affinity([cpu])
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"go\n")  # once bound, so that no other CPU gets any of its load
        process.stdin.flush()
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


class LoadedRunner(NativeRunner):
    """A native runner that starts a busy neighbour beside some of its targets."""

    def __init__(self, interpreter: Interpreter, loaded: Container[str]) -> None:
        """``loaded`` has the ids of the targets that get a neighbour."""
        super().__init__({interpreter.key: interpreter})
        self._loaded = loaded

    @contextlib.contextmanager
    def start(self, target: Target, cpus: list[int] | None, request: Request) -> Iterator[NativeRunning]:
        """Start the agent, with the neighbour on the first of the target's CPUs before, during and after it."""
        with contextlib.ExitStack() as stack:
            if target.id in self._loaded:
                stack.enter_context(busy_neighbour(cpus[0] if cpus else None))
            yield stack.enter_context(super().start(target, cpus, request))


def loaded_variants(setup: Setup) -> list[Variant]:
    """For one CPU, and for two where the machine has them, the unloaded variant followed by the loaded one."""
    return [
        Variant(target=setup.target(cpus, "-loaded" if loaded else "-unloaded"), loaded=loaded)
        for cpus in range(1, min(2, setup.cpus) + 1)
        for loaded in (False, True)
    ]


def measure(setup: Setup, variants: Sequence[Variant], size: Size, patterns: Sequence[str] = CELLS) -> Session:
    """Measure both, loaded and unloaded, interleaved, in the run folder ``loaded``."""
    cells = [cell for variant in variants for cell in matching_cells(variant.target, patterns, "quick")]
    runner = LoadedRunner(setup.interpreter, {variant.target.id for variant in variants if variant.loaded})
    return run_session(setup, NAME, variants, cells, size, runner=runner)


def loaded_cells(session: Session, variants: Sequence[Variant]) -> list[LoadedCell]:
    """One row per measured cell."""
    summary = summarize(session.samples, session.conditions)
    timed = summary[(summary["metric"] == "wall_time") & (summary["n"] > 0)]
    timed = timed.assign(is_stable=timed["stable"].eq("stable").fillna(value=False))
    worst = timed.sort_values([*CELL_COLUMNS, "is_stable"], kind="stable").drop_duplicates(CELL_COLUMNS)
    seen = seen_causes(session.conditions)
    shares = seen.loc[seen["cause"] == LOAD, [*CELL_COLUMNS, "share"]]
    table = worst.merge(shares, on=CELL_COLUMNS, how="left").sort_values(CELL_COLUMNS)
    table = table[[*CELL_COLUMNS, "stable", "reason", "share"]]
    records: list[dict[str, Any]] = table.astype(object).where(table.notna(), None).to_dict("records")  # type: ignore[assignment]  # names are text
    loaded = {variant.target.id for variant in variants if variant.loaded}
    return [
        LoadedCell(
            **row,
            half="loaded" if row["target"] in loaded else "unloaded",
            named=row["share"] is not None,
            with_remedy=CAUSES[LOAD].remedy in (row["reason"] or ""),
        )
        for row in records
    ]


def half_verdicts(session: Session, variants: Sequence[Variant], run: Run) -> list[HalfVerdicts]:
    """One row per verdict that at least one half has; ``run`` is the session's."""
    pairs = list(zip(variants[::2], variants[1::2], strict=True))
    cpus = run.manifest.host.cpus
    names = [{pair[half].target.id: _plain(pair[half]) for pair in pairs} for half in (0, 1)]
    found = {"claim": [_claims(session, mine, cpus) for mine in names]}
    if len(pairs) > 1:
        found["one CPU vs two"] = [_comparisons(run, *mine) for mine in names]
    rows = [
        verdict_row(kind, name, unloaded.get(name, ""), loaded.get(name, ""))
        for kind, (unloaded, loaded) in found.items()
        for name in sorted(unloaded.keys() | loaded.keys())
    ]
    # Loaded and unloaded targets are identical but for the neighbour: any other verdict than "same" is wrong.
    return rows + [
        verdict_row(IDENTICAL, f"{name}@{_plain(unloaded)}", "same", verdict)
        for unloaded, loaded in pairs
        for name, verdict in _comparisons(run, unloaded.target.id, loaded.target.id).items()
    ]


def verdict_row(kind: str, what: str, unloaded: str, loaded: str) -> HalfVerdicts:
    """A verdict of each half; they contradict each other where both decide, and differently."""
    contradicts = unloaded in DECIDED and loaded in DECIDED and unloaded != loaded
    return HalfVerdicts(kind=kind, what=what, unloaded=unloaded, loaded=loaded, contradicts=contradicts)


def _claims(session: Session, names: Mapping[str, str], cpus: int | None) -> dict[str, str]:
    """``CLAIM@NAME`` -> verdict of the claims measured on these targets; ``names`` maps target ids to names."""
    samples, conditions = (
        frame[frame["target"].isin(list(names))].assign(
            target=lambda rows: rows["target"].map(dict(names)).astype("string")
        )
        for frame in (session.samples, session.conditions)
    )
    claims = evaluate(summarize(samples, conditions), samples, disturbed_cells(conditions), machine_cpus=cpus)
    found = claims[claims["verdict"] != "not measured"].astype(str)
    return dict(zip(found["claim"] + "@" + found["target"], found["verdict"], strict=True))


def _comparisons(run: Run, base: str, new: str) -> dict[str, str]:
    """Row id -> verdict of the comparison of two targets, as ``lab compare`` gives it."""
    rows = contrast([Pair(base=run, new=run, base_target=base, new_target=new)], base=base, new=new).rows
    measured = rows[rows["verdict"] != "not measured"]
    return dict(zip(measured["id"].astype(str), measured["verdict"].astype(str), strict=True))


def _plain(variant: Variant) -> str:
    """The target's name without its half."""
    return variant.target.id.rpartition("-")[0]


def judge(cells: Sequence[LoadedCell], verdicts: Sequence[HalfVerdicts]) -> Loaded:
    """Count what is named in each half, and what the loaded half decides against the unloaded one.

    *reached*: every loaded cell is named with the remedy, and no verdict is contradicted. *inconclusive*: the unloaded
    half decides nothing, so nothing could be contradicted.
    """
    loaded = [cell for cell in cells if cell.half == "loaded"]
    own = [row for row in verdicts if row.kind != IDENTICAL]
    contradictions = sum(row.contradicts for row in verdicts)
    decided = sum(row.unloaded in DECIDED for row in own)
    is_missed = contradictions or not all(cell.named and cell.with_remedy for cell in loaded)
    return Loaded(
        by_half=ByHalf(unloaded=_count([cell for cell in cells if cell.half != "loaded"]), loaded=_count(loaded)),
        verdicts=len(verdicts),
        decided_unloaded=decided,
        decided_loaded=sum(row.loaded in DECIDED for row in own),
        contradictions=contradictions,
        verdict="missed" if is_missed else "reached" if decided and loaded else "inconclusive",
        cells=tuple(cells),
        rows=tuple(verdicts),
    )


def _count(cells: Sequence[LoadedCell]) -> Half:
    return Half(
        cells=len(cells),
        noisy=sum(cell.stable in ("noisy", "bimodal") for cell in cells),
        named=sum(cell.named for cell in cells),
        with_remedy=sum(cell.with_remedy for cell in cells),
        smallest_named_share=min((cell.share for cell in cells if cell.share is not None), default=None),
    )
