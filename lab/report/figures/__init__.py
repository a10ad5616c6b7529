"""The figures: one module each, listed here with the section of the report that they belong to."""

from __future__ import annotations

import sys
from collections.abc import Callable

from lab.report.data import RunData
from lab.report.figures import (
    ipc_mechanisms,
    ipc_round_trip,
    lost_updates,
    model_compare,
    pool_api,
    pool_chunksize,
    pool_efficiency,
    pool_scaling,
    process_memory,
    process_start,
    quota_cost,
    sync_primitives,
)
from lab.report.figures.drawing import Drawing, Missing

Draw = Callable[[RunData], Drawing | Missing]

FIGURES: dict[str, Draw] = {
    "pool_scaling": pool_scaling.draw,
    "pool_efficiency": pool_efficiency.draw,
    "quota_cost": quota_cost.draw,
    "pool_api": pool_api.draw,
    "ipc_mechanisms": ipc_mechanisms.draw,
    "pool_chunksize": pool_chunksize.draw,
    "ipc_round_trip": ipc_round_trip.draw,
    "process_start": process_start.draw,
    "process_memory": process_memory.draw,
    "lost_updates": lost_updates.draw,
    "sync_primitives": sync_primitives.draw,
    "model_compare": model_compare.draw,
}

# Sections in their order, each with its figures.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Pool scaling": ("pool_scaling", "pool_efficiency", "quota_cost", "pool_api", "pool_chunksize"),
    "IPC cost": ("ipc_mechanisms", "ipc_round_trip"),
    "Process start and memory": ("process_start", "process_memory"),
    "Synchronisation and shared state": ("sync_primitives", "lost_updates"),
    "Threads, processes, interpreters": ("model_compare",),
}


def scenario_of(name: str) -> str:
    """The scenario that a figure shows, by its module; empty where it shows several."""
    return str(getattr(sys.modules[FIGURES[name].__module__], "SCENARIO", ""))
