"""Make the runners of a plan, one per engine and one per engine for baseline targets, and describe them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lab.model import Manifest, Target, TargetRecord
from lab.planning.survey import Matrix
from lab.targets import RUNNERS, Equipment, Runner
from lab.targets.stage import PACKAGE, agent_hash
from lab.text import plural

if TYPE_CHECKING:
    from lab.planning.plan import Planned


def runners_for(run_id: str, planned: Planned, say: Callable[[str], None]) -> Mapping[str, Runner]:
    """``Target.runner`` -> its runner. Obtains images, and removes what an interrupted run of this id has left.

    Raises:
        NothingToRunOn: an image cannot be obtained.
    """
    runners: dict[str, Runner] = {}
    for name in dict.fromkeys(target.runner for target in planned.targets):
        mine = [target for target in planned.targets if target.runner == name]
        runners[name] = RUNNERS[mine[0].engine](_equipment(run_id, mine, planned.matrix, say))
    leftovers = sum(runner.remove_leftovers(run_id) for runner in runners.values())
    if leftovers:
        found = plural(leftovers, "container or control group", "containers or control groups")
        say(f"removed {found} that an interrupted run had left")
    return runners


def _equipment(run_id: str, targets: Sequence[Target], matrix: Matrix, say: Callable[[str], None]) -> Equipment:
    """What a runner needs for these targets, which have one engine and are all or none baseline targets."""
    baseline, images, is_baseline = matrix.baseline, matrix.images, targets[0].is_baseline
    return Equipment(
        run_id=run_id,
        keys=tuple(dict.fromkeys(target.key for target in targets)),
        package=baseline.package if is_baseline and baseline.package else PACKAGE,
        interpreters=matrix.interpreters,
        engine=matrix.engine,
        images=images.before(baseline.images, baseline.package) if is_baseline and images else images,
        say=say,
    )


def with_run_details(manifest: Manifest, planned: Planned, runners: Mapping[str, Runner]) -> Manifest:
    """The manifest with the image or executable of each target, and in a run with a baseline its agent's hash."""
    baseline = planned.matrix.baseline

    def with_own(record: TargetRecord, target: Target) -> TargetRecord:
        own = runners[target.runner].describe(target)
        found = replace(record, image=own.image, executable=own.executable)
        if not baseline:
            return found
        return replace(found, agent_hash=baseline.agent_hash if target.is_baseline else agent_hash())

    return replace(manifest, targets=tuple(map(with_own, manifest.targets, planned.targets)))
