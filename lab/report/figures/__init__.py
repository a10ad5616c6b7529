"""The figures: one module each, listed here with the section of the report that they belong to."""

from __future__ import annotations

import sys
from collections.abc import Callable

from lab.report.data import RunData
from lab.report.drawing.drawing import Drawing, Missing
from lab.report.figures import (
    bimodal,
    claim_verdicts,
    comparisons,
    ipc_fan,
    ipc_latency,
    ipc_mechanisms,
    ipc_overhead,
    ipc_round_trip,
    ipc_throughput,
    lost_updates,
    model_compare,
    pool_api,
    pool_chunksize,
    pool_efficiency,
    pool_heat_map,
    pool_scaling,
    process_memory,
    process_start,
    quota_cost,
    state_manager,
    state_update,
    sync_primitives,
)

Draw = Callable[[RunData], Drawing | Missing]

FIGURES: dict[str, Draw] = {
    "claim_verdicts": claim_verdicts.draw,
    "pool_scaling": pool_scaling.draw,
    "pool_efficiency": pool_efficiency.draw,
    "pool_heat_map": pool_heat_map.draw,
    "quota_cost": quota_cost.draw,
    "pool_api": pool_api.draw,
    "ipc_mechanisms": ipc_mechanisms.draw,
    "pool_chunksize": pool_chunksize.draw,
    "ipc_round_trip": ipc_round_trip.draw,
    "ipc_throughput": ipc_throughput.draw,
    "ipc_latency": ipc_latency.draw,
    "ipc_overhead": ipc_overhead.draw,
    "ipc_fan": ipc_fan.draw,
    "process_start": process_start.draw,
    "process_memory": process_memory.draw,
    "lost_updates": lost_updates.draw,
    "state_update": state_update.draw,
    "state_manager": state_manager.draw,
    "sync_primitives": sync_primitives.draw,
    "model_compare": model_compare.draw,
    "bimodal": bimodal.draw,
    **{name.replace("-", "_"): comparisons.drawer(name) for name in comparisons.QUESTIONS},
}

# Sections in their order, each with its figures.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Claims at a glance": ("claim_verdicts",),
    "Pool scaling": ("pool_scaling", "pool_efficiency", "pool_heat_map", "quota_cost", "pool_api", "pool_chunksize"),
    "IPC cost": ("ipc_mechanisms", "ipc_round_trip", "ipc_throughput", "ipc_latency", "ipc_overhead", "ipc_fan"),
    "Process start and memory": ("process_start", "process_memory"),
    "Synchronisation and shared state": ("sync_primitives", "state_update", "lost_updates", "state_manager"),
    "Threads, processes, interpreters": ("model_compare",),
    "Comparison": tuple(name.replace("-", "_") for name in comparisons.QUESTIONS),
    "Times with two modes": ("bimodal",),
}


def scenario_of(name: str) -> str:
    """The scenario that a figure shows, by its module; empty where it shows several."""
    return str(getattr(sys.modules[FIGURES[name].__module__], "SCENARIO", ""))
