"""Which targets of a run are held against each other, and one ratio a scenario: on data whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.comparisons.comparison import contrast
from lab.comparisons.machines import machine_pairs, ratios_within
from lab.comparisons.pairing import Pair
from lab.comparisons.sides import Run, Side
from lab.comparisons.within import change_pairs, comparisons, paired
from lab.errors import UsageError
from lab.model import Rates
from lab.stats.tables.target_ratios import scenario_ratios
from lab.tables import csv_files, schema
from tests.manifests import manifest


def entry(name: str, python: str, mode: str = "cpuset", cpus: float = 2.0, **more: Any) -> dict[str, Any]:
    native = mode == "affinity"
    return {
        "id": name, "key": ".".join(python.split(".")[:2]), "engine": "none" if native else "docker",
        "cpu_mode": mode, "cpus_requested": cpus, "period_us": 100_000 if mode == "quota" else None,
        "facts": {"python": python, "os": "linux"}, **more,
    }  # fmt: skip


def samples(target: str, factors: dict[str, float], *, seed: int = 0, **columns: Any) -> pd.DataFrame:
    """Eight rounds of every case, in which all cases of a round drift together."""
    rng, together = np.random.default_rng(seed), np.random.default_rng(7).normal(0, 0.2, 8)
    rows = [
        {
            "run_id": "r", "target": target, "scenario": "ipc.round_trip", "case": case, "operation": "trip",
            "metric": "wall_time", "unit": "ns", "cpu_mode": "cpuset", "status": "ok", "warmup": 0, "loops": 9,
            "round": number, "value": factor * float(np.exp(together[number] + rng.normal(0, 0.003))), **columns,
        }
        for case, factor in factors.items()
        for number in range(8)
    ]  # fmt: skip
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def run_of(entries: list[dict[str, Any]], **more: Any) -> Run:
    rows = pd.concat([samples(item["id"], {"a": 1.0}) for item in entries], ignore_index=True)
    return Run(path=Path(), manifest=manifest(targets=entries, **more), given=rows)


def found(entries: list[dict[str, Any]], **more: Any) -> dict[str, list[str]]:
    """Name of each comparison -> its pairs."""
    return {kind.name: [pair.label for pair in pairs] for kind, pairs in paired(run_of(entries, **more))}


def test_the_targets_of_a_run_are_paired_by_what_they_differ_in_alone() -> None:
    entries = [
        entry("py39-c2", "3.9.18"),
        entry("py313-c2", "3.13.0"),
        entry("py313-c1", "3.13.0", cpus=1.0),
        entry("py312-c2", "3.12.1"),
        entry("py313-q0.5", "3.13.0", mode="quota", cpus=0.5),
        entry("py313t-c2", "3.13.0", build="free-threaded"),
        entry("py313-native-c2", "3.13.0", mode="affinity"),
    ]
    assert found(entries) == {
        "containers-beside-native": ["py313-native-c2..py313-c2"],
        "versions": ["py39-c2..py312-c2", "py312-c2..py313-c2"],
        "free-threaded-beside-gil": ["py313-c2..py313t-c2"],
        "quota-beside-cpuset": ["py313-c1..py313-q0.5"],
    }


def test_targets_of_two_machines_or_that_never_answered_make_no_pair() -> None:
    merged = [{"host": {"label": name}, "targets": {"x": target}} for name, target in (("one", "a"), ("two", "b"))]
    assert found([entry("a", "3.12.1"), entry("b", "3.13.0")], merged_from=merged) == {}
    assert found([entry("a", "3.12.1"), entry("b", "3.13.0")]) == {"versions": ["a..b"]}
    assert found([entry("a", "3.12.1"), entry("b", "3.13.0", facts=None)]) == {}


BASE: dict[str, Any] = {"python": "3.13.0"}


@pytest.mark.parametrize(
    ("was", "now", "same"),
    [
        ({}, {}, True),
        ({}, {"python": "3.12.1"}, False),
        ({}, {"cpus": 1.0}, False),
        ({}, {"engine": "podman"}, False),
        ({"diagnose": "seccomp"}, {}, False),
        ({"diagnose": "seccomp"}, {"diagnose": "seccomp"}, True),
        ({"mode": "quota"}, {}, False),
        ({"mode": "quota"}, {"mode": "quota"}, True),
        ({"mode": "quota"}, {"mode": "quota", "period_us": 50_000}, False),
        ({"facts": {"python": "3.13.0", "os": "linux", "wine": True}}, {}, False),
        ({"facts": {"python": "3.13.0", "os": "windows"}}, {}, False),
        ({}, {"before": True}, False),
    ],
)
def test_the_state_before_a_change_is_held_against_what_is_equal_otherwise_and_nothing_else(
    was: dict[str, Any], now: dict[str, Any], *, same: bool
) -> None:
    """Else a difference of two versions would be shown as that of the change."""
    entries = [entry("now", **{**BASE, **now}), entry("was", before=True, **{**BASE, **was})]
    assert found(entries).get("before-and-after", []) == (["was..now"] if same else [])


def test_a_state_before_a_change_belongs_to_no_other_comparison() -> None:
    old: dict[str, Any] = {"before": True, "python": "3.12.1"}
    entries = [
        entry("a", "3.12.1"),
        entry("b", "3.13.0"),
        entry("a-before", **old),
        entry("d", "3.14.0", diagnose="seccomp"),
    ]
    assert found(entries) == {"before-and-after": ["a-before..a"], "versions": ["a..b"]}


def test_a_change_is_compared_in_its_order_and_within_one_run() -> None:
    run = run_of([entry("a", "3.13.0"), entry("a-before", "3.13.0", before=True)])
    plain, other = run_of([entry("a", "3.13.0")]), run_of([entry("a", "3.13.0")], run_id="other")
    before, after = Side(run=run, target=None, state="before"), Side(run=run, target=None, state="after")
    assert [pair.label for pair in change_pairs(before, after)] == ["a-before..a"]
    for base, new in ((after, before), (before, before), (before, Side(run=other, target=None, state="after"))):
        with pytest.raises(UsageError, match="the order says what is NEW"):
            change_pairs(base, new)
    with pytest.raises(UsageError, match="r has no state before a change"):
        change_pairs(Side(run=plain, target=None, state="before"), Side(run=plain, target=None, state="after"))


NATIVE: dict[str, Any] = {"python": "3.13.0", "mode": "affinity"}


@pytest.mark.parametrize(
    ("native", "container", "same"),
    [
        ({}, {}, True),
        ({"engine": ""}, {}, True),
        ({}, {"mode": "affinity", "engine": "docker"}, True),
        ({}, {"python": "3.12.1"}, False),
        ({}, {"python": "3.13.1"}, False),
        ({}, {"cpus": 1.0}, False),
        ({}, {"build": "free-threaded"}, False),
        ({}, {"mode": "quota"}, False),
        ({"mode": "quota", "engine": "none"}, {"mode": "quota"}, True),
        ({"mode": "quota", "engine": "none", "period_us": 50_000}, {"mode": "quota"}, False),
        ({"facts": {"python": "3.13.0", "os": "windows"}}, {}, False),
        ({"engine": "docker"}, {}, False),
    ],
)
def test_native_and_container_are_of_one_interpreter_under_one_limit(
    native: dict[str, Any], container: dict[str, Any], *, same: bool
) -> None:
    entries = [entry("c", **{**BASE, **container}), entry("n", **{**NATIVE, **native})]
    assert found(entries).get("containers-beside-native", []) == (["n..c"] if same else [])


@pytest.mark.parametrize(
    ("new", "names"),
    [
        ({"python": "3.14.0"}, ["versions"]),
        ({"python": "3.13.10"}, ["versions"]),
        ({"python": "3.14.0", "build": "free-threaded"}, []),
        ({"python": "3.14.0", "cpus": 1.0}, []),
        ({"python": "3.14.0", "mode": "quota"}, []),
        ({"build": "free-threaded"}, ["free-threaded-beside-gil"]),
        ({"build": "free-threaded", "python": "3.13.2"}, ["free-threaded-beside-gil"]),
        ({"build": "free-threaded", "cpus": 1.0}, []),
        ({"build": "debug"}, []),
        ({"mode": "quota"}, ["quota-beside-cpuset"]),
        ({"mode": "quota", "cpus": 1.5}, ["quota-beside-cpuset"]),
        ({"mode": "quota", "cpus": 1.0}, []),
        ({"mode": "quota", "cpus": 2.5}, []),
        ({"mode": "quota", "python": "3.12.0"}, []),
        ({"mode": "quota", "build": "free-threaded"}, []),
        ({"mode": "quota", "engine": "none"}, []),
        ({"mode": "none"}, []),
    ],
)
def test_two_targets_are_a_pair_of_the_one_kind_in_which_they_differ(new: dict[str, Any], names: list[str]) -> None:
    entries = [entry("new", **{**BASE, **new}), entry("base", "3.13.9")]
    if new.get("python", "3.13").startswith("3.13") and "versions" not in names:
        entries[1]["facts"] = {"python": "3.13.0", "os": "linux"}
    assert found(entries) == {name: ["base..new"] for name in names}


def test_a_version_is_that_which_the_interpreter_said_else_that_which_was_asked_for() -> None:
    entries = [entry(name, python, facts={"os": "linux"}) for name, python in (("b", "3.10"), ("a", "3.9"))]
    assert found(entries) == {"versions": ["a..b"]}
    entries = [entry("a", "3.12", facts={"python": "3.9.1"}), entry("b", "3.9", facts={"python": "3.12.0rc1"})]
    assert found(entries) == {"versions": ["a..b"]}


def test_every_pair_is_compared_over_its_rows() -> None:
    (compared,) = comparisons(run_of([entry("a", "3.12.1"), entry("b", "3.13.0"), entry("c", "3.14.0")])).values()
    assert [pair.label for pair in compared.pairs] == ["a..b", "b..c"]
    assert compared.rows[["base_target", "new_target", "verdict"]].to_numpy().tolist() == [
        ["a", "b", "same"],
        ["b", "c", "same"],
    ]


def test_the_ratio_of_a_scenario_is_the_geometric_mean_of_its_cells() -> None:
    row = scenario_ratios(samples("a", {"x": 100, "y": 9}), samples("b", {"x": 200, "y": 9}, seed=1)).iloc[0]
    assert np.exp(row["log_ratio"]) == pytest.approx(2**0.5, rel=0.01)
    assert row["error"] < 0.005, "what drifts between rounds is in no ratio"
    assert (row["rounds"], row["case"]) == (8, "mean of 2")


def test_a_cell_that_lacks_a_round_or_runs_anywhere_is_no_part_of_it() -> None:
    base, new = samples("a", {"x": 1, "y": 1}), samples("b", {"x": 1, "y": 5}, seed=1)
    lacking = new[~((new["case"] == "y") & (new["round"] == 3))]
    assert np.exp(scenario_ratios(base, lacking).iloc[0]["log_ratio"]) == pytest.approx(1.0, rel=0.01)
    free = [frame.assign(placement=frame["case"].map({"x": "same_cpu", "y": "free"})) for frame in (base, new)]
    assert scenario_ratios(*free)["case"].tolist() == ["mean of 1"]


def test_nothing_gives_no_scenario() -> None:
    none = csv_files.conform(pd.DataFrame(), schema.SAMPLES)
    assert scenario_ratios(none, none).empty


def test_of_two_machines_ratios_are_taken_within_each_alone() -> None:
    facts = {"python": "3.13.1", "os": "windows"}
    entries = [entry("c2", "3.13.0"), entry("w2", "3.13.1", mode="affinity", facts=facts)]
    origins = [{"host": {"label": name}, "targets": {"x": target}} for name, target in (("one", "c2"), ("two", "w2"))]
    rows = pd.concat([samples("c2", {"a": 1, "b": 2}), samples("w2", {"a": 50, "b": 350}, seed=1)], ignore_index=True)
    run = Run(path=Path(), manifest=manifest(targets=entries, merged_from=origins), given=rows)
    table = ratios_within(machine_pairs(run))
    assert table[["case", "reference"]].to_numpy().tolist() == [["b", "a"]]
    assert table.iloc[0]["base_ratio"] == pytest.approx(2, rel=0.01)
    assert table.iloc[0]["new_ratio"] == pytest.approx(7, rel=0.01)
    assert comparisons(run) == {}
    assert table.iloc[0][["base_target", "new_target", "scenario", "operation"]].tolist() == [
        "c2", "w2", "ipc.round_trip", "trip",
    ]  # fmt: skip
    assert table.iloc[0][["base_rounds", "new_rounds"]].tolist() == [8, 8]
    assert table.iloc[0]["base_ci_low"] < table.iloc[0]["base_ratio"] < table.iloc[0]["base_ci_high"]
    wine = [entries[0], {**entries[1], "facts": {**facts, "wine": True}}]
    assert machine_pairs(Run(path=Path(), manifest=manifest(targets=wine, merged_from=origins))) == []


def test_two_runs_show_the_floor_of_sessions_apart_which_decides_no_verdict() -> None:
    """Their rounds were not interleaved: null pairs of separate sessions lie farther from 1 than those of one."""
    rates = Rates(floor=0.05, apart_floor=0.25)
    both = [entry("a", "3.13.0"), entry("b", "3.13.0")]
    steady = {"value": [100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 101.0]}
    rows = pd.concat([samples("a", {"x": 1.0}).assign(**steady), samples("b", {"x": 1.0}).assign(**steady)])
    rows.loc[rows["target"] == "b", "value"] *= 1.2
    one = Run(path=Path(), manifest=manifest(targets=both), given=rows)
    later = Run(path=Path(), manifest=manifest(run_id="later", targets=both), given=rows.assign(run_id="later"))
    verdicts = {}
    for new in (one, later):
        pair = Pair(base=one, new=new, base_target="a", new_target="b")
        compared = contrast([pair], base="a", new="b", rates=rates)
        verdicts[new.id] = (compared.rows["verdict"].tolist(), compared.floor, compared.threshold)
        assert compared.floor_line.startswith("noise floor of this machine: 5.0%, of sessions apart 25.0%")
    assert verdicts == {"r": (["slower"], 0.05, 0.02), "later": (["slower"], 0.25, 0.02)}
    older = Rates(floor=0.05)  # of a selfcheck that did not measure sessions apart
    assert older.applicable_floor(interleaved=False) == 0.05


WINDOWS: dict[str, Any] = {"python": "3.13.9", "os": "windows"}


@pytest.mark.parametrize(
    ("container", "native", "same"),
    [
        ({}, {}, True),
        ({"engine": "none"}, {}, False),
        ({"mode": "quota"}, {}, False),
        ({"facts": WINDOWS}, {}, False),
        ({}, {"engine": "docker"}, False),
        ({}, {"facts": {**WINDOWS, "os": "linux"}}, False),
        ({}, {"facts": {**WINDOWS, "python": "3.12.9"}}, False),
        ({}, {"build": "free-threaded"}, False),
        ({}, {"cpus": 4.0}, False),
    ],
)
def test_a_container_and_windows_of_one_version_and_as_many_cpus_are_a_pair_of_machines(
    container: dict[str, Any], native: dict[str, Any], *, same: bool
) -> None:
    entries = [
        entry("c2", **{**BASE, **container}),
        entry("w2", **{"python": "3.13.9", "mode": "affinity", "facts": WINDOWS, **native}),
    ]
    origins = [{"host": {"label": name}, "targets": {"x": target}} for name, target in (("one", "c2"), ("two", "w2"))]
    pairs = machine_pairs(Run(path=Path(), manifest=manifest(targets=entries, merged_from=origins)))
    assert [pair.label for pair in pairs] == (["c2..w2"] if same else [])
    assert machine_pairs(Run(path=Path(), manifest=manifest(targets=entries, merged_from=()))) == []
    assert machine_pairs(Run(path=Path(), manifest=manifest(targets=entries))) == []


def test_of_two_machines_only_what_both_timed_by_one_start_method_is_compared() -> None:
    """The reference is the first case by name of each operation; ``default`` is another method on each system."""
    both = {"b": 2.0, "c": 6.0, "a": 1.0}
    rows = [samples(target, both, start_method="spawn") for target in ("x", "y")]
    rows += [samples(target, {"0": 9.0}, start_method="default") for target in ("x", "y")]
    rows += [samples(target, {"0-cpu": 9.0}, metric="cpu_time") for target in ("x", "y")]
    rows += [samples(target, {"0-failed": 9.0}, status="failed") for target in ("x", "y")]
    rows += [samples("x", {"0-alone": 9.0})]
    rows += [samples(target, {"d": 3.0, "e": 12.0}, operation="other") for target in ("x", "y")]
    run = Run(path=Path(), manifest=manifest(), given=pd.concat(rows, ignore_index=True))
    table = ratios_within([Pair(base=run, new=run, base_target="x", new_target="y")])
    assert table[["operation", "case", "reference"]].to_numpy().tolist() == [
        ["other", "e", "d"], ["trip", "b", "a"], ["trip", "c", "a"],
    ]  # fmt: skip
    assert table["base_ratio"].tolist() == pytest.approx([4, 2, 6], rel=0.01)


def test_of_two_machines_a_case_without_a_common_round_has_no_ratio() -> None:
    apart = samples("x", {"a": 1.0, "b": 2.0})
    apart["round"] = apart["round"] + 100 * (apart["case"] == "b")
    run = Run(path=Path(), manifest=manifest(), given=pd.concat([apart, samples("y", {"a": 1.0, "b": 2.0})]))
    row = ratios_within([Pair(base=run, new=run, base_target="x", new_target="y")]).iloc[0]
    assert pd.isna(row["base_ratio"])
    assert row["new_ratio"] == pytest.approx(2, rel=0.01)
