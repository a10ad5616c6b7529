"""State, sync and model: which cases their axes give, and what a list says of them."""

from __future__ import annotations

import json

import pytest

from lab.agent.scenario import discover, load, scenario
from lab.cli import cli
from lab.model import Limit, Target
from lab.planning.cells import cells
from lab.planning.profiles import profile
from lab.report.readme import generated


def test_only_what_holds_many_items_has_a_batch() -> None:
    found = load("state.manager").cases({"placement": ["same_cpu"]}, 2)
    assert [case for case in found if "batch" in case] == [
        "dict-get_batch-same_cpu",
        "dict-set_batch-same_cpu",
        "list-get_batch-same_cpu",
        "list-set_batch-same_cpu",
    ]


def test_a_value_goes_without_saying_where_increments_are_lost() -> None:
    assert list(load("state.lost_updates").cases({"workers": [2]}, 2)) == [
        "no_lock-2",
        "get_lock-2",
        "array-no_lock-2",
        "array-get_lock-2",
    ]


def test_sides_are_one_alone_two_handed_over_and_several_contended() -> None:
    found = load("sync.primitives").cases({"primitive": ["lock"], "executor": ["threads"]}, 1)
    assert list(found) == [
        "lock-uncontended-threads",
        "lock-handed_over-threads-same_cpu",
        "lock-handed_over-threads-cross_cpu",
        "lock-handed_over-threads-free",
        "lock-contended-threads-2-same_cpu",
        "lock-contended-threads-2-cross_cpu",
        "lock-contended-threads-2-free",
    ]
    assert found["lock-uncontended-threads"]["workers"] == 1
    assert found["lock-handed_over-threads-free"]["workers"] == 2


def test_serial_work_is_one_case_whatever_the_workers() -> None:
    found = load("model.compare").cases({"work": ["io"]}, 2)
    assert list(found)[:3] == ["io-serial-1", "io-threads-1", "io-threads-2"]
    assert len(found) == 1 + 4 * len([1, 2, 3, 4, 8])


def test_only_the_private_network_needs_a_second_container() -> None:
    target = Target(
        id="py313-linux-c2", key="3.13", engine="docker", os="linux", arch="x86_64",
        limit=Limit(mode="cpuset", cpus=2), cpus_visible=2,
    )  # fmt: skip
    found = cells(discover().values(), [target], profile("full"))
    assert {cell.sidecar for cell in found} == {None, "manager_server"}
    assert all(("private_network" in cell.case) == (cell.sidecar is not None) for cell in found)


@pytest.mark.parametrize("name", ["smoke", "quick"])
def test_a_quota_s_long_windows_are_left_to_the_pools(name: str) -> None:
    half = Target(
        id="py313-linux-q0.5", key="3.13", engine="docker", os="linux", arch="x86_64",
        limit=Limit(mode="quota", cpus=0.5), cpus_visible=2,
    )  # fmt: skip
    found = cells(discover().values(), [half], profile(name))
    assert not {cell.scenario.partition(".")[0] for cell in found} & {"state", "sync", "model"}


def test_where_a_scenario_cannot_run_follows_from_its_axes_and_its_own_words() -> None:
    axes = {"start_method": ("fork", "spawn"), "placement": ("same_cpu", "free")}
    found = scenario(family="t", question="?", axes=axes, view="", source="", unsupported="PyPy")(lambda _case: None)
    assert found.unsupported == "PyPy; fork: on Windows; same_cpu: on macOS (no affinity)"


def test_a_list_shows_all_that_a_reader_chooses_by(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["list", "--json"], standalone_mode=False)
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["scenarios"]}
    assert set(rows) == set(discover())
    assert set(rows["model.compare"]) >= {"family", "question", "article", "axes", "requires", "unsupported"}
    assert "3.14" in rows["model.compare"]["unsupported"]
    cli.main(["list"], standalone_mode=False)
    text = capsys.readouterr().out
    for row in rows.values():
        assert row["question"] in text
        assert (row["article"] or generated.NOT_IN_TUTORIAL) in text
        assert row["unsupported"] in text
    assert text.count("    needs: ") == len(rows)


def test_the_table_of_the_readme_says_what_the_list_says() -> None:
    rows = {line.split("`")[1]: line for line in generated.scenarios_table().splitlines() if line.startswith("| `")}
    assert list(rows) == list(discover())
    for name, found in discover().items():
        assert (found.article or generated.NOT_IN_TUTORIAL) in rows[name]
        assert (found.unsupported or generated.NOWHERE) in rows[name]
