"""What carries out the cells of a plan: a runner for each engine and side of a change, and what it says of itself."""

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
    """A runner for each engine that the plan needs, and one each for the state before a change.

    Images are obtained here, leftovers of a dead run removed.
    """
    runners: dict[str, Runner] = {}
    for name in dict.fromkeys(target.runner for target in planned.targets):
        mine = [target for target in planned.targets if target.runner == name]
        runners[name] = RUNNERS[mine[0].engine](_equipment(run_id, mine, planned.matrix, say))
    leftovers = sum(runner.remove_leftovers(run_id) for runner in runners.values())
    if leftovers:
        found = plural(leftovers, "container or control group", "containers or control groups")
        say(f"removed {found} that a dead run had left")
    return runners


def _equipment(run_id: str, targets: Sequence[Target], matrix: Matrix, say: Callable[[str], None]) -> Equipment:
    """For these targets, which are of one engine and all of one side of a change."""
    was, images, before = matrix.before, matrix.images, targets[0].before
    return Equipment(
        run_id=run_id,
        keys=tuple(dict.fromkeys(target.key for target in targets)),
        package=was.package if before and was.package else PACKAGE,
        interpreters=matrix.interpreters,
        engine=matrix.engine,
        images=images.before(was.images, was.package) if before and images else images,
        say=say,
    )


def described(manifest: Manifest, planned: Planned, runners: Mapping[str, Runner]) -> Manifest:
    """The manifest with what each target is run by, and by which agent where there are two."""
    was = planned.matrix.before

    def with_its_own(record: TargetRecord, target: Target) -> TargetRecord:
        own = runners[target.runner].describe(target)
        found = replace(record, image=own.image, executable=own.executable)
        return replace(found, agent_hash=was.agent if target.before else agent_hash()) if was else found

    return replace(manifest, targets=tuple(map(with_its_own, manifest.targets, planned.targets)))
