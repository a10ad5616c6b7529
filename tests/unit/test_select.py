"""Selection by glob and by shard."""

from __future__ import annotations

import pytest

from lab.agent.scenario import discover
from lab.claims import claimed_cells
from lab.errors import UsageError
from lab.model import Cell, Limit, Target
from lab.planning import selection
from lab.planning.cells import cells
from lab.planning.profiles import profile


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
    assert len(selection.matching_cells(CELLS, [pattern])) == count


def test_a_pattern_that_matches_nothing_is_an_error_even_beside_one_that_does() -> None:
    with pytest.raises(UsageError, match=r"matches 'nosuch'; the plan has: ipc.round_trip, pool.api"):
        selection.matching_cells(CELLS, ["ipc.*", "nosuch"])


def test_a_target_that_does_not_exist_is_refused_with_those_that_do() -> None:
    limit = Limit(mode="cpuset", cpus=2)
    targets = [
        Target(id="py39-linux-c2", key="3.9", engine="docker", os="linux", arch="x", limit=limit, cpus_visible=2)
    ]
    assert selection.matching_targets(targets, ["py39-*"]) == tuple(targets)
    with pytest.raises(UsageError, match="found: py39-linux-c2"):
        selection.matching_targets(targets, ["py27-*"])


def test_what_a_claim_divides_by_each_other_is_on_one_machine() -> None:
    limit = Limit(mode="cpuset", cpus=2)
    on = Target(id="t", key="3.13", engine="docker", os="linux", arch="x", limit=limit, cpus_visible=2)
    plan = cells(discover().values(), [on], profile("quick"))
    scenario_of = {found.id: found.scenario for found in plan}
    joined = [{scenario_of[name] for name in each.cells} for each in claimed_cells(plan, [on])]
    pairs = [names for names in joined if len(names) > 1]
    assert pairs
    homes = {found.scenario: index for index in (1, 2, 3) for found in selection.shard(plan, index, 3, pairs)}
    assert set(homes) == set(discover())
    assert all(len({homes[name] for name in names}) == 1 for names in pairs)


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "/", "-1/3"])
def test_an_invalid_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="I"):
        selection.shard(CELLS, *selection.parse_shard(text))


def test_more_shards_than_cells_are_empty_whatever_their_number() -> None:
    assert selection.shard(CELLS, 1, 10**11) == selection.shard(CELLS, 1, len(CELLS))
    assert selection.shard(CELLS, 10**11, 10**11) == ()
