"""The manifest of a run: what was planned, on what, by which lab. It alone is enough to run the plan again."""

from __future__ import annotations

import datetime as dt
import platform
import socket
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import psutil

import lab
from lab.agent.facts import cpu_model
from lab.interpreters import host_arch, host_os
from lab.plan import PERIOD_US, Limit, Target
from lab.schema import SCHEMA_VERSION
from lab.stage import agent_hash

if TYPE_CHECKING:
    from lab.main_job import Options, Planned


def first_manifest(run_id: str, options: Options, planned: Planned, now: dt.datetime) -> dict[str, Any]:
    """The manifest as it stands before the first cell."""
    engine = planned.matrix.engine
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": run_id,
        "lab_version": lab.__version__,
        "created": now.isoformat(timespec="seconds"),
        "finished": None,
        "seed": options.seed,
        "profile": options.profile,
        "budget_s": options.budget_s or planned.profile.budget_s,
        "command": options.command,
        "inject_slowdown_percent": options.slowdown_percent,
        "agent_hash": agent_hash(),
        "options": {
            "images": options.wanted.images,
            "given": options.wanted.given,
            "registry": options.wanted.registry,
            "shard": options.shard,
        },
        "host": host(),
        "engine": engine.provenance() if engine else None,
        "targets": [target_entry(target) for target in planned.targets],
        "cells": [{"id": cell.id, **asdict(cell)} for cell in planned.cells],
        "notes": [],
    }


def target_entry(target: Target) -> dict[str, Any]:
    """A target as the manifest holds it; facts and image come once they are known."""
    return {
        "id": target.id,
        "key": target.key,
        "build": target.build,
        "engine": target.engine,
        "os": target.os,
        "arch": target.arch,
        "cpu_mode": target.limit.mode,
        "cpus_requested": target.limit.cpus,
        "period_us": target.limit.period_us if target.limit.mode == "quota" else None,
        "cpus_visible": target.cpus_visible,
        "diagnose": target.diagnose,
        "facts": None,
    }


def target_from(entry: dict[str, Any]) -> Target:
    """A target out of the manifest."""
    return Target(
        id=entry["id"],
        key=entry["key"],
        engine=entry["engine"],
        os=entry["os"],
        arch=entry["arch"],
        limit=Limit(
            mode=entry["cpu_mode"],
            cpus=entry["cpus_requested"],
            period_us=entry.get("period_us") or PERIOD_US,
        ),
        cpus_visible=entry["cpus_visible"],
        diagnose=entry.get("diagnose"),
    )


def host() -> dict[str, Any]:
    """The machine that drives the run."""
    return {
        "label": socket.gethostname(),
        "os": host_os(),
        "arch": host_arch(),
        "kernel": platform.release(),
        "cpu_model": cpu_model(),
        "cpus": psutil.cpu_count(),
        "physical_cores": psutil.cpu_count(logical=False),
        "memory_bytes": psutil.virtual_memory().total,
        "python": platform.python_version(),
    }
