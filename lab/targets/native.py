"""Native targets: an interpreter of this machine, pinned by affinity or under the quota of a control group."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, assert_never

import psutil

from lab.agent.cleanup.job_objects import job_of
from lab.agent.protocol import REQUEST_VARIABLE
from lab.model import RunWith, Target
from lab.targets.available import natively
from lab.targets.interpreters import Interpreter, below_home
from lab.targets.quota import quota_group, remove_groups
from lab.targets.request import Request
from lab.targets.stage import PACKAGE, compiled_stage
from lab.targets.topology import chosen_cpus, read_cpus

TAIL_CHARACTERS = 400
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class NativeRunning:
    """The agent as a process of this machine."""

    def __init__(self, process: subprocess.Popen[str], complaints: IO[bytes]) -> None:
        self._process = process
        self._complaints = complaints

    def lines(self) -> Iterator[str]:
        """The agent's lines, until it ends."""
        assert self._process.stdout is not None
        yield from self._process.stdout

    def why_ended(self) -> str:
        """Say in words how the agent ended: exit code and the end of its standard error."""
        code = self._process.wait()
        self._complaints.seek(0)
        tail = self._complaints.read().decode("utf-8", "replace").strip()[-TAIL_CHARACTERS:]
        return f"the agent's process ended with code {code}{': ' + tail if tail else ''}"


class NativeRunner:
    """Runs the agent by the interpreters of this machine."""

    def __init__(self, interpreters: Mapping[str, Interpreter], package: Path = PACKAGE, run_id: str = "") -> None:
        self._interpreters = interpreters
        self._package = package
        self._run_id = run_id or f"process-{os.getpid()}"
        self._stages: dict[str, Path] = {}
        self._cpus = read_cpus(allowed_cpus())

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        """The CPUs that the agent is bound to; None where the target has no affinity."""
        match target.limit.mode:
            case "affinity":
                return chosen_cpus(self._cpus, int(target.limit.cpus), round_number)
            case "quota" | "cpuset" | "none":
                return None
            case _:
                assert_never(target.limit.mode)

    @contextlib.contextmanager
    def start(self, target: Target, cpus: list[int] | None, request: Request) -> Iterator[NativeRunning]:
        """Start the agent, bind it, then hand it the request: whatever it starts inherits the binding.

        Raises:
            TargetUnsupported: the target has a quota, and this user cannot set one.
        """
        interpreter = self._interpreters[target.key]
        stage = self.stage(interpreter)
        environment = {key: value for key, value in os.environ.items() if key != REQUEST_VARIABLE}
        environment |= dict.fromkeys(ONE_THREAD, "1")
        with contextlib.ExitStack() as stack:
            complaints = stack.enter_context(tempfile.TemporaryFile())
            needs_group = target.limit.is_quota and not target.limit.as_found
            group = stack.enter_context(quota_group(target.limit, self._run_id)) if needs_group else None
            process = subprocess.Popen(
                [*(group.command if group else ()), str(interpreter.executable), "-I", str(stage)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                encoding="utf-8",
                start_new_session=True,
                env=environment,
            )
            try:
                job = job_of(process)  # on Windows: however the agent ends, its cells end with it
                if job is not None:
                    stack.callback(job.end)
                if group is not None:
                    group.take(process.pid)
                if cpus is not None:
                    psutil.Process(process.pid).cpu_affinity(cpus)
                assert process.stdin is not None
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(request.text())
                    process.stdin.close()
                yield NativeRunning(process, complaints)
            finally:
                end_tree(process)

    def remove_leftovers(self, run_id: str) -> int:
        """Remove the control groups of the run's quotas with what still runs in them; how many there were."""
        return remove_groups(run_id)

    def describe(self, target: Target) -> RunWith:
        """The interpreter that the target runs, for the manifest."""
        return RunWith(executable=below_home(self._interpreters[target.key].executable))

    def stage(self, interpreter: Interpreter) -> Path:
        """The compiled stage for this interpreter, in use by this process until it ends."""
        if interpreter.key not in self._stages:
            self._stages[interpreter.key] = compiled_stage(interpreter, self._package)
        return self._stages[interpreter.key]


def allowed_cpus() -> list[int]:
    """The CPUs that this process may use, without isolated ones unless all are isolated."""
    return list(natively(affinity()).numbers or ())


def affinity() -> list[int]:
    """The CPUs that this process is bound to; all of them where this system cannot bind a process."""
    process = psutil.Process()
    if hasattr(process, "cpu_affinity"):
        return list(process.cpu_affinity() or [])
    return list(range(psutil.cpu_count() or 1))


def can_pin() -> bool:
    """Whether this system can bind a process to CPUs (macOS cannot)."""
    return hasattr(psutil.Process, "cpu_affinity")


def end_tree(process: subprocess.Popen[str]) -> None:
    """End the agent and everything it started, its cells' own sessions included."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):  # it went with the group before
                if hasattr(os, "killpg"):
                    os.killpg(os.getpgid(child.pid), signal.SIGKILL)
                else:
                    child.kill()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
