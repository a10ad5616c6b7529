"""Which targets of a run are held against each other, and one ratio a scenario: on data whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab import schema, tables
from lab.comparisons.comparison import contrast
from lab.comparisons.machines import machine_pairs, ratios_within
from lab.comparisons.pairing import Pair
from lab.comparisons.rates import Rates
from lab.comparisons.sides import Run
from lab.comparisons.within import comparisons, paired
from lab.stats.scenario_ratios import scenario_ratios


def entry(name: str, python: str, mode: str = "cpuset", cpus: float = 2.0, **more: Any) -> dict[str, Any]:
    native = mode == "affinity"
    return {
        "id": name, "key": python, "build": "gil", "engine": "none" if native else "docker", "os": "linux",
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
    return tables.conform(pd.DataFrame(rows), schema.SAMPLES)


def run_of(entries: list[dict[str, Any]], **manifest: Any) -> Run:
    rows = pd.concat([samples(item["id"], {"a": 1.0}) for item in entries], ignore_index=True)
    manifest = {"run_id": "r", "host": {"label": "one"}, "targets": entries, **manifest}
    return Run(path=Path(), manifest=manifest, given=rows)


def found(entries: list[dict[str, Any]], **manifest: Any) -> dict[str, list[str]]:
    """Name of each comparison -> its pairs."""
    return {kind.name: [pair.label for pair in pairs] for kind, pairs in paired(run_of(entries, **manifest))}


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
    none = tables.conform(pd.DataFrame(), schema.SAMPLES)
    assert scenario_ratios(none, none).empty


def test_of_two_machines_ratios_are_taken_within_each_alone() -> None:
    facts = {"python": "3.13.1", "os": "windows"}
    entries = [entry("c2", "3.13.0"), entry("w2", "3.13.1", mode="affinity", facts=facts)]
    origins = [{"host": {"label": name}, "targets": {"x": target}} for name, target in (("one", "c2"), ("two", "w2"))]
    rows = pd.concat([samples("c2", {"a": 1, "b": 2}), samples("w2", {"a": 50, "b": 350}, seed=1)], ignore_index=True)
    run = Run(path=Path(), manifest={"run_id": "r", "targets": entries, "merged_from": origins}, given=rows)
    table = ratios_within(machine_pairs(run))
    assert table[["case", "reference"]].to_numpy().tolist() == [["b", "a"]]
    assert table.iloc[0]["base_ratio"] == pytest.approx(2, rel=0.01)
    assert table.iloc[0]["new_ratio"] == pytest.approx(7, rel=0.01)
    assert comparisons(run) == {}
    wine = [entries[0], {**entries[1], "facts": {**facts, "wine": True}}]
    assert machine_pairs(Run(path=Path(), manifest={"run_id": "r", "targets": wine, "merged_from": origins})) == []


def test_two_runs_are_held_to_the_floor_of_sessions_apart() -> None:
    """Their rounds were not interleaved: null pairs of separate sessions lie farther from 1 than those of one."""
    rates = Rates.of({"floor": 0.05, "apart_floor": 0.25, "finished": "", "false_alarms": None, "found_changes": ()})
    both = [entry("a", "3.13.0"), entry("b", "3.13.0")]
    steady = {"value": [100.0, 101.0, 99.0, 100.0, 102.0, 98.0, 100.0, 101.0]}
    rows = pd.concat([samples("a", {"x": 1.0}).assign(**steady), samples("b", {"x": 1.0}).assign(**steady)])
    rows.loc[rows["target"] == "b", "value"] *= 1.2
    one = Run(path=Path(), manifest={"run_id": "r", "targets": both}, given=rows)
    later = Run(path=Path(), manifest={"run_id": "later", "targets": both}, given=rows.assign(run_id="later"))
    verdicts = {}
    for new in (one, later):
        pair = Pair(base=one, new=new, base_target="a", new_target="b")
        compared = contrast([pair], base="a", new="b", rates=rates)
        verdicts[new.id] = (compared.rows["verdict"].tolist(), compared.floor, compared.threshold)
        assert compared.floor_line.startswith("A/A floor of this machine: 5.0%, of sessions apart 25.0%")
        assert compared.floor_line.endswith("the floor is the threshold")
    assert verdicts == {"r": (["slower"], 0.05, 0.05), "later": (["same"], 0.25, 0.25)}
    older = Rates.of({"floor": 0.05, "finished": "", "false_alarms": None, "found_changes": ()})
    assert older is not None
    assert older.floor_of(interleaved=False) == 0.05
