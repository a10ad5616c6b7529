"""One operation measured once, in a fresh process, by the real agent, by a bare loop, or by pyperf."""

from __future__ import annotations

import contextlib
import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Any

import psutil

from lab.agent.protocol import decode_line
from lab.errors import NothingToRunOn
from lab.targets.native import end_tree
from lab.targets.request import BATCHES, Request, RequestedCell
from lab.validation.selfcheck.operations import Operation
from lab.validation.selfcheck.setup import Bench

BARE = Path(__file__).resolve().parent / "bare"
DEADLINE_S = 60.0
BLOCK_OF_CELLS_S = 10.0  # what one start of the agent is shared by, see lab.running.execution.BLOCK_S
PYPERF_VALUE_S = 0.1  # pyperf's defaults: loops are doubled until a value takes so long,
PYPERF_VALUES = 3  # three values a worker,
PYPERF_WARMUPS = 1  # and one warm-up before them
LOADED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import lab.agent.cell
from lab.agent import scenario
scenario.load(sys.argv[2])
json.dump([name for name in sys.modules if name != "__main__" and name.partition(".")[0] != "lab"], sys.stdout)
"""


class ArmFailed(RuntimeError):
    """One measurement did not come about; the message is the reason of its row."""


# What may go wrong with one process and its output; the run goes on with the next one.
FAILURES = (ArmFailed, ValueError, LookupError, OSError, psutil.Error)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The values of one process, nanoseconds an operation, and the wall time that it took altogether."""

    values_ns: tuple[float, ...]
    loops: int
    wall_s: float
    modules: int | None = None

    @property
    def centre_ns(self) -> float:
        """The process's value: the median of its batches."""
        return statistics.median(self.values_ns)

    @property
    def mean_ns(self) -> float:
        """The mean of its batches."""
        return statistics.fmean(self.values_ns)


class Arms:
    """The three ways to measure, over one interpreter."""

    def __init__(self, bench: Bench, pyperf_folder: Path) -> None:
        self._bench = bench
        self._runner = bench.runner()
        self._python = str(bench.interpreter.executable)
        self._pyperf = provide_pyperf(pyperf_folder)
        self._imports: dict[str, list[str]] = {}

    def by_lab(self, operation: Operation, number: int, loops: int | None) -> Measured:
        """Through the agent: a request with this one cell; loops None: the agent finds them.

        The wall time is the cell's, from before its interpreter starts until nothing of it is left, and its share of
        the agent's start, which in a run serves a block of ten seconds of cells.
        """
        target = self._bench.target(operation.cpus)
        cpus = self._runner.cpus_for(target, number)
        cell = RequestedCell(
            id=operation.name,
            scenario=operation.scenario,
            values=operation.values,
            loops={operation.measured: loops} if loops else {},
            deadline_s=DEADLINE_S,
            seed=number,
        )
        request = Request.from_target(target, cpus, number, [cell])
        began = time.perf_counter()
        with self._runner.start(target, cpus, request) as running:
            lines = [decode_line(text) for text in running.lines()]
            why = running.why_ended()
        wall_s = time.perf_counter() - began
        end = next((line for line in lines if line["kind"] == "end"), None)
        if end is None or end["status"] != "ok":
            raise ArmFailed(end["reason"] if end else why)
        samples = [line for line in lines if _is_value(line, operation.measured)]
        cell_s = end["split"]["total_ns"] / 1e9
        return Measured(
            values_ns=tuple(line["elapsed_ns"] / line["loops"] for line in samples),
            loops=samples[0]["loops"],
            wall_s=cell_s + (wall_s - cell_s) * min(1.0, cell_s / BLOCK_OF_CELLS_S),
            modules=next((round(line["value"]) for line in lines if line.get("operation") == "child_modules"), None),
        )

    def by_bare(self, operation: Operation, number: int, loops: int) -> Measured:
        """By a loop written by hand: same interpreter, flags, CPUs, loops, batches and warm-up."""
        text, wall_s = self._script([f"{operation.script}.py"], operation, number, loops)
        told = json.loads(text)
        values = tuple(elapsed_ns / loops for elapsed_ns in told["elapsed_ns"])
        return Measured(values_ns=values, loops=loops, wall_s=wall_s, modules=told["modules"])

    def by_pyperf(self, operation: Operation, number: int, loops: int) -> Measured:
        """By a worker of pyperf with its defaults over the same bare operation; its loops are given."""
        options = ["--worker", "--pipe=1", f"-l{loops}", f"-n{PYPERF_VALUES}", f"-w{PYPERF_WARMUPS}"]
        script = ["by_pyperf.py", operation.script, str(self._pyperf), *options]
        text, wall_s = self._script(script, operation, number, loops)
        run = json.loads(text)["benchmarks"][0]["runs"][0]
        return Measured(values_ns=tuple(value * 1e9 for value in run["values"]), loops=loops, wall_s=wall_s)

    def _imports_of(self, operation: Operation) -> list[str]:
        """Modules of the standard library that the agent has loaded when it measures: they make a process dearer.

        What starts processes is measured in a main program that imports nothing of the lab, so nothing is added there.
        """
        if operation.scenario == "process.start":
            return []
        if operation.scenario not in self._imports:
            stage = str(self._runner.stage(self._bench.interpreter))
            done = subprocess.run(
                [self._python, "-I", "-c", LOADED, stage, operation.scenario],
                capture_output=True,
                text=True,
                check=True,
                timeout=DEADLINE_S,
            )
            self._imports[operation.scenario] = json.loads(done.stdout)
        return self._imports[operation.scenario]

    def _script(self, script: Sequence[str], operation: Operation, number: int, loops: int) -> tuple[str, float]:
        target = self._bench.target(operation.cpus)
        cpus = self._runner.cpus_for(target, number)
        settings = {**operation.settings, "loops": loops, "batches": BATCHES, **_sides(cpus, number)}
        settings["imports"] = self._imports_of(operation)
        return run_script(self._python, script, cpus, settings)


def run_script(
    python: str, script: Sequence[str], cpus: list[int] | None, settings: dict[str, Any]
) -> tuple[str, float]:
    """What a bare script prints, and the seconds from before its start until after its end.

    Bound before it is told anything, as the agent is: whatever it starts inherits that.

    Raises:
        ArmFailed: it did not end well, or not in time.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [python, "-I", str(BARE / script[0]), *script[1:]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        if cpus is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(process.pid).cpu_affinity(cpus)
        text, complaint = process.communicate(json.dumps(settings) + "\n", timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise ArmFailed(f"{script[0]} was not finished after {DEADLINE_S:g} s") from None
    finally:
        if process.poll() is None:
            end_tree(process)
    wall_s = time.perf_counter() - began
    if process.returncode:
        raise ArmFailed(f"{script[0]} ended with code {process.returncode}: {complaint.strip()[-300:]}")
    return text, wall_s


def pyperf_loops(operation: Operation, value_ns: float) -> int:
    """The loops that pyperf's calibration comes to: doubled until a value takes 100 ms."""
    calls = 1
    while calls * operation.step * value_ns < PYPERF_VALUE_S * 1e9:
        calls *= 2
    return calls * operation.step


def provide_pyperf(folder: Path) -> Path:
    """A folder with pyperf alone: the site-packages of the lab's own interpreter are not another one's.

    Without psutil beside it pyperf reads less metadata; what it times is the same.

    Raises:
        NothingToRunOn: pyperf is not installed.
    """
    found = util.find_spec("pyperf")
    if found is None or found.origin is None:
        raise NothingToRunOn("the selfcheck measures against pyperf, which is not installed; run: pip install pyperf")
    if not (folder / "pyperf").exists():
        shutil.copytree(
            Path(found.origin).parent, folder / "pyperf", ignore=shutil.ignore_patterns("tests", "__pycache__")
        )
    return folder


def pyperf_version() -> str:
    """The version that is measured against."""
    return metadata.version("pyperf")


def _sides(cpus: list[int] | None, number: int) -> dict[str, list[int] | None]:
    """CPUs of this side and of the other, alternating as the agent's do."""
    if cpus is None:
        return {"mine": None, "theirs": None}
    ordered = sorted(cpus)
    return {"mine": [ordered[number % len(ordered)]], "theirs": [ordered[(number + len(ordered) - 1) % len(ordered)]]}


def _is_value(line: dict[str, Any], operation: str) -> bool:
    return line["kind"] == "sample" and line["operation"] == operation and "loops" in line and not line["warmup"]
