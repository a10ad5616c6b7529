"""The verdicts of the selfcheck, on data whose answer is known: they must be able to say no, and to say neither."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from msgspec.structs import replace

from lab.comparisons import noise as record
from lab.errors import BadFiles, UsageError
from lab.model import Host
from lab.stats.intervals import t_interval
from lab.validation.selfcheck import accuracy, equivalence, null_loop, precision, sections
from lab.validation.selfcheck.equivalence import ONE_CPU, lower_limit, paired_ratio, upper_limit
from lab.validation.selfcheck.operations import OPERATIONS, operations
from lab.validation.selfcheck.page import write_pages
from lab.validation.selfcheck.variants import pyperf_loops


def around(centre: float, scatter: float, count: int = 22) -> list[float]:
    """Logarithms whose mean and standard deviation are exactly these."""
    drawn = np.random.default_rng(1).normal(size=count)
    return list(math.log(centre) + scatter * (drawn - drawn.mean()) / drawn.std(ddof=1))


@pytest.mark.parametrize(
    ("centre", "scatter", "verdict"),
    [
        (1.00, 0.03, "equivalent"),
        (1.06, 0.03, "different"),
        (0.94, 0.03, "different"),
        (1.00, 0.20, "cannot tell"),
        (1.03, 0.03, "cannot tell"),
    ],
)
def test_equivalence_needs_the_whole_interval_within_the_zone(centre: float, scatter: float, verdict: str) -> None:
    assert paired_ratio(around(centre, scatter)).verdict(ONE_CPU) == verdict


def test_means_are_compared_where_a_median_would_be_that_of_one_level_or_the_other() -> None:
    def rows(operation: str) -> pd.DataFrame:
        return pd.DataFrame.from_records(
            {
                "operation": operation, "placement": "same_cpu", "pair": pair, "arm": arm, "reason": "",
                "value_ns": 80.0 if arm == "lab" else 45.0, "mean_ns": 60.0 + pair,
            }
            for pair in range(8) for arm in ("lab", "bare")
        )  # fmt: skip

    both = pd.concat([rows("Pool.apply, a task"), rows("pipe round trip")])
    ratios = accuracy.ratios(both).query("comparison == 'lab / bare'").set_index("operation")["ratio"]
    assert ratios["Pool.apply, a task"] == pytest.approx(1.0)
    assert ratios["pipe round trip"] == pytest.approx(80 / 45)


@pytest.mark.parametrize("logs", [[], [0.0], [0.0] * 4])
def test_four_pairs_or_fewer_prove_nothing(logs: list[float]) -> None:
    assert paired_ratio(logs).verdict(ONE_CPU) == "cannot tell"


def test_two_one_sided_tests_are_an_interval_of_90_percent() -> None:
    # Each end is the shift that Wilcoxon's test refuses at 5 % on one side, and no longer a little further in.
    logs = around(1.0, 0.03)
    ratio = paired_ratio(logs)
    for end, outwards in ((ratio.low, -1e-9), (ratio.high, 1e-9)):
        refused, kept = (
            scipy.stats.wilcoxon(np.asarray(logs) - math.log(end) - step, method="exact").pvalue / 2
            for step in (outwards, -outwards)
        )
        assert refused <= 0.05 < kept


def test_a_few_disturbed_pairs_hardly_move_the_ratio_or_its_interval() -> None:
    quiet = around(1.0, 0.01)
    disturbed = [*quiet[:20], 0.3, 0.3]
    assert paired_ratio(disturbed).verdict(ONE_CPU) == "equivalent"
    assert t_interval(disturbed, 0.9)[2] > math.log(ONE_CPU.high)


def test_limits_of_a_rate_are_those_of_clopper_and_pearson() -> None:
    # None of n: 1 - 0.05 ** (1 / n), the rule of three; all of n: 0.05 ** (1 / n).
    assert upper_limit(0, 299) == pytest.approx(1 - 0.05 ** (1 / 299))
    assert upper_limit(0, 299) < 0.01 < upper_limit(0, 298)
    assert upper_limit(1, 300) > 0.01
    assert lower_limit(50, 50) == pytest.approx(0.05 ** (1 / 50))
    assert (upper_limit(0, 0), lower_limit(0, 0)) == (1.0, 0.0)


def processes(values: dict[str, list[float]], *, wall_s: dict[str, float] | None = None) -> pd.DataFrame:
    """Rows as the accuracy part makes them, of one operation."""
    rows = [
        {
            "operation": "pipe round trip",
            "placement": "same_cpu",
            "pair": pair,
            "arm": arm,
            "value_ns": value,
            "wall_s": (wall_s or {}).get(arm, 1.0),
            "reason": "",
        }
        for arm, of_arm in values.items()
        for pair, value in enumerate(of_arm)
    ]
    return pd.DataFrame(rows)


def lab_to_bare(measured: pd.DataFrame) -> dict[str, Any]:
    found = accuracy.ratios(measured)
    return dict(found[found["comparison"] == "lab / bare"].iloc[0])


def test_drift_that_both_arms_share_does_not_widen_their_ratio() -> None:
    drift = [1000.0 * (1 + 0.1 * pair) for pair in range(22)]
    row = lab_to_bare(processes({"lab": [1.01 * value for value in drift], "bare": drift}))
    assert row["ratio"] == pytest.approx(1.01)
    assert row["verdict"] == "equivalent"


def test_a_biased_operation_is_called_different_by_the_narrow_zone_alone() -> None:
    bare = [math.exp(value) for value in around(1000.0, 0.02)]
    row = lab_to_bare(processes({"lab": [1.04 * value for value in bare], "bare": bare}))
    assert (row["verdict"], row["verdict_5_percent"]) == ("different", "equivalent")


def test_a_failing_operation_is_a_row_with_its_reason() -> None:
    measured = processes({"lab": [1.0] * 5, "bare": [1.0] * 5})
    measured.loc[measured["arm"] == "bare", "reason"] = "it died"
    measured.loc[measured["arm"] == "bare", "value_ns"] = math.nan
    row = lab_to_bare(measured)
    assert (row["verdict"], row["pairs"], row["failed"], row["reason"]) == ("cannot tell", 0, 5, "it died")


def test_an_operation_that_never_worked_is_a_row_too() -> None:
    never = pd.DataFrame([{"operation": "x", "placement": "same_cpu", "arm": "lab", "reason": "before the first pair"}])
    assert lab_to_bare(never)["verdict"] == "cannot tell"


def test_precision_is_variance_times_time_on_each_side() -> None:
    values = {"lab": [math.exp(v) for v in around(1, 0.02, 30)], "pyperf": [math.exp(v) for v in around(1, 0.01, 30)]}
    products = precision.products(processes(values, wall_s={"lab": 0.1, "pyperf": 0.8}))
    assert products.groupby("arm")["repeat"].nunique().to_dict() == {"lab": 10, "pyperf": 10}
    ratios = precision.ratios(products)
    # The same draws on both sides: (0.02 / 0.01)² x 0.1 / 0.8 in every repeat.
    assert list(ratios["ratio"]) == pytest.approx([0.5] * 10)
    assert precision.by_operation(products)["ratio"].iloc[0] == pytest.approx(0.5)


def test_each_series_of_the_labs_processes_has_a_variance_of_its_own() -> None:
    noise = {"lab": [math.exp(v) for v in around(1, 0.02, 30)], "pyperf": [math.exp(v) for v in around(1, 0.01, 30)]}
    first = processes(noise, wall_s={"lab": 0.1, "pyperf": 0.8}).assign(again=0)
    lab = first[first["arm"] == "lab"]
    # Dearer throughout, and with twice the scatter: pooled, the distance between the series would count as scatter.
    second = lab.assign(again=1, value_ns=4 * np.exp(2 * np.log(lab["value_ns"].astype(float))))
    ratios = precision.ratios(precision.products(pd.concat([first, second])))
    assert list(ratios["ratio"]) == pytest.approx([0.5 * 2] * 10)  # the geometric mean of 0.5 and 4 x 0.5


def test_the_goal_is_reached_by_the_upper_limit_not_by_the_mean() -> None:
    def verdict(logs: list[float]) -> str:
        rows = pd.DataFrame({"operation": "x", "repeat": range(len(logs)), "ratio": np.exp(logs)})
        return str(precision.judged(rows)["verdict"])

    assert verdict(around(0.4, 0.1, 10)) == "reached"
    assert verdict(around(0.4, 1.0, 10)) == "cannot tell"
    assert verdict(around(0.9, 0.1, 10)) == "missed"
    assert verdict([math.log(0.1)]) == "cannot tell"


def test_the_page_tells_what_rare_disturbances_make_of_the_precision_and_where_the_lab_is_the_dearer() -> None:
    ratios = {"one": 0.25, "two": 4.0, "three": 0.125}
    rows = [
        {"operation": name, "lab_scatter": 0.1, "pyperf_scatter": 0.1, "lab_wall_s": 1, "pyperf_wall_s": 1, "ratio": it}
        for name, it in ratios.items()
    ]
    section = sections.precision({"overall": {"ratio": None, "repeats": 1}, "rows": rows})
    assert "the geometric mean is 0.500" in section.sentences[1]
    assert section.sentences[1].endswith("for: two.")


def test_what_the_loop_adds_is_held_against_a_hundred_nanoseconds() -> None:
    verdicts_of = [
        null_loop.judged(added)["verdict"] for added in ([20.0, 21.0, 22.0], [150.0, 151.0, 152.0], [20.0, 180.0], [])
    ]
    assert verdicts_of == ["reached", "missed", "cannot tell", "cannot tell"]


def test_pyperf_gets_the_loops_that_its_own_calibration_would_find() -> None:
    by_name = {operation.name: operation for operation in OPERATIONS}
    assert pyperf_loops(by_name["pipe round trip"], 13_000) == 8192  # 4096 take 53 ms
    assert pyperf_loops(by_name["process start and join, spawn"], 45e6) == 4
    assert pyperf_loops(by_name["Pool.map, a task"], 2_000) % 100 == 0


def test_operations_are_enough_and_those_across_cpus_need_two() -> None:
    assert len(operations(1)) >= 12
    assert {operation.placement for operation in operations(1)} == {"same_cpu"}
    assert sum(operation.placement == "cross_cpu" for operation in operations(2)) == 3
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


def test_operations_are_chosen_by_patterns_and_one_that_matches_none_is_told() -> None:
    assert [operation.name for operation in operations(1, ("Pool.*", "Lock*"))] == [
        "Pool.apply, a task",
        "Pool.map, a task",
        "Lock acquire and release",
    ]
    with pytest.raises(UsageError, match="Value set"):
        operations(1, ("Pool.*", "*across CPUs"))


@pytest.mark.parametrize("centre", [1.0, 1.03, 2.0])
def test_pairs_stop_by_the_width_and_never_by_the_value(centre: float) -> None:
    # Half-width of 22 Gaussian pairs: about 1.7207 / sqrt(22) x scatter = 0.367 x scatter.
    assert equivalence.has_enough(around(centre, 0.025), "same_cpu")
    assert not equivalence.has_enough(around(centre, 0.04), "same_cpu")
    assert equivalence.has_enough(around(centre, 0.085), "cross_cpu")
    assert not equivalence.has_enough(around(centre, 0.135), "cross_cpu")


def test_what_always_fails_is_not_waited_for() -> None:
    assert equivalence.has_enough([], "same_cpu")
    assert equivalence.has_enough([0.0] * 4, "same_cpu")


def test_precision_goes_as_far_as_every_operation_did() -> None:
    values = {"lab": [math.exp(v) for v in around(1, 0.02, 40)], "pyperf": [math.exp(v) for v in around(1, 0.01, 40)]}
    long = processes(values)
    short = long[long["pair"] < 20].assign(operation="another")
    products = precision.products(pd.concat([long, short]))
    assert products.groupby("operation")["repeat"].nunique().to_dict() == {"another": 10, "pipe round trip": 10}


def content(*, quick: bool = False, finished: str | None = "2026-01-01T00:00:00+00:00") -> dict[str, Any]:
    """A selfcheck.json with rows of its own."""
    measured = processes({"lab": [1010.0, 1020.0] * 3, "bare": [1000.0, 1010.0] * 3, "pyperf": [1000.0] * 6})
    rows = [
        {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in accuracy.ratios(measured.assign(operation="<b>pipe</b>")).to_dict("records")
    ]
    part = {"rows": rows, "counts": {"same_cpu": {"equivalent": 1}}, "null_loop": null_loop.judged([20.0, 21.0])}
    floor = [
        {"placement": "same_cpu", "pairs": 300, "floor_log": 0.02, "widest_log": 0.05},
        {"placement": "cross_cpu", "pairs": 20, "floor_log": 0.08, "widest_log": 0.1},
    ]
    return {
        "kind": record.KIND,
        "schema_version": record.VERSION,
        "host": {"label": "here", "cpu_model": "a model", "os": "linux", "kernel": "6"},
        "python": {"version": "3.13.0"},
        "cpus": 2,
        "pyperf": "2",
        "created": "2026-01-01T00:00:00+00:00",
        "finished": finished,
        "quick": quick,
        "command": "",
        "load_before": None,
        "parts": {"accuracy": part},
        "floor": floor,
    }


def test_pages_escape_what_comes_from_data_and_need_no_other_file(tmp_path: Path) -> None:
    write_pages(tmp_path, content())
    page = (tmp_path / "selfcheck.html").read_text(encoding="utf-8")
    assert "<b>pipe" not in page
    assert "&lt;b&gt;pipe" in page
    assert "<svg" in page
    assert "src=" not in page
    assert "lab / bare" in (tmp_path / "selfcheck.md").read_text(encoding="utf-8")


def put(folder: Path, found: dict[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / record.FILE).write_text(json.dumps(found), encoding="utf-8")


def test_the_last_selfcheck_of_this_machine_that_decides_and_has_rates_is_found(tmp_path: Path) -> None:
    here = Host(label="here", cpu_model="a model", cpus=2, os="linux")
    put(tmp_path / "a", content())
    put(tmp_path / "b", content(quick=True, finished="2026-01-02T00:00:00+00:00"))
    put(tmp_path / "c", content(finished=None))
    put(tmp_path / "d", {**content(finished="2026-01-03T00:00:00+00:00"), "host": {"label": "elsewhere"}})
    put(tmp_path / "e", {"kind": "another"})
    put(tmp_path / "f", {**content(finished="2026-01-04T00:00:00+00:00"), "floor": []})  # only other parts of it
    found = record.last(here.machine, tmp_path)
    assert found is not None
    assert found.path.parent.name == "a"
    assert found.floor("same_cpu") == pytest.approx(math.expm1(0.02))
    assert found.floor() == pytest.approx(math.expm1(0.08))
    apart = [{"placement": "same_cpu", "floor_log": 0.2}, {"placement": "cross_cpu", "floor_log": 0.1}]
    again = record.Record(path=found.path, content={**found.content, "parts": {"alarms": {"apart_floor": apart}}})
    kept, kept_again = found.entry(), again.entry()
    assert kept is not None
    assert kept.apart_floor is None
    assert kept_again is not None
    assert kept_again.apart_floor == pytest.approx(math.expm1(0.2))
    assert record.last(replace(here, label="nowhere").machine, tmp_path) is None
    assert record.last(replace(here, cpu_model="another model").machine, tmp_path) is None


def test_a_foreign_file_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    put(tmp_path / "a", {"kind": "another"})
    with pytest.raises(BadFiles, match="python -m lab selfcheck"):
        record.read(tmp_path / "a")
