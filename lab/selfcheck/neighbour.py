"""A busy neighbour: a process of ours that takes all it gets of one CPU, for a machine that is loaded on purpose.

It watches its standard input, which closes when the lab ends in whatever way, so that it never outlives the lab: not
after Ctrl-C, and not after a kill that no ``finally`` sees.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Container, Iterator
from typing import Any

import psutil

from lab.plan import Target
from lab.targets import Runner, Running

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


@contextlib.contextmanager
def busy_neighbour(cpu: int | None) -> Iterator[int]:
    """A busy loop on this CPU while the context lasts (None: wherever the system puts it); its process id."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        if cpu is not None:
            psutil.Process(process.pid).cpu_affinity([cpu])
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"go\n")  # bound before it begins: no other CPU sees any of its load
        process.stdin.flush()
        process.stdout.readline()
        yield process.pid
    finally:
        process.kill()
        process.communicate()


class LoadedRunner:
    """A runner that puts the neighbour beside some of its targets, and beside no other."""

    def __init__(self, runner: Runner, loaded: Container[str]) -> None:
        """``loaded``: ids of the targets that have a neighbour."""
        self._runner = runner
        self._loaded = loaded

    @contextlib.contextmanager
    def start(self, target: Target, cpus: list[int] | None, request: dict[str, Any]) -> Iterator[Running]:
        """As the runner does; the neighbour, on the first of the target's CPUs, is there before and gone after it."""
        with contextlib.ExitStack() as around:
            if target.id in self._loaded:
                around.enter_context(busy_neighbour(cpus[0] if cpus else None))
            yield around.enter_context(self._runner.start(target, cpus, request))

    def cpus_for(self, target: Target, round_number: int) -> list[int] | None:
        """The runner's."""
        return self._runner.cpus_for(target, round_number)

    def remove_leftovers(self, run_id: str) -> int:
        """The runner's."""
        return self._runner.remove_leftovers(run_id)

    def describe(self, target: Target) -> dict[str, Any]:
        """The runner's."""
        return self._runner.describe(target)
