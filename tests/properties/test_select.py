"""What holds of shards whatever the plan."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lab.model import Cell
from lab.planning import selection


def cell(scenario: str, case: str, target: str = "py313-linux-c2", estimate_s: float = 1.0) -> Cell:
    return Cell(target=target, scenario=scenario, case=case, values={}, deadline_s=60, estimate_s=estimate_s)


@settings(deadline=None)  # no test asserts on times
@given(
    durations=st.lists(st.tuples(st.sampled_from("abcdefgh"), st.floats(0.1, 10)), min_size=1, max_size=40),
    joined=st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3), max_size=4),
    count=st.integers(1, 9),
)
def test_shards_are_the_plan_disjoint_and_balanced_and_part_nothing_that_is_compared(
    durations: list[tuple[str, float]], joined: list[set[str]], count: int
) -> None:
    cells = [
        cell(f"ipc.{name}", f"case{number}", target, duration)
        for number, (name, duration) in enumerate(durations)
        for target in ("a", "b")
    ]
    groups = [{f"ipc.{name}" for name in names} for names in joined]
    shards = [selection.shard(cells, index, count, groups) for index in range(1, count + 1)]
    assert sorted(found.id for part in shards for found in part) == sorted(found.id for found in cells)
    homes = {found.scenario: number for number, part in enumerate(shards) for found in part}
    assert all(homes[found.scenario] == number for number, part in enumerate(shards) for found in part)
    assert all(len({homes[name] for name in group if name in homes}) <= 1 for group in groups)
    check_balance(cells, shards, groups)


def check_balance(cells: list[Cell], shards: list[tuple[Cell, ...]], groups: list[set[str]]) -> None:
    whole = sum(found.estimate_s for found in cells)
    one = selection.shard(cells, 1, 1, groups)
    assert list(one) == cells
    names = {found.scenario for found in cells}
    largest = max(
        sum(found.estimate_s for found in cells if found.scenario in reachable(name, groups)) for name in names
    )
    assert all(sum(found.estimate_s for found in part) <= whole / len(shards) + largest + 1e-6 for part in shards)


def reachable(name: str, groups: list[set[str]]) -> set[str]:
    found = {name}
    for _ in groups:
        found = found.union(*(group for group in groups if group & found))
    return found
