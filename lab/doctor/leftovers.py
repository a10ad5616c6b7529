"""What killed runs left on the engine, where it takes CPU, memory and networks from what is measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab.doctor.finding import Finding, harms, ok, unknown
from lab.text import plural

if TYPE_CHECKING:
    from lab.targets.engine import Engine

CHECK = "left by dead runs"


def left_behind(engine: Engine | None) -> list[Finding]:
    """Containers and networks of the lab whose process has ended."""
    if engine is None:
        return [unknown(CHECK, "no engine answers")]
    from lab.targets.cleanup import leftovers

    found = leftovers(engine)
    states = [container.status for container in found.containers]
    return [judge(states, len(found.networks), found.runs)]


def judge(states: Sequence[str], networks: int, runs: Sequence[str]) -> Finding:
    """The finding for the states of the containers, the number of networks and the runs that left them."""
    if not states and not networks:
        return ok(CHECK, "nothing on the engine")
    running = sum(state in ("running", "paused", "restarting") for state in states)
    containers = f"{plural(len(states), 'container')}, {running} of them running,"
    seen = f"{containers} and {plural(networks, 'network')} of {', '.join(runs)}"
    return harms(CHECK, seen, "python -m lab clean")
