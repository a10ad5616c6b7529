"""What each profile plans of each scenario stays what it was: runs of two versions of the lab can be compared.

The digests stand in ``tests/data/planned-cells.json``. A scenario that is not there yet is not looked at; one whose
plan is meant to change is written anew with ``python tests/unit/test_planned_cells.py``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from lab.agent.scenario import discover
from lab.model import CpuMode, Limit, Target
from lab.planning import cells as plan
from lab.planning.profiles import profile, profiles

DIGESTS = Path(__file__).parents[1] / "data" / "planned-cells.json"
CPUS = (1, 2, 3, 16)
SYSTEMS = ("linux", "windows")


def target(system: str, engine: str, mode: CpuMode, cpus: float, visible: int) -> Target:
    limit = Limit(mode=mode, cpus=cpus)
    name = plan.target_id("3.13", system, limit, native=engine == "none")
    return Target(id=name, key="3.13", engine=engine, os=system, arch="x86_64", limit=limit, cpus_visible=visible)


def runs(system: str, cpus: int) -> list[list[Target]]:
    """The targets of runs with each kind: a container, a quota, natively alone, and repeating another."""
    container = target(system, "docker", "cpuset", cpus, cpus)
    native = target(system, "none", "affinity", cpus, cpus)
    return [[container, target(system, "docker", "quota", 0.5, cpus), native], [native]]


def planned(name: str) -> dict[str, str]:
    """Scenario -> digest of its cells on every kind of target, with their values, deadlines and estimates."""
    lines: dict[str, list[str]] = {}
    for system in SYSTEMS:
        for cpus in CPUS:
            for number, targets in enumerate(runs(system, cpus)):
                for cell in plan.cells(discover().values(), targets, profile(name)):
                    rest = [dict(cell.values), cell.deadline_s, cell.estimate_s, cell.sidecar]
                    lines.setdefault(cell.scenario, []).append(json.dumps([cpus, number, cell.id, *rest]))
    return {name: hashlib.sha256("\n".join(sorted(own)).encode()).hexdigest()[:16] for name, own in lines.items()}


@pytest.mark.parametrize("name", list(profiles()))
def test_each_profile_plans_the_cells_that_it_has_always_planned(name: str) -> None:
    kept = json.loads(DIGESTS.read_text(encoding="utf-8"))[name]
    now = planned(name)
    assert {scenario: now.get(scenario) for scenario in kept} == kept


if __name__ == "__main__":
    found = {name: dict(sorted(planned(name).items())) for name in profiles()}
    DIGESTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
