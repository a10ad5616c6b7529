"""The data of the lab as frozen classes: limits, targets, cells, machines, facts, and the manifest that holds them.

Each class has one codec (msgspec). ``STREAM_VERSION`` is the version of requests and of the agent's lines,
``TABLES_VERSION`` that of manifests, raw files and CSVs. Each changes without the other.
"""

from __future__ import annotations

from lab.agent.protocol import STREAM_VERSION
from lab.model.facts import BuildClass, CpuPlace, Facts, Flags
from lab.model.machine import EngineRecord, Host, MachineId
from lab.model.manifest import (
    TABLES_VERSION,
    CellRecord,
    ImageRecord,
    ImagesChoice,
    Manifest,
    MergedRun,
    OtherShards,
    RawRecord,
    Reproduced,
    RoundsRecord,
    RunOptions,
    RunWith,
    TargetRecord,
    WallSplit,
)
from lab.model.planned import PERIOD_US, Cell, CpuMode, Diagnosis, Limit, Target
from lab.model.results import FalseAlarms, Finding, FindingKind, FoundChange, Rates, Span

__all__ = [
    "PERIOD_US",
    "STREAM_VERSION",
    "TABLES_VERSION",
    "BuildClass",
    "Cell",
    "CellRecord",
    "CpuMode",
    "CpuPlace",
    "Diagnosis",
    "EngineRecord",
    "Facts",
    "FalseAlarms",
    "Finding",
    "FindingKind",
    "Flags",
    "FoundChange",
    "Host",
    "ImageRecord",
    "ImagesChoice",
    "Limit",
    "MachineId",
    "Manifest",
    "MergedRun",
    "OtherShards",
    "Rates",
    "RawRecord",
    "Reproduced",
    "RoundsRecord",
    "RunOptions",
    "RunWith",
    "Span",
    "Target",
    "TargetRecord",
    "WallSplit",
]
