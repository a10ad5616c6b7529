"""Lay out the cells of a plan from scenarios, axis values and targets. Pure: no engine and no interpreter is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from msgspec.structs import replace

from lab.agent.scenario import Scenario
from lab.errors import UsageError
from lab.model import Cell, Diagnosis, Limit, Target
from lab.planning.profiles import Narrowing, Profile
from lab.targets.interpreters import key_order, python_tag

DEADLINE_S = 60.0
QUOTA_DEADLINE_S = 300.0
WINDOWS_DEADLINE_S = 180.0  # pools with a new process per task start sixteen processes per batch
QUOTA_CELL_S = 4.0  # three windows of ten periods of 100 ms, and the start and warm-up before them
QUOTA_FACTOR = 3.5  # times the usual estimate is added: an operation of a large part of a second fits no window


def target_id(key: str, system: str, limit: Limit, *, native: bool) -> str:
    """A target's id: ``py313-linux-c2``, ``py313t-linux-native-c2``. ``key`` is 3.13 or 3.13t, ``system`` its OS."""
    return f"{python_tag(key)}-{system}{'-native' if native else ''}-{limit.label}"


def diagnostic_target(targets: Sequence[Target], without: Diagnosis) -> Target:
    """A copy of the largest pinned container of the newest Python that runs without a feature, to measure its cost.

    Raises:
        UsageError: no target is a container with pinned CPUs.
    """
    pinned = [target for target in targets if target.limit.mode == "cpuset"]
    if not pinned:
        raise UsageError(
            f"--diagnose {without} needs a container with pinned CPUs, and this plan has none; "
            "start an engine, and give --cpus a plain number"
        )
    baseline = max(pinned, key=lambda target: (target.limit.cpus, key_order(target.key)))
    return replace(baseline, id=f"{baseline.id}-no{without}", diagnose=without)


def cells(scenarios: Iterable[Scenario], targets: Sequence[Target], profile: Profile) -> tuple[Cell, ...]:
    """Every cell of the plan, target by target, in the order of ``scenarios``."""
    listed = list(scenarios)
    # Targets with the same CPU count, narrowing, system and kind of limit have the same cases, which are expanded once.
    known: dict[tuple[int, Narrowing | None, str, bool], list[Cell]] = {}
    found: list[Cell] = []
    for target in targets:
        narrowing = target_narrowing(target, targets)
        kind = (target.cpus_visible, narrowing, target.os, target.limit.is_quota)
        if kind not in known:
            known[kind] = [cell for scenario in listed for cell in _target_cells(scenario, target, profile, narrowing)]
        found += [cell if cell.target == target.id else replace(cell, target=target.id) for cell in known[kind]]
    return tuple(found)


def target_narrowing(target: Target, targets: Iterable[Target]) -> Narrowing | None:
    """The profile table that restricts what is measured on a target; None where nothing restricts it.

    A quota as found does not: it is all that this process has.
    """
    if target.limit.is_quota and not target.limit.as_found:
        return "quota"
    return "repeat" if any(is_repeat_of(target, other) for other in targets) else None


def narrowing_sentence(targets: Sequence[Target], profile: Profile) -> str:
    """One sentence that names the targets on which a profile measures less; empty where there are none."""
    found = [target.id for target in targets if target_narrowing(target, targets) == "repeat"]
    if not found or not profile.narrows_repeats:
        return ""
    return (
        f"{profile.name} measures on {', '.join(found)} only what fewer CPUs, or the lack of a container, may change; "
        f"for all of it choose a larger profile, or this target alone with --target {found[0]}"
    )


def is_repeat_of(target: Target, other: Target) -> bool:
    """Whether most results of a target can be expected to repeat those of the other one.

    A target repeats one that has more CPUs, the same Python and the same engine. A native target also repeats every
    container of its system with at least as many CPUs, of any Python: versions are compared between containers.
    """
    if other.limit.is_quota or other.diagnose or (other.os, other.arch) != (target.os, target.arch):
        return False
    if target.engine == "none" and other.engine != "none":
        return other.limit.cpus >= target.limit.cpus
    return (other.engine, other.key) == (target.engine, target.key) and other.limit.cpus > target.limit.cpus


def _target_cells(scenario: Scenario, target: Target, profile: Profile, narrowing: Narrowing | None) -> Iterable[Cell]:
    quota = target.limit.is_quota
    choice = profile.choice(scenario, target.cpus_visible, narrowing, target.os)
    if choice is None:
        return
    for case, values in scenario.cases(choice.values, target.cpus_visible).items():
        if choice.only is None or any(fnmatchcase(case, pattern) for pattern in choice.only):
            yield Cell(
                target=target.id,
                scenario=scenario.name,
                case=case,
                values=values,
                deadline_s=QUOTA_DEADLINE_S if quota else WINDOWS_DEADLINE_S if target.os == "windows" else DEADLINE_S,
                estimate_s=QUOTA_CELL_S + QUOTA_FACTOR * scenario.estimate_s if quota else scenario.estimate_s,
                sidecar=scenario.sidecar(values) if scenario.sidecar else None,
            )
