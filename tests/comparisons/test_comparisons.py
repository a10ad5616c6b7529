"""Which sides make a pair, what stands before its numbers, and by which rates and floor it is held."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.comparisons.comparison import Comparison, check_metrics, contrast
from lab.comparisons.noise import UNKNOWN, of_pairs, rates_line
from lab.comparisons.pairing import Pair, pairs, shared_differences
from lab.comparisons.sides import Run, Side, located, parse
from lab.errors import BadFiles, UsageError
from lab.model import Manifest, Rates
from lab.stats.quality.disturbances import Disturbance
from tests.compared import samples
from tests.manifests import manifest, plain

HOST: Mapping[str, Any] = {"label": "one", "cpu_model": "X", "cpus": 2, "os": "linux", "arch": "x86_64"}


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {"id": name, "facts": {"os": "linux", "python": "3.13.0"}, **more}


def run(factors: Mapping[str, float], *, cells: int = 1, frame: pd.DataFrame | None = None, **fields: Any) -> Run:
    """A run whose targets take so many times 100 ns, with a scatter of half a per cent."""
    wave = np.random.default_rng(0).normal(0, 0.005, (2, cells, 8))
    rows = [
        samples(100 * factor * np.exp(wave[number % 2]), target=target, run_id=fields.get("run_id", "r"))
        for number, (target, factor) in enumerate(factors.items())
    ]
    content = {"agent_hash": "a1", "host": HOST, "targets": [entry(name) for name in factors]}
    given = pd.concat(rows, ignore_index=True) if frame is None else frame
    return Run(path=Path(), manifest=manifest(**{**content, **fields}), given=given)


def side(of: Run, target: str | None = None) -> Side:
    return Side(run=of, target=target)


def pair(base: Run, new: Run | None = None, one: str = "a", other: str = "b") -> Pair:
    return Pair(base=base, new=new or base, base_target=one, new_target=other)


def compared(*found: Pair, **options: Any) -> Comparison:
    return contrast(found, base="BASE", new="NEW", **options)


@pytest.mark.parametrize(
    ("base", "new", "labels"),
    [
        (None, None, ["a", "b"]),
        ("a", None, ["a"]),
        (None, "b", ["b"]),
        ("a", "c", ["a..c"]),
    ],
)
def test_the_targets_named_are_paired_else_those_that_both_runs_have(
    base: str | None, new: str | None, labels: list[str]
) -> None:
    one, other = run({"a": 1.0, "b": 1.0}), run({"b": 1.0, "a": 1.0, "c": 1.0}, run_id="later")
    assert [pair.label for pair in pairs(side(one, base), side(other, new))] == labels


def test_a_target_is_not_held_against_itself_but_another_of_the_run_is() -> None:
    one = run({"a": 1.0, "b": 1.0})
    assert [pair.label for pair in pairs(side(one, "a"), side(one, "b"))] == ["a..b"]
    for base, new in (("a", "a"), ("a", None), (None, None)):
        with pytest.raises(UsageError, match="the same; name two targets of the run as RUN@TARGET, out of a, b"):
            pairs(side(one, base), side(one, new))


@pytest.mark.parametrize(
    ("base", "new", "refused"),
    [
        ({}, {}, False),
        ({"agent_hash": "a1"}, {"agent_hash": "b2"}, True),
        ({"targets": [entry("a", agent_hash="b2")]}, {"agent_hash": "b2"}, False),
        ({}, {"targets": [entry("a", agent_hash="b2")]}, True),
    ],
)
def test_two_runs_by_two_agents_are_refused(base: dict[str, Any], new: dict[str, Any], *, refused: bool) -> None:
    sides = side(run({"a": 1.0}, **base), "a"), side(run({"a": 1.0}, **{"run_id": "later", **new}), "a")
    if refused:
        with pytest.raises(BadFiles, match=r"different agents \(a1 and b2\)"):
            pairs(*sides)
    else:
        assert pairs(*sides)


def test_two_agents_of_one_run_are_what_is_compared() -> None:
    both = run({"a": 1.0, "b": 1.0}, targets=[entry("a", agent_hash="b2"), entry("b")])
    assert pairs(side(both, "a"), side(both, "b"))


@pytest.mark.parametrize("name", ["label", "cpu_model", "cpus", "os", "arch"])
def test_two_machines_are_refused_by_whatever_makes_them_two(name: str) -> None:
    other = 7 if name == "cpus" else "other"
    later = run({"a": 1.0}, run_id="later", host={**HOST, name: other, "kernel": "6.9"})
    with pytest.raises(BadFiles, match=rf"two machines \({name}: {HOST[name]} and {other}\)"):
        pairs(side(run({"a": 1.0})), side(later))
    assert pairs(side(run({"a": 1.0})), side(run({"a": 1.0}, run_id="later", host={**HOST, "kernel": "6.9"})))


def test_a_run_that_records_no_machine_is_compared_with_none() -> None:
    """Not even its label is recorded, so nobody knows whether it is the same: it is refused when it is read."""
    for fields in ({"host": None}, {"merged_from": [{"host": None, "targets": {"x": "a"}}]}):
        with pytest.raises(BadFiles, match=r"host: Expected `object`, got `null`"):
            Manifest.decode(json.dumps(plain(targets=[entry("a")], **fields)), "manifest.json")


def test_a_machine_of_which_the_label_alone_is_recorded_is_another_by_it() -> None:
    label, origins = {"label": "two"}, [{"host": {"label": "two"}, "targets": {"x": "a"}}]
    unknown, merged = run({"a": 1.0}, run_id="later", host=label), run({"a": 1.0}, run_id="m", merged_from=origins)
    for other in (unknown, merged):
        with pytest.raises(BadFiles, match="label: one and two"):
            pairs(side(run({"a": 1.0})), side(other))
    assert pairs(side(unknown), side(merged))


def test_the_machine_and_the_selfcheck_of_a_target_are_those_of_the_run_it_was_merged_from() -> None:
    origins = [
        {"host": {**HOST, "label": name}, "targets": {"x": target}, "selfcheck": {"floor": floor}}
        for name, target, floor in (("one", "a", 0.03), ("two", "b", 0.04), ("two", "c", 0.01))
    ]
    merged = run(dict.fromkeys("abcd", 1.0), merged_from=origins, selfcheck={"floor": 0.5})
    with pytest.raises(BadFiles, match="label: one and two"):
        pairs(side(merged, "a"), side(merged, "b"))
    assert pairs(side(merged, "b"), side(merged, "c"))
    assert pairs(side(merged, "a"), side(merged, "d")), "what no origin names is of the run's own machine"
    floors = {name: of_pairs([pair(merged, one=name, other=name)]) for name in "abcd"}
    assert {name: rates and rates.floor for name, rates in floors.items()} == {
        "a": 0.03,
        "b": 0.04,
        "c": 0.01,
        "d": 0.5,
    }


@pytest.mark.parametrize(
    ("base", "new", "refused"),
    [(True, True, False), (False, True, True), (True, False, True), (False, False, False)],
)
def test_windows_and_windows_under_wine_are_no_pair(*, base: bool, new: bool, refused: bool) -> None:
    targets = [
        entry(name, os="windows", facts={"wine": wine} if wine else None) for name, wine in (("a", base), ("b", new))
    ]
    sides = [side(run({"a": 1.0, "b": 1.0}, targets=targets), name) for name in "ab"]
    if refused:
        with pytest.raises(BadFiles, match="Windows under Wine"):
            pairs(*sides)
    else:
        assert pairs(*sides)


@pytest.mark.parametrize("systems", [("linux", "windows"), ("windows", "linux")])
def test_windows_under_wine_may_be_held_against_linux_of_its_machine(systems: tuple[str, str]) -> None:
    targets = [
        entry(name, os=system, facts={"wine": True} if system == "windows" else {})
        for name, system in zip("ab", systems, strict=True)
    ]
    both = run({"a": 1.0, "b": 1.0}, targets=targets)
    assert pairs(side(both, "a"), side(both, "b"))


def test_rounds_are_interleaved_where_every_shared_cell_is_of_one_session() -> None:
    both = run({"a": 1.0, "b": 1.0}, cells=2)
    assert pair(both).interleaved
    assert not pair(both, run({"b": 1.0}, run_id="later")).interleaved
    rows = both.samples.copy()
    other = (rows["target"] == "b") & (rows["case"] == "c0001")
    rows.loc[other, "run_id"] = "yesterday"
    assert not pair(run({"a": 1.0, "b": 1.0}, frame=rows)).interleaved
    rows.loc[other, "case"] = "alone"
    assert pair(run({"a": 1.0, "b": 1.0}, frame=rows)).interleaved, "a cell of one side alone is in no ratio"


def test_both_sides_causes_are_named_and_the_cell_is_left_out_of_the_scenarios_ratio() -> None:
    plain = run({"a": 1.0, "b": 2.0}, cells=2)
    cells = [(target, "ipc.round_trip", "c0000") for target in ("a", "b", "elsewhere")]
    disturbed = dict.fromkeys(cells, Disturbance("steal", 0.4))
    both = Run(path=Path(), manifest=plain.manifest, given=plain.samples, given_disturbed=disturbed)
    ((cell, words),) = pair(both).disturbed.items()
    assert cell == ("ipc.round_trip", "c0000")
    assert [part.partition(",")[0] for part in words.split("; ") if part[:3] in ("bas", "new")] == ["base", "new"]
    found = compared(pair(both))
    assert found.rows.set_index("case")["verdict"].to_dict() == {"c0000": "inconclusive", "c0001": "slower"}
    assert found.overall["case"].tolist() == ["mean of 1"]
    assert compared(pair(plain)).overall["case"].tolist() == ["mean of 2"]


def test_a_run_without_conditions_has_nothing_that_was_disturbed(tmp_path: Path) -> None:
    alone = Run(path=tmp_path, manifest=manifest())
    assert not alone.disturbed
    assert alone.causes("a") == {}


def test_rows_are_named_by_their_pair_where_there_are_several() -> None:
    three = run({"a": 1.0, "b": 1.2, "c": 1.0})
    one = compared(pair(three))
    assert one.rows["id"].tolist() == ["ipc.round_trip/c0000:round_trip:wall_time"]
    two = compared(pair(three), pair(three, other="c"))
    assert two.rows[["id", "base_target", "new_target", "verdict"]].to_numpy().tolist() == [
        ["ipc.round_trip/c0000:round_trip:wall_time@a..b", "a", "b", "slower"],
        ["ipc.round_trip/c0000:round_trip:wall_time@a..c", "a", "c", "same"],
    ]
    assert two.counts() == {"slower": 1, "same": 1}
    assert two.overall["new_target"].tolist() == ["b", "c"]


def test_two_runs_have_no_ratio_of_a_scenario() -> None:
    found = compared(pair(run({"a": 1.0}), run({"b": 1.0}, run_id="later")))
    assert found.overall.empty
    assert found.rows["pairing"].tolist() == ["apart"]


def test_what_is_waited_for_is_compared_and_what_failed_whatever_its_metric() -> None:
    plain = run({"a": 1.0, "b": 1.0})
    cpu = plain.samples.assign(metric="cpu_time")
    failed = plain.samples.assign(case="failed", metric="cpu_time", status="failed", reason="killed", value=None)
    frame = pd.concat([plain.samples, cpu, failed], ignore_index=True)
    both = run({"a": 1.0, "b": 1.0}, frame=frame)
    usual = compared(pair(both)).rows
    assert dict(zip(usual["case"], usual["verdict"], strict=True)) == {"c0000": "same", "failed": "not measured"}
    assert "wall_time" in usual["metric"].tolist()
    named = compared(pair(both), metrics=["cpu_time"]).rows
    assert named.set_index("case").loc["c0000", "metric"] == "cpu_time"
    check_metrics([pair(both)], ["wall_time", "cpu_time"])
    with pytest.raises(UsageError, match="no sample has the metric 'colour'; name one of cpu_time, wall_time"):
        check_metrics([pair(both)], ["wall_time", "colour"])
    later = run({"b": 1.0}, run_id="later", frame=plain.samples.assign(metric="throughput"))
    check_metrics([pair(both, later)], ["throughput", "cpu_time"])


@pytest.mark.parametrize(
    ("base", "new", "told"),
    [
        (0, 0, []),
        (30, None, ["Slowed on purpose (--inject-slowdown): BASE by 30%."]),
        (0, 2.5, ["Slowed on purpose (--inject-slowdown): NEW by 2.5%."]),
        (30, 2.5, ["Slowed on purpose (--inject-slowdown): BASE by 30% and NEW by 2.5%."]),
    ],
)
def test_a_side_that_was_slowed_on_purpose_is_labelled(base: float, new: float | None, told: list[str]) -> None:
    one, other = run({"a": 1.0}, inject_slowdown_percent=base), run({"b": 1.0}, inject_slowdown_percent=new)
    assert compared(pair(one, other)).caveats == told


@pytest.mark.parametrize(
    ("base", "new", "younger"), [("2026-01-02", "2026-01-01", True), ("2026-01-01", "2026-01-01", False)]
)
def test_two_runs_are_marked_as_separate_and_a_base_that_is_younger(base: str, new: str, *, younger: bool) -> None:
    found = compared(pair(run({"a": 1.0}, created=base), run({"b": 1.0}, run_id="later", created=new)))
    starts = [line.partition(":")[0] for line in found.caveats]
    assert starts == (["BASE is younger than NEW"] if younger else []) + ["BASE and NEW are two runs, not interleaved"]


def test_other_build_classes_are_named_and_the_verdict_is_about_images() -> None:
    classes = [{"pgo": True, "lto": True}, {"pgo": False, "lto": True, "frame_pointers": True}]
    targets = [entry(name, facts={"build_class": each}) for name, each in zip("ab", classes, strict=True)]
    (line,) = compared(pair(run({"a": 1.0, "b": 1.0}, targets=targets))).caveats
    assert line.startswith("The build classes differ (frame_pointers, pgo): slower and faster are about the images")
    builds = [
        entry("a", facts={"build": "gil"}),
        entry("b", facts={"build": "free-threaded", "jit": {"enabled": True}}),
    ]
    (line,) = compared(pair(run({"a": 1.0, "b": 1.0}, targets=builds))).caveats
    assert line.startswith("The build classes differ (build, jit.enabled): ")
    versions = [entry("a"), entry("b", facts={"python": "3.14.0"})]
    assert compared(pair(run({"a": 1.0, "b": 1.0}, targets=versions))).caveats == []


def test_a_difference_is_stated_with_its_pair_where_not_all_have_it_and_minor_ones_come_last() -> None:
    targets = [entry("a"), entry("b", cpus_requested=2, executable="/x"), entry("c", cpus_requested=2)]
    early, late = (
        run(dict.fromkeys("abc", 1.0), targets=targets),
        run(dict.fromkeys("abc", 1.0), run_id="later", targets=targets, seed=1),
    )
    found = shared_differences([pair(early, late), pair(early, late, other="c")])
    assert [(label, difference.name) for label, difference in found] == [
        ("a..b", "executable"), ("", "cpus_requested"), ("", "seed"),
    ]  # fmt: skip
    named = compared(pair(early), pair(early, other="c")).differences
    assert [(label, difference.name) for label, difference in named] == [
        ("a..b", "executable"), ("", "cpus_requested"),
    ]  # fmt: skip


WORDS = (
    "noise floor of this machine: 5.0%, of sessions apart 25.0%; false alarms 1 of 335 null comparisons (upper 95% "
    "limit 1.4%); a slowdown of 2.5% found in 9 of the 20 cells that are precise enough (selfcheck of 2026-01-01)"
)
RATES: Mapping[str, Any] = {
    "floor": 0.05,
    "apart_floor": 0.25,
    "finished": "2026-01-01T10:00:00",
    "false_alarms": {"false_alarms": 1, "comparisons": 335, "upper_limit": 0.0141},
    "found_changes": [{"slowed_percent": 2.5, "precise_cells": 20, "found": 9}],
}


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (
            RATES,
            WORDS,
        ),
        ({"floor": 0.05}, "noise floor of this machine: 5.0%"),
        (
            {"floor": 0.05, "of a later lab": 1, "apart_floor": None, "false_alarms": None},
            "noise floor of this machine: 5.0%",
        ),
        (
            {"floor": 0.05, "found_changes": [{**RATES["found_changes"][0], "called_slower": 15, "cells": 34}]},
            "noise floor of this machine: 5.0%; a slowdown of 2.5% found in 15 of 34 cells",
        ),
        (None, UNKNOWN),
    ],
)
def test_the_rates_that_a_run_has_kept_in_words(kept: Mapping[str, Any] | None, words: str) -> None:
    assert rates_line(manifest(selfcheck=kept)) == words
    assert rates_line(manifest()) == UNKNOWN


def test_the_rates_are_those_of_new_else_of_base_and_of_none_where_a_pair_has_none() -> None:
    base, new = (run({"a": 1.0}, run_id=name, selfcheck={"floor": floor}) for name, floor in (("r", 0.07), ("s", 0.03)))
    without = run({"a": 1.0}, run_id="t")
    both = [pair(one, other, other="a") for one, other in ((base, new), (base, without))]
    assert [rates and rates.floor for rates in (of_pairs(both[:1]), of_pairs(both[1:]), of_pairs(both))] == [
        0.03,
        0.07,
        0.07,
    ]
    assert of_pairs([*both, pair(without, without, other="a")]) is None
    assert of_pairs([]) is None


def test_a_floor_is_shown_and_never_decides() -> None:
    both = run({"a": 1.0, "b": 1.04})
    none = compared(pair(both), threshold=0.02)
    assert (none.threshold, none.floor, none.floor_line, none.rows["verdict"].tolist()) == (
        0.02,
        None,
        UNKNOWN,
        ["slower"],
    )
    below = compared(pair(both), threshold=0.02, rates=Rates(floor=0.01))
    assert (below.threshold, below.floor, below.rows["verdict"].tolist()) == (0.02, 0.01, ["slower"])
    assert below.floor_line == "noise floor of this machine: 1.0%; the floor informs and decides no verdict"
    above = compared(pair(both), threshold=0.02, rates=Rates(floor=0.06))
    assert (above.threshold, above.floor, above.rows["verdict"].tolist()) == (0.02, 0.06, ["slower"])
    assert above.floor_line == below.floor_line.replace("1.0%", "6.0%")
    one_apart = [pair(both), pair(both, run({"b": 1.0}, run_id="later"))]
    assert compared(*one_apart, rates=Rates(floor=0.01, apart_floor=0.09)).floor == 0.09
    assert Rates(floor=0.05, apart_floor=0.01).applicable_floor(interleaved=False) == 0.05


@pytest.mark.parametrize(
    ("target", "state", "label"), [(None, None, "r"), ("a", None, "r@a"), (None, "before", "r@before")]
)
def test_a_side_is_called_by_its_run_and_what_stands_behind_it(
    target: str | None, state: str | None, label: str
) -> None:
    assert Side(run=run({"a": 1.0}), target=target, state=state).label == label


def test_a_run_is_found_by_its_folder_or_by_its_name_below_the_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert located("here") == Path("here")
    assert located("there") == Path("reports/runs/there")
    assert located("else/where") == Path("else/where")


def test_a_folder_may_have_an_at_in_its_name_and_what_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = plain(targets=[entry("a"), entry("before")])
    for name in ("run", "run@home"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    found = {text: parse(text) for text in ("run", "run@a", "run@after", "run@before", "run@home", "run@home@a")}
    assert {text: (each.run.path.name, each.target, each.state) for text, each in found.items()} == {
        "run": ("run", None, None),
        "run@a": ("run", "a", None),
        "run@after": ("run", None, "after"),
        "run@before": ("run", "before", None),
        "run@home": ("run@home", None, None),
        "run@home@a": ("run@home", "a", None),
    }
    for text in ("nothing", "nothing@a"):
        with pytest.raises(BadFiles, match="nothing is not a run folder"):
            parse(text)
    with pytest.raises(UsageError, match="run has no target 'b'; its targets are a, before"):
        parse("run@b")
    (tmp_path / "run" / "manifest.json").write_text(json.dumps({**content, "targets": []}), encoding="utf-8")
    with pytest.raises(UsageError, match="run has no target 'a'; its targets are none"):
        parse("run@a")
