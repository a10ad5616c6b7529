"""Scenarios x axes x targets -> cells. Pure: it asks no engine and no interpreter, and can be printed."""

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
WINDOWS_DEADLINE_S = 180.0  # a pool whose every task has a process of its own starts sixteen of them a batch
QUOTA_CELL_S = 4.0  # three windows of ten periods of 100 ms, and what goes before them


def target_id(key: str, system: str, limit: Limit, *, native: bool) -> str:
    """The label of a target: ``py313-linux-c2``, ``py313t-linux-native-c2``."""
    return f"{python_tag(key)}-{system}{'-native' if native else ''}-{limit.label}"


def diagnostic_twin(targets: Sequence[Target], without: Diagnosis) -> Target:
    """The largest container with a cpuset, of the newest Python, without what is to be diagnosed.

    Raises:
        UsageError: there is no such container.
    """
    pinned = [target for target in targets if target.limit.mode == "cpuset"]
    if not pinned:
        raise UsageError(
            f"--diagnose {without} needs a container with pinned CPUs: start an engine, and give --cpus a plain number"
        )
    twin = max(pinned, key=lambda target: (target.limit.cpus, key_order(target.key)))
    return replace(twin, id=f"{twin.id}-no{without}", diagnose=without)


def cells(scenarios: Iterable[Scenario], targets: Sequence[Target], profile: Profile) -> tuple[Cell, ...]:
    """Every cell of the plan, target by target, in the order of the scenarios' names."""
    listed = list(scenarios)
    # Targets that differ in nothing of this have the same cases.
    known: dict[tuple[int, Narrowing | None, str], list[Cell]] = {}
    found: list[Cell] = []
    for target in targets:
        narrowing = narrowing_of(target, targets)
        kind = (target.cpus_visible, narrowing, target.os)
        if kind not in known:
            known[kind] = [cell for scenario in listed for cell in _cells_of(scenario, target, profile, narrowing)]
        found += [cell if cell.target == target.id else replace(cell, target=target.id) for cell in known[kind]]
    return tuple(found)


def narrowing_of(target: Target, targets: Iterable[Target]) -> Narrowing | None:
    """The table of a profile that narrows what runs on this one of a run's targets, if any."""
    if target.limit.is_quota:
        return "quota"
    return "repeat" if any(repeats(target, other) for other in targets) else None


def narrowed(targets: Sequence[Target], profile: Profile) -> str:
    """One sentence about the targets of which a profile measures less because they repeat others, or nothing."""
    found = [target.id for target in targets if narrowing_of(target, targets) == "repeat"]
    if not found or not profile.narrows_repeats:
        return ""
    return (
        f"{profile.name} measures on {', '.join(found)} only what fewer CPUs, or no container, may change; all of it "
        f"with a larger profile, or alone with --target {found[0]}"
    )


def repeats(target: Target, other: Target) -> bool:
    """Whether the other target gives most of the answers that this one would give again.

    A target repeats one with more CPUs, of the same Python in the same kind of place; one that runs natively repeats a
    container of its system with as many CPUs, whatever the Python: versions are compared between containers.
    """
    if other.limit.is_quota or other.diagnose or (other.os, other.arch) != (target.os, target.arch):
        return False
    if target.engine == "none" and other.engine != "none":
        return other.limit.cpus >= target.limit.cpus
    return (other.engine, other.key) == (target.engine, target.key) and other.limit.cpus > target.limit.cpus


def _cells_of(scenario: Scenario, target: Target, profile: Profile, narrowing: Narrowing | None) -> Iterable[Cell]:
    quota = narrowing == "quota"
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
                companion=scenario.companion(values) if scenario.companion else None,
            )


def blocks(
    todo: Sequence[Cell], durations_s: Mapping[str, float], rng: random.Random, longest_s: float = 10.0
) -> list[list[Cell]]:
    """Cut a round's cells into blocks of at most ``longest_s`` on any target, and shuffle them.

    The cells of one case stay together over all targets, so that what is compared is measured close in time.
    Where a target's time, cut into as few blocks as it fills, does not fit, there are more blocks. A single cell that
    is longer has its target's part of a block to itself.
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
    found = _dealt(order, cases, durations_s, count)
    while not all(_fits(block, durations_s, longest_s) for block in found):
        count += 1
        found = _dealt(order, cases, durations_s, count)
    found = [block for block in found if block]
    rng.shuffle(found)
    for block in found:
        rng.shuffle(block)
    return found


def _dealt(
    order: Sequence[str], cases: Mapping[str, list[Cell]], durations_s: Mapping[str, float], count: int
) -> list[list[Cell]]:
    """The cases in so many blocks, each into the one with the least to do on the targets of the case."""
    loads: list[dict[str, float]] = [{} for _ in range(count)]
    found: list[list[Cell]] = [[] for _ in range(count)]
    for key in order:
        index = min(range(count), key=lambda i: max(loads[i].get(cell.target, 0.0) for cell in cases[key]))
        for cell in cases[key]:
            loads[index][cell.target] = loads[index].get(cell.target, 0.0) + _duration(cell, durations_s)
        found[index].extend(cases[key])
    return found


def _fits(block: Sequence[Cell], durations_s: Mapping[str, float], longest_s: float) -> bool:
    """Whether no target has more than ``longest_s`` to do in the block, but for a cell that is longer by itself."""
    by_target: dict[str, list[float]] = {}
    for cell in block:
        by_target.setdefault(cell.target, []).append(_duration(cell, durations_s))
    return all(len(own) == 1 or sum(own) <= longest_s for own in by_target.values())


def _duration(cell: Cell, durations_s: Mapping[str, float]) -> float:
    return durations_s.get(cell.id, cell.estimate_s)
