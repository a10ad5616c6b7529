"""The shell steps of a workflow's job that a rehearsal on this machine carries out."""

from __future__ import annotations

from collections.abc import Container
from typing import Any


def shell_steps(workflow: dict[str, Any], job: str, left_out: Container[str]) -> list[dict[str, Any]]:
    """The steps with commands but for those ``left_out``, and those that compare another project's function."""
    found = [step for step in workflow["jobs"][job]["steps"] if "run" in step and step["name"] not in left_out]
    return [step for step in found if not _is_for_a_function(str(step.get("if", "")))]


def _is_for_a_function(condition: str) -> bool:
    return "inputs.workload" in condition and "!inputs.workload" not in condition
