"""The three harnesses that measure an operation in a fresh process: the real agent, a bare loop, and pyperf."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import psutil

from lab.agent.case import GOLDEN
from lab.agent.measuring.batches import warm_up_loops
from lab.agent.protocol import decode_line
from lab.planning.blocks import BLOCK_S
from lab.targets.native import end_tree
from lab.targets.request import BATCHES, Request, RequestedCell
from lab.validation.selfcheck.operations import Operation
from lab.validation.selfcheck.session import Setup

Harness = Literal["lab", "bare", "pyperf"]
BARE = Path(__file__).resolve().parent / "bare"
DEADLINE_S = 60.0
# pyperf's defaults: calibration doubles the loops until a value takes so long; a worker warms up once for three values.
PYPERF_VALUE_S = 0.1
PYPERF_VALUES = 3
PYPERF_WARMUPS = 1
LIST_MODULES = """
import json, sys
sys.path.insert(0, sys.argv[1])
import lab.agent.cell
from lab.agent import scenario
scenario.load(sys.argv[2])
json.dump([name for name in sys.modules if name != "__main__" and name.partition(".")[0] != "lab"], sys.stdout)
"""


class HarnessFailed(RuntimeError):
    """A process gave no measurement; the message becomes the reason in its row."""


# Errors of one process or of its output, after which the selfcheck continues with the next process.
FAILURES = (
    *(HarnessFailed, ValueError, LookupError, OSError),
    *(subprocess.SubprocessError, psutil.Error, msgspec.MsgspecError),
)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The batches of one process in nanoseconds per operation, and the process's wall time in seconds."""

    values_ns: tuple[float, ...]
    loops: int
    wall_s: float
    modules: int | None = None  # loaded in the process


class Calibrated(NamedTuple):
    """An operation's loops per batch of the agent, and nanoseconds of one loop."""

    loops: int
    value_ns: float


class Harnesses:
    """The three harnesses with one interpreter; pyperf is copied to ``pyperf_folder``."""

    def __init__(self, setup: Setup, pyperf_folder: Path) -> None:
        self._setup = setup
        self._runner = setup.runner()
        self._python = str(setup.interpreter.executable)
        self._pyperf = pyperf_folder
        self._imports: dict[str, list[str]] = {}
        copy_pyperf(pyperf_folder)

    def measure(self, harness: Harness, operation: Operation, pair: int, calibrated: Calibrated) -> Measured:
        """Measure the operation by one harness; the CPUs alternate from pair to pair.

        Raises:
            FAILURES: the process failed, or its output cannot be read.
        """
        if harness == "lab":
            return self.by_lab(operation, pair, calibrated.loops)
        return (
            self._by_bare(operation, pair, calibrated)
            if harness == "bare"
            else self._by_pyperf(operation, pair, pyperf_loops(operation, calibrated.value_ns))
        )

    def by_lab(self, operation: Operation, pair: int, loops: int | None) -> Measured:
        """Measure with the agent: a request with one cell; with ``loops=None`` the agent calibrates them.

        The wall time is the cell's, from before its interpreter starts until its last process has ended, and its share
        of the agent's start, which in a run serves a block of ten seconds of cells.
        """
        target = self._setup.target(operation.cpus)
        cpus = self._runner.cpus_for(target, pair)
        cell = RequestedCell(
            id=operation.name,
            scenario=operation.scenario,
            values=operation.values,
            loops={operation.measured: loops} if loops else {},
            deadline_s=DEADLINE_S,
            seed=pair,
        )
        request = Request.from_target(target, cpus, pair, [cell])
        began = time.perf_counter()
        with self._runner.start(target, cpus, request) as running:
            lines = [decode_line(text) for text in running.lines()]
            why = running.why_ended()
        wall_s = time.perf_counter() - began
        end = next((line for line in lines if line["kind"] == "end"), None)
        if end is None or end["status"] != "ok":
            raise HarnessFailed(end["reason"] if end else why)
        timed = [line for line in lines if line["kind"] == "sample" and "loops" in line and not line["warmup"]]
        samples = [line for line in timed if line["operation"] == operation.measured]
        cell_s = end["split"]["total_ns"] / 1e9
        return Measured(
            values_ns=tuple(line["elapsed_ns"] / line["loops"] for line in samples),
            loops=samples[0]["loops"],
            wall_s=cell_s + (wall_s - cell_s) * min(1.0, cell_s / BLOCK_S),
            modules=next((round(line["value"]) for line in lines if line.get("operation") == "child_modules"), None),
        )

    def _by_bare(self, operation: Operation, pair: int, calibrated: Calibrated) -> Measured:
        """Measure with a handwritten loop: same interpreter, flags, CPUs, loops, batches and warm-up as the agent."""
        loops, untimed = calibrated.loops, untimed_loops(operation, pair, calibrated)
        text, wall_s = self._run([f"{operation.script}.py"], operation, pair, loops=loops, untimed_loops=untimed)
        output = json.loads(text)
        values = tuple(elapsed_ns / loops for elapsed_ns in output["elapsed_ns"])
        return Measured(values_ns=values, loops=loops, wall_s=wall_s, modules=output["modules"])

    def _by_pyperf(self, operation: Operation, pair: int, loops: int) -> Measured:
        """Measure with a worker of pyperf at its defaults, over the bare operation; its calibration is left out."""
        options = ["--worker", "--pipe=1", f"-l{loops}", f"-n{PYPERF_VALUES}", f"-w{PYPERF_WARMUPS}"]
        script = ["by_pyperf.py", operation.script, str(self._pyperf), *options]
        text, wall_s = self._run(script, operation, pair)
        run = json.loads(text)["benchmarks"][0]["runs"][0]
        return Measured(values_ns=tuple(value * 1e9 for value in run["values"]), loops=loops, wall_s=wall_s)

    def _run(self, script: Sequence[str], operation: Operation, pair: int, **more: object) -> tuple[str, float]:
        cpus = self._runner.cpus_for(self._setup.target(operation.cpus), pair)
        settings = {**operation.settings, **_placement(cpus, pair), **more}
        settings["imports"] = self._agent_imports(operation.scenario)
        return run_script(self._python, script, cpus, settings)

    def _agent_imports(self, scenario: str) -> list[str]:
        """Modules of the standard library that the agent has loaded; each of them makes starting a process slower.

        Process starts are measured in a main program that imports nothing of the lab, so for them the list is empty.
        """
        if scenario == "process.start":
            return []
        if scenario not in self._imports:
            stage = str(self._runner.stage(self._setup.interpreter))
            command = [self._python, "-I", "-c", LIST_MODULES, stage, scenario]
            self._imports[scenario] = json.loads(subprocess.check_output(command, timeout=DEADLINE_S))
        return self._imports[scenario]


def run_script(
    python: str, script: Sequence[str], cpus: list[int] | None, settings: Mapping[str, object]
) -> tuple[str, float]:
    """The standard output of a script in ``bare/``, and its wall time in seconds.

    As with the agent, the process is bound to its CPUs before it gets its settings, and its children inherit them.

    Raises:
        HarnessFailed: the script failed or exceeded the deadline.
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
        text, errors = process.communicate(json.dumps(settings) + "\n", timeout=DEADLINE_S)
    except subprocess.TimeoutExpired:
        raise HarnessFailed(f"{script[0]} did not finish within {DEADLINE_S:g} s") from None
    finally:
        if process.poll() is None:
            end_tree(process)
    wall_s = time.perf_counter() - began
    if process.returncode:
        raise HarnessFailed(f"{script[0]} ended with code {process.returncode}: {errors.strip()[-300:]}")
    return text, wall_s


def untimed_loops(operation: Operation, pair: int, calibrated: Calibrated) -> list[int]:
    """The loops that the agent runs untimed before each batch of this pair.

    Where threads take turns, each batch begins at another phase of their turns, as in ``Case.measure``: the cost of a
    call of a Pool depends on when it is timed, by 10% within the first tenth of a second.
    """
    first = (pair * GOLDEN & 0xFFFFFFFF) / 2**32
    phases = [(first + batch / BATCHES) % 1 if operation.bimodal else 0.0 for batch in range(BATCHES)]
    step_ns = calibrated.value_ns * operation.step
    found = [warm_up_loops(calibrated.loops, operation.step, step_ns, phase) for phase in phases]
    return [max(loops, operation.least_untimed) for loops in found]


def pyperf_loops(operation: Operation, value_ns: float) -> int:
    """The result of pyperf's calibration: loops doubled until a value takes 100 ms."""
    calls = 1
    while calls * operation.step * value_ns < PYPERF_VALUE_S * 1e9:
        calls *= 2
    return calls * operation.step


def copy_pyperf(folder: Path) -> None:
    """Copy pyperf, and nothing else, into the folder for an interpreter that does not have the lab's site-packages.

    Without psutil, pyperf records less metadata; its timing is unchanged.
    """
    package = Path(str(metadata.distribution("pyperf").locate_file("pyperf")))
    ignored = shutil.ignore_patterns("tests", "__pycache__")
    shutil.copytree(package, folder / "pyperf", ignore=ignored, dirs_exist_ok=True)


def _placement(cpus: list[int] | None, pair: int) -> dict[str, list[int] | None]:
    """CPUs of the timed process (``mine``) and of its peer (``theirs``), alternating as the agent's do."""
    if cpus is None:
        return {"mine": None, "theirs": None}
    ordered = sorted(cpus)
    return {"mine": [ordered[pair % len(ordered)]], "theirs": [ordered[(pair + len(ordered) - 1) % len(ordered)]]}
