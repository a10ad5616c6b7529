"""What carries out the cells of a plan: a runner for each engine and side of a change, and what it says of itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lab.model import Target
from lab.planning.survey import Matrix
from lab.targets import Runner
from lab.targets.native import NativeRunner
from lab.targets.stage import PACKAGE, agent_hash
from lab.text import plural

if TYPE_CHECKING:
    from lab.planning.plan import Planned


def runners_for(manifest: dict[str, Any], planned: Planned, say: Callable[[str], None]) -> Mapping[str, Runner]:
    """A runner for each engine that the plan needs, and one each for the state before a change.

    Images are obtained here, leftovers of a dead run removed.
    """
    runners: dict[str, Runner] = {}
    for name in dict.fromkeys(target.runner for target in planned.targets):
        mine = [target for target in planned.targets if target.runner == name]
        runners[name] = _runner(manifest["run_id"], mine, planned.matrix, say)
    leftovers = sum(runner.remove_leftovers(manifest["run_id"]) for runner in runners.values())
    if leftovers:
        found = plural(leftovers, "container or control group", "containers or control groups")
        say(f"removed {found} that a dead run had left")
    return runners


def _runner(run_id: str, targets: Sequence[Target], matrix: Matrix, say: Callable[[str], None]) -> Runner:
    """What runs these targets, which are of one engine and all of one side of a change."""
    was, engine, images = matrix.before, matrix.engine, matrix.images
    if targets[0].engine == "none":
        package = was.package if targets[0].before and was.package else PACKAGE
        return NativeRunner(matrix.interpreters, package, run_id)
    assert engine is not None
    assert images is not None
    from lab.targets.docker import DockerRunner

    if targets[0].before:
        images = images.before(was.images, was.package)
    return DockerRunner(engine, images.obtain(tuple(dict.fromkeys(target.key for target in targets)), say), run_id)


def describe(manifest: dict[str, Any], planned: Planned, runners: Mapping[str, Runner]) -> None:
    """What a target is run by; the agent is told of each where there are two."""
    was = planned.matrix.before
    for entry, target in zip(manifest["targets"], planned.targets, strict=True):
        entry.update(runners[target.runner].describe(target))
        if was:
            entry["agent_hash"] = was.agent if target.before else agent_hash()
