"""The comparison with an exhaustive grid, and its workloads, without measuring anything."""

from __future__ import annotations

from tests.tune import workloads
from tests.tune.grid import compare, grid
from tests.tune.simulated import Machine
from tests.tune.test_search import compute, perfect, run


def test_the_recommendation_on_a_machine_without_noise_is_within_5_percent_of_its_grid() -> None:
    machine = Machine(job_s=compute, start_s=0.02)
    record = compare(machine, run(machine), seed=0)
    assert record["within"]
    assert record["choices"] == len(grid(machine)) or record["choices"] == len(grid(machine)) + 1


def test_a_bad_recommendation_is_found() -> None:
    """The machine becomes another one after the search, so that what was recommended is bad."""
    machine = Machine(job_s=perfect, process_noise=0.01)
    found = run(machine)
    machine.job_s = lambda choice: 2.0 if choice.executor != "serial" else 1.0
    assert not compare(machine, found, seed=0)["within"]


def test_the_workloads_do_what_they_say() -> None:
    server = workloads.serving()
    assert workloads.io(7) == b"7\n"
    server.shutdown()
    server.server_close()
    assert workloads.even(3) == workloads.even(3)
    assert workloads.heavy(1) > 0
    assert len(workloads.large(1)) == 8 * 2**20
    assert max(workloads.heavy_items) > 20 * min(workloads.heavy_items)
