"""Lay out the cells of a plan from scenarios, axis values and targets. Pure: no engine and no interpreter is used."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
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
                estimate_s=QUOTA_CELL_S if quota else scenario.estimate_s,
                sidecar=scenario.sidecar(values) if scenario.sidecar else None,
            )


def blocks(
    todo: Sequence[Cell], durations_s: Mapping[str, float], rng: random.Random, longest_s: float = 10.0
) -> list[list[Cell]]:
    """Divide the cells of a round into blocks that take each target at most ``longest_s``, in random order.

    The cells of one case stay in one block on all targets, so that compared cells are measured close in time. The
    number of blocks starts at the least that the busiest target needs and grows until every block fits. A cell longer
    than ``longest_s`` is the only one of its target in its block.

    Args:
        todo: the cells.
        durations_s: cell id -> measured duration in seconds; other cells count with their estimate.
        rng: determines the order of blocks, and of cells in a block.
        longest_s: the limit for one target in one block.
    """
    cases: dict[str, list[Cell]] = {}
    for cell in todo:
        cases.setdefault(cell.case_key, []).append(cell)
    order = sorted(cases)
    rng.shuffle(order)
    order.sort(key=lambda key: -max(_duration(cell, durations_s) for cell in cases[key]))
    totals: dict[str, float] = {}
    for cell in todo:
        totals[cell.target] = totals.get(cell.target, 0.0) + _duration(cell, durations_s)
    count = max(1, int(-(-max(totals.values(), default=0.0) // longest_s)))
    found = _distributed(order, cases, durations_s, count)
    while not all(_fits(block, durations_s, longest_s) for block in found):
        count += 1
        found = _distributed(order, cases, durations_s, count)
    found = [block for block in found if block]
    rng.shuffle(found)
    for block in found:
        rng.shuffle(block)
    return found


def _distributed(
    order: Sequence[str], cases: Mapping[str, list[Cell]], durations_s: Mapping[str, float], count: int
) -> list[list[Cell]]:
    """Distribute the cases over ``count`` blocks, each into the block with the least load on the case's targets."""
    loads: list[dict[str, float]] = [{} for _ in range(count)]
    found: list[list[Cell]] = [[] for _ in range(count)]
    for key in order:
        index = min(range(count), key=lambda i: max(loads[i].get(cell.target, 0.0) for cell in cases[key]))
        for cell in cases[key]:
            loads[index][cell.target] = loads[index].get(cell.target, 0.0) + _duration(cell, durations_s)
        found[index].extend(cases[key])
    return found


def _fits(block: Sequence[Cell], durations_s: Mapping[str, float], longest_s: float) -> bool:
    """Whether every target of the block needs at most ``longest_s``, or has a single cell in it."""
    by_target: dict[str, list[float]] = {}
    for cell in block:
        by_target.setdefault(cell.target, []).append(_duration(cell, durations_s))
    return all(len(own) == 1 or sum(own) <= longest_s for own in by_target.values())


def _duration(cell: Cell, durations_s: Mapping[str, float]) -> float:
    return durations_s.get(cell.id, cell.estimate_s)
