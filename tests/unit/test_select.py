"""Selection by glob and by shard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import select
from lab.agent.scenario import discover
from lab.claims import joined_scenarios
from lab.errors import UsageError
from lab.plan import Cell, Limit, Target


def cell(scenario: str, case: str, target: str = "py313-linux-c2", estimate_s: float = 1.0) -> Cell:
    return Cell(target=target, scenario=scenario, case=case, values={}, deadline_s=60, estimate_s=estimate_s)


CELLS = (
    cell("ipc.round_trip", "pipe-64-same_cpu"),
    cell("ipc.round_trip", "queue-64-same_cpu"),
    cell("pool.api", "map-fork-2"),
    cell("pool.api", "map-fork-2", "py39-linux-c2"),
)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("ipc.*", 2),
        ("pool.api", 2),
        ("ipc.round_trip/pipe-*", 1),
        ("pool.api/map-fork-2", 2),
        ("*@py39-linux-c2", 1),
        ("pool.api/map-fork-2@py313-linux-c2", 1),
    ],
)
def test_a_glob_matches_a_scenarios_name_or_a_cells_id(pattern: str, count: int) -> None:
    assert len(select.matching_cells(CELLS, [pattern])) == count


def test_a_pattern_that_matches_nothing_is_an_error_even_beside_one_that_does() -> None:
    with pytest.raises(UsageError, match=r"matches 'nosuch'; the plan has: ipc.round_trip, pool.api"):
        select.matching_cells(CELLS, ["ipc.*", "nosuch"])


def test_a_target_that_does_not_exist_is_told_with_those_that_do() -> None:
    limit = Limit(mode="cpuset", cpus=2)
    targets = [
        Target(id="py39-linux-c2", key="3.9", engine="docker", os="linux", arch="x", limit=limit, cpus_visible=2)
    ]
    assert select.matching_targets(targets, ["py39-*"]) == tuple(targets)
    with pytest.raises(UsageError, match="there are: py39-linux-c2"):
        select.matching_targets(targets, ["py27-*"])


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
    shards = [select.shard(cells, index, count, groups) for index in range(1, count + 1)]
    assert sorted(found.id for part in shards for found in part) == sorted(found.id for found in cells)
    homes = {found.scenario: number for number, part in enumerate(shards) for found in part}
    assert all(homes[found.scenario] == number for number, part in enumerate(shards) for found in part)
    assert all(len({homes[name] for name in group if name in homes}) <= 1 for group in groups)
    check_balance(cells, shards, groups)


def check_balance(cells: list[Cell], shards: list[tuple[Cell, ...]], groups: list[set[str]]) -> None:
    whole = sum(found.estimate_s for found in cells)
    one = select.shard(cells, 1, 1, groups)
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


def test_what_a_claim_divides_by_each_other_is_on_one_machine() -> None:
    pairs = [names for names in joined_scenarios() if len(names) > 1]
    assert pairs
    plan = [cell(name, "case") for name in discover()]
    homes = {found.scenario: index for index in (1, 2, 3) for found in select.shard(plan, index, 3, pairs)}
    assert set(homes) == set(discover())
    assert all(len({homes[name] for name in names}) == 1 for names in pairs)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "/", "-1/3"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="I"):
        select.shard(CELLS, *select.parse_shard(text))
