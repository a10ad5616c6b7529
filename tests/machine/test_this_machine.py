"""What is asked of the very machine that the tests run on: it takes a second, and other processes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys

import pytest
from click.testing import CliRunner

from lab.agent.measuring.system_load import SystemLoad, load_between
from lab.commands.doctor import command


def test_the_command_exits_with_zero_whatever_it_finds() -> None:
    result = CliRunner().invoke(command, ["--json"])
    assert result.exit_code == 0
    checks = json.loads(result.stdout)["checks"]
    assert {check["state"] for check in checks} <= {"ok", "harms", "could not find out"}
    assert {"governor", "turbo", "SMT", "steal", "swap", "load", "engine"} <= {check["check"] for check in checks}


def test_the_peak_of_a_process_counts_what_it_held_and_not_what_its_parent_holds() -> None:
    held = 64 << 20
    code = (
        "from lab.validation.bench.deriving import peak_rss_bytes; idle = peak_rss_bytes(); "
        f"held = b'x' * {held}; del held; print(idle, peak_rss_bytes())"
    )
    kept = b"x" * (4 * held)
    idle, peak = map(int, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert idle < len(kept)
    assert held <= peak - idle + (1 << 20) < 2 * held


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_busy_neighbour_on_the_same_cpu_leaves_no_idle_time() -> None:
    cpu = min(os.sched_getaffinity(0))
    code = f"import os; os.sched_setaffinity(0, [{cpu}]); print(flush=True)\nwhile True: pass"
    neighbour = subprocess.Popen([sys.executable, "-I", "-S", "-c", code], stdout=subprocess.PIPE)
    load, allowed = SystemLoad(), os.sched_getaffinity(0)
    shares = []
    try:
        assert neighbour.stdout is not None
        neighbour.stdout.readline()
        os.sched_setaffinity(0, [cpu])
        for _ in range(9):
            before = load.read()
            while (after := load.read()).at_ns - before.at_ns < 50_000_000:
                pass
            found = load_between(before, after, after.cpu_ns - before.cpu_ns)
            # Steal is not taken off: where a guest's kernel does not account for it, our CPU time contains it too.
            # Another child of the tests may be bound to no CPU: then the other CPUs are used ones as well.
            cpu_window_ns = found["window_ns"] * found["cpus_used"]
            shares.append((cpu_window_ns - found["idle_ns"] - found["own_cpu_ns"]) / found["window_ns"])
    finally:
        os.sched_setaffinity(0, allowed)
        neighbour.kill()
        neighbour.communicate()
        load.close()
    # The median: a host that stops the machine for a while spoils one window, a neighbour fills all of them.
    assert statistics.median(shares) > 0.2, shares
