"""The request of an image that is run by hand, without a host side: every scenario, few values, one round.

``docker run --rm IMAGE > samples.jsonl`` writes a stream that ``lab import`` reads.
"""

from __future__ import annotations

from lab.agent.facts import cgroup
from lab.agent.facts import target as facts
from lab.agent.measuring import placement
from lab.agent.protocol import STREAM_VERSION
from lab.agent.scenario import discover, expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Mapping, Sequence

# The values of the profile `smoke` in lab/profiles.toml; a test compares the two.
CHOSEN: Dict[str, List[Any]] = {
    "work": ["pure_python"],
    "start_method": ["fork"],
    "workers": [1, "N"],
    "payload_bytes": [64, 65_536],
    "placement": ["same_cpu", "cross_cpu"],
    "payload": ["bytes"],
    "buffer_bytes": ["default"],
    "imports": ["none"],
    "bytecode": ["compiled"],
    "parent_bytes": [52_428_800],
    "task_ns": [1_000, 100_000],
    "chunksize": [1, 16],
}


def chosen_values(declared: Mapping[str, Sequence[Any]], cpus: int) -> Dict[str, List[Any]]:
    """Axis -> the declared values that ``CHOSEN`` has; all declared values where it has none of them."""
    found = {}
    for axis, values in declared.items():
        offered = expand(values, cpus)
        chosen = expand(CHOSEN.get(axis, values), cpus)
        found[axis] = [value for value in offered if value in chosen] or offered
    return found


def default_request() -> Dict[str, Any]:
    """A request with the CPU limits that this target observes, so that the target always matches it."""
    cpus = placement.allowed_cpus() or list(range(facts.processors()["cpu_count"] or 1))
    quota, period_us = cgroup.quota()
    cells = []
    for name, scenario in discover().items():
        chosen = chosen_values(scenario.axes, len(cpus))
        for case, values in scenario.cases(chosen, len(cpus)).items():
            cells.append({"id": "%s/%s" % (name, case), "scenario": name, "case": case, "values": values, "seed": 0})
    for cell in cells:
        cell["deadline_s"] = 60.0
    target = {
        "cpu_mode": "cpuset" if quota is None else "quota",
        "cpus_requested": float(len(cpus)) if quota is None else quota,
        "quota": quota,
        "period_us": period_us,
        "own_cgroup": cgroup.version() is not None,
        "round": 0,
        "batches": 3,
    }
    return {"schema_version": STREAM_VERSION, "by_hand": True, "target": target, "cells": cells}
