"""The manifest alone is enough to run a plan again, and names what a shard does not have."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from lab.errors import BadFiles
from lab.model import TABLES_VERSION, Cell, Host, Limit, Manifest, Target
from lab.planning.budget import Layout
from lab.planning.plan import Options, OtherShardCell, Planned
from lab.planning.profiles import profile
from lab.planning.survey import Matrix, Wanted
from lab.runs.manifest import first_manifest, host, new_manifest, plan_hash
from tests.fake_machines import engine
from tests.fake_runs import ONE, TWO, cells

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, 999, tzinfo=dt.UTC)


def planned(plan: tuple[Cell, ...], elsewhere: tuple[OtherShardCell, ...] = (), **matrix: Any) -> Planned:
    usual: dict[str, Any] = {"engine": None, "images": None, "interpreters": {}}
    found = Matrix(targets=(ONE, TWO), **{**usual, **matrix})
    smoke = profile("smoke")
    return Planned(
        profile=smoke, matrix=found, targets=(ONE, TWO), cells=plan, elsewhere=elsewhere,
        layout=Layout(rounds=1, processes={"unit": 2}, dropped={f"pool.api/left-out@{ONE.id}": "too long"}),
        budget_s=smoke.budget_s,
    )  # fmt: skip


def first(what: Planned, **options: Any) -> Manifest:
    """The first manifest of a plan as it is read from its file."""
    chosen = Options(
        **{"profile": "smoke", "wanted": Wanted(user_images={"3.13": "mine"}, registry="mirror/"), **options}
    )
    return read_again(first_manifest("id", chosen, what, NOW, machine=host(), selfcheck=None))


def of(*, targets: Iterable[Target] = (), plan: Iterable[Cell] = ()) -> Manifest:
    return read_again(new_manifest("id", NOW, host=host(), targets=targets, cells=plan, profile="smoke"))


def read_again(found: Manifest) -> Manifest:
    return Manifest.decode(found.encode(), "manifest.json")


def written(found: Manifest) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(found.encode())
    return content


@pytest.mark.parametrize(
    "target",
    [
        ONE,
        replace(ONE, engine="docker", limit=Limit(mode="cpuset", cpus=1)),
        replace(ONE, limit=Limit(mode="quota", cpus=0.5), cpus_visible=4),
        replace(ONE, limit=Limit(mode="quota", cpus=1.5, as_found=True)),
        replace(ONE, limit=Limit(mode="quota", cpus=0.5, period_us=10_000), diagnose="seccomp", is_baseline=True),
        replace(ONE, key="3.13t", os="windows", limit=Limit(mode="none", cpus=2)),
    ],
)
def test_a_target_comes_out_of_the_manifest_as_it_went_in(target: Target) -> None:
    (record,) = of(targets=[target]).targets
    assert record.target == target
    assert record.build == target.build
    assert record.period_us == (target.limit.period_us if target.limit.mode == "quota" else None)
    assert record.facts is None


def test_a_cell_comes_out_of_the_manifest_as_it_went_in() -> None:
    (cell,) = cells("a", sidecar="manager")
    found = of(plan=[cell])
    (record,) = found.cells
    assert record.cell == cell
    assert record.id == cell.id
    content = written(found)
    del content["cells"][0]["case"]
    with pytest.raises(BadFiles, match=r"at cells\[0\]: Object missing required field `case`"):
        Manifest.decode(json.dumps(content), "manifest.json")


def test_the_first_manifest_says_what_was_asked_for() -> None:
    plan = dataclasses.replace(planned(cells("a", on=(ONE, TWO))), budget_s=7.0)
    found = first(plan, questions=("ipc",), seed=5, slowdown_percent=2.0, command="lab run")
    assert (found.run_id, found.created, found.finished) == ("id", "2026-01-02T03:04:05+00:00", None)
    assert (found.seed, found.budget_s, found.inject_slowdown_percent) == (5, 7.0, 2.0)
    assert (found.command, found.profile, found.schema_version) == ("lab run", "smoke", TABLES_VERSION)
    content = written(found)
    assert content["options"] == {
        "images": "auto", "given": {"3.13": "mine"}, "registry": "mirror/", "before": [], "shard": None,
        "questions": ["ipc"],
    }  # fmt: skip
    smoke = profile("smoke")
    assert content["rounds"] == {"rounds": smoke.rounds, "max_rounds": smoke.max_rounds, "precision": smoke.precision}
    assert [record.target for record in found.targets] == [ONE, TWO]
    assert tuple(record.cell for record in found.cells) == cells("a", on=(ONE, TWO))
    assert (found.engine, found.elsewhere, found.notes) == (None, None, ())
    assert first(planned(cells("a"))).budget_s == smoke.budget_s


def test_what_the_budget_does_not_carry_is_in_the_manifest_with_its_reason() -> None:
    found = first(planned(cells("a", "left-out")))
    assert {record.case: record.missing for record in found.cells} == {"a": UNSET, "left-out": "too long"}
    assert found.processes == {"unit": 2}


def test_the_engine_is_described_with_its_address_and_without_its_connection() -> None:
    content = written(first(planned(cells("a"), engine=engine())))
    assert (content["engine"]["name"], content["engine"]["version"]) == ("docker", "27.0")
    assert content["engine"]["address"] == "tcp://there:2375"
    assert not {"client", "endpoint"} & set(content["engine"])


def test_a_shard_names_the_cells_of_the_others_and_their_targets_once() -> None:
    other = tuple(OtherShardCell(shard=2, cell=cell, target=TWO) for cell in cells("b", "c", on=(TWO,)))
    found = first(planned(cells("a"), other), shard=(1, 2))
    assert found.options.shard == (1, 2)
    assert found.elsewhere is not None
    assert [record.id for record in found.elsewhere.targets] == [TWO.id]
    assert [(record.id, record.shard) for record in found.elsewhere.cells] == [
        (f"pool.api/b@{TWO.id}", 2), (f"pool.api/c@{TWO.id}", 2),
    ]  # fmt: skip


def test_the_shards_of_one_plan_share_its_hash_and_no_other_plan_has_it() -> None:
    one, other = cells("a"), cells("b", on=(TWO,))
    whole = plan_hash("smoke", 0, planned((*one, *other)))
    first = plan_hash("smoke", 0, planned(one, (OtherShardCell(shard=2, cell=other[0], target=TWO),)))
    second = plan_hash("smoke", 0, planned(other, (OtherShardCell(shard=1, cell=one[0], target=ONE),)))
    assert whole == first == second
    assert len(whole) == 12
    changed = (replace(one[0], values={"workers": 2}), *other)
    others = [
        plan_hash("quick", 0, planned((*one, *other))),
        plan_hash("smoke", 1, planned((*one, *other))),
        plan_hash("smoke", 0, planned(one)),
        plan_hash("smoke", 0, planned(changed)),
    ]
    assert len({whole, *others}) == 5


def test_the_machine_that_drives_a_run_is_described() -> None:
    found = host()
    assert set(Host.__struct_fields__) == {
        "label", "os", "arch", "kernel", "cpu_model", "cpus", "physical_cores", "memory_bytes", "python",
    }  # fmt: skip
    assert all((found.label, found.os, found.arch, found.kernel, found.python))
    assert found.cpus is not None
    assert found.cpus >= 1
    assert found.memory_bytes is not None
    assert found.memory_bytes > 2**26
    assert of().host == found
