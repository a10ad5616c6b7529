"""Manifests for tests: what a test does not say of one is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lab.model import TABLES_VERSION, Manifest

TARGET = {
    "key": "3.13", "build": "gil", "engine": "docker", "os": "linux", "arch": "x86_64", "cpu_mode": "cpuset",
    "cpus_requested": 1.0, "cpus_visible": 1,
}  # fmt: skip
CELL = {"id": "", "values": {}, "deadline_s": 60.0, "estimate_s": 1.0}
PART = {"run_id": "part", "created": None, "finished": None, "profile": None, "seed": None, "command": None}


def plain(**fields: Any) -> dict[str, Any]:
    """The JSON of a manifest with these fields; its targets, cells and parts need not say everything."""
    found = {
        "schema_version": TABLES_VERSION, "run_id": "r", "host": {"label": "one"}, "targets": [], "cells": [], **fields
    }  # fmt: skip
    defaults: Mapping[str, Mapping[str, object]] = {"targets": TARGET, "cells": CELL, "merged_from": PART}
    return found | {
        name: [{**default, **entry} for entry in found[name]] for name, default in defaults.items() if name in found
    }


def manifest(**fields: Any) -> Manifest:
    """A manifest with these fields."""
    return Manifest.from_plain(plain(**fields))
