"""The verdicts of the selfcheck on data whose answer is known, the files it writes, and files of older versions."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from msgspec import structs
from msgspec.structs import replace

from lab.agent.case import Case
from lab.comparisons import noise as record
from lab.errors import BadFiles, UsageError
from lab.model import Host
from lab.stats.intervals import t_interval
from lab.targets.request import BATCHES
from lab.validation.selfcheck import accuracy, equivalence, precision, results, sections
from lab.validation.selfcheck.alarms import FloorRow
from lab.validation.selfcheck.equivalence import ZONES, paired_ratio, rate_limits
from lab.validation.selfcheck.harnesses import Calibrated, Measured, pyperf_loops, run_script, untimed_loops
from lab.validation.selfcheck.operations import OPERATIONS, Operation, operations
from lab.validation.selfcheck.page import write_pages
from lab.validation.selfcheck.sections import precision_section

ONE_CPU = ZONES["same_cpu"]


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
        (1.00, 0.20, "inconclusive"),
        (1.03, 0.03, "inconclusive"),
    ],
)
def test_equivalence_needs_the_whole_interval_within_the_zone(centre: float, scatter: float, verdict: str) -> None:
    assert paired_ratio(around(centre, scatter)).verdict(ONE_CPU) == verdict


def test_means_are_compared_where_a_median_would_be_that_of_one_level_or_the_other() -> None:
    def rows(operation: str) -> pd.DataFrame:
        return pd.DataFrame.from_records(
            {
                "operation": operation, "placement": "same_cpu", "pair": pair, "harness": harness, "reason": "",
                "value_ns": 80.0 if harness == "lab" else 45.0, "mean_ns": 60.0 + pair,
            }
            for pair in range(8) for harness in ("lab", "bare")
        )  # fmt: skip

    both = pd.concat([rows("Pool.apply, per task"), rows("pipe round trip")])
    ratios = {row.operation: row.ratio for row in accuracy.comparisons(both) if row.comparison == "lab / bare"}
    assert ratios["Pool.apply, per task"] == pytest.approx(1.0)
    assert ratios["pipe round trip"] == pytest.approx(80 / 45)


@pytest.mark.parametrize("logs", [[], [0.0], [0.0] * 4])
def test_four_pairs_or_fewer_prove_nothing(logs: list[float]) -> None:
    assert paired_ratio(logs).verdict(ONE_CPU) == "inconclusive"


def test_two_one_sided_tests_are_an_interval_of_90_percent() -> None:
    # Each end is the shift that Wilcoxon's test rejects at 5% on one side, and no longer a little further in.
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
    assert t_interval(disturbed, 0.9)[2] > math.log(ONE_CPU[1])


def test_limits_of_a_rate_are_those_of_clopper_and_pearson() -> None:
    # None of n: 1 - 0.05 ** (1 / n), the rule of three; all of n: 0.05 ** (1 / n).
    assert rate_limits(0, 299) == pytest.approx((0.0, 1 - 0.05 ** (1 / 299)))
    assert rate_limits(0, 299)[1] < 0.01 < rate_limits(0, 298)[1]
    assert rate_limits(1, 300)[1] > 0.01
    assert rate_limits(50, 50) == pytest.approx((0.05 ** (1 / 50), 1.0))
    assert rate_limits(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(("events", "trials"), [(1, 300), (7, 40), (39, 40)])
def test_each_limit_of_a_rate_is_where_a_one_sided_test_rejects_at_5_percent(events: int, trials: int) -> None:
    low, high = rate_limits(events, trials)
    assert scipy.stats.binom.sf(events - 1, trials, low) == pytest.approx(0.05)
    assert scipy.stats.binom.cdf(events, trials, high) == pytest.approx(0.05)


def processes(values: dict[str, list[float]], *, wall_s: dict[str, float] | None = None) -> pd.DataFrame:
    """Rows as the accuracy part makes them, of one operation."""
    rows = [
        {
            "operation": "pipe round trip",
            "placement": "same_cpu",
            "pair": pair,
            "harness": harness,
            "series": 0,
            "value_ns": value,
            "wall_s": (wall_s or {}).get(harness, 1.0),
            "reason": "",
        }
        for harness, its_values in values.items()
        for pair, value in enumerate(its_values)
    ]
    return pd.DataFrame(rows)


def lab_to_bare(measured: pd.DataFrame) -> accuracy.Row:
    return next(row for row in accuracy.comparisons(measured) if row.comparison == "lab / bare")


def test_drift_that_both_harnesses_share_does_not_widen_their_ratio() -> None:
    drift = [1000.0 * (1 + 0.1 * pair) for pair in range(22)]
    row = lab_to_bare(processes({"lab": [1.01 * value for value in drift], "bare": drift}))
    assert row.ratio == pytest.approx(1.01)
    assert row.verdict == "equivalent"


def test_a_biased_operation_is_called_different_by_the_narrow_zone_alone() -> None:
    bare = [math.exp(value) for value in around(1000.0, 0.02)]
    row = lab_to_bare(processes({"lab": [1.04 * value for value in bare], "bare": bare}))
    assert (row.verdict, row.verdict_5_percent) == ("different", "equivalent")


def test_a_failing_operation_is_a_row_with_its_reason() -> None:
    measured = processes({"lab": [1.0] * 5, "bare": [1.0] * 5})
    measured.loc[measured["harness"] == "bare", "reason"] = "it died"
    measured.loc[measured["harness"] == "bare", "value_ns"] = math.nan
    row = lab_to_bare(measured)
    assert (row.verdict, row.pairs, row.failed, row.reason) == ("inconclusive", 0, 5, "it died")


def test_an_operation_that_never_worked_is_a_row_too() -> None:
    never = pd.DataFrame(
        [{"operation": "x", "placement": "same_cpu", "harness": "lab", "reason": "before the first pair"}]
    )
    assert lab_to_bare(never).verdict == "inconclusive"


def test_precision_is_variance_times_time_on_each_side() -> None:
    values = {"lab": [math.exp(v) for v in around(1, 0.02, 30)], "pyperf": [math.exp(v) for v in around(1, 0.01, 30)]}
    products = precision.products(processes(values, wall_s={"lab": 0.1, "pyperf": 0.8}))
    assert products.groupby("harness")["repeat"].nunique().to_dict() == {"lab": 10, "pyperf": 10}
    ratios = precision.ratios(products)
    # The same draws on both sides: (0.02 / 0.01)² x 0.1 / 0.8 in every repeat.
    assert list(ratios["ratio"]) == pytest.approx([0.5] * 10)
    assert precision.by_operation(products)[0].ratio == pytest.approx(0.5)


def test_each_series_of_the_labs_processes_has_a_variance_of_its_own() -> None:
    noise = {"lab": [math.exp(v) for v in around(1, 0.02, 30)], "pyperf": [math.exp(v) for v in around(1, 0.01, 30)]}
    first = processes(noise, wall_s={"lab": 0.1, "pyperf": 0.8})
    lab = first[first["harness"] == "lab"]
    # Slower throughout, and with twice the scatter: pooled, the distance between the series would count as scatter.
    second = lab.assign(series=1, value_ns=4 * np.exp(2 * np.log(lab["value_ns"].astype(float))))
    ratios = precision.ratios(precision.products(pd.concat([first, second])))
    assert list(ratios["ratio"]) == pytest.approx([0.5 * 2] * 10)  # the geometric mean of 0.5 and 4 x 0.5


def test_the_goal_is_reached_by_the_upper_limit_not_by_the_mean() -> None:
    def verdict(logs: list[float]) -> str:
        rows = pd.DataFrame({"operation": "x", "repeat": range(len(logs)), "ratio": np.exp(logs)})
        return precision.judge(rows).verdict

    assert verdict(around(0.4, 0.1, 10)) == "reached"
    assert verdict(around(0.4, 1.0, 10)) == "inconclusive"
    assert verdict(around(0.9, 0.1, 10)) == "missed"
    assert verdict([math.log(0.1)]) == "inconclusive"


def test_the_page_says_what_rare_disturbances_do_to_the_precision_and_where_the_lab_is_slower() -> None:
    ratios = {"one": 0.25, "two": 4.0, "three": 0.125}
    rows = [
        precision.Row(operation=name, lab_scatter=0.1, pyperf_scatter=0.1, lab_wall_s=1, pyperf_wall_s=1, ratio=ratio)
        for name, ratio in ratios.items()
    ]
    section = precision_section(precision.Precision(overall=precision.Overall(repeats=1), rows=tuple(rows)))
    assert "the geometric mean is 0.500" in section.note
    assert section.note.endswith("for: two.")


def test_the_overhead_of_the_loop_has_a_goal_of_a_hundred_nanoseconds() -> None:
    added: tuple[list[float], ...] = ([20.0, 21.0, 22.0], [150.0, 151.0, 152.0], [20.0, 180.0], [])
    assert [accuracy.judge_overhead(one).verdict for one in added] == [
        "reached",
        "missed",
        "inconclusive",
        "inconclusive",
    ]


def test_pyperf_gets_the_loops_that_its_own_calibration_would_find() -> None:
    by_name = {operation.name: operation for operation in OPERATIONS}
    assert pyperf_loops(by_name["pipe round trip"], 13_000) == 8192  # 4096 take 53 ms
    assert pyperf_loops(by_name["process start and join, spawn"], 45e6) == 4
    assert pyperf_loops(by_name["Pool.map, per task"], 2_000) % 100 == 0


@pytest.mark.parametrize("name", ["Pool.map, per task", "pipe round trip", "process start and join, forkserver"])
@pytest.mark.parametrize("pair", [0, 1, 7])
def test_the_bare_loop_runs_as_many_loops_untimed_before_each_batch_as_the_agent(name: str, pair: int) -> None:
    """Batches in a row would be timed at another age of a pool: its cost changes within its first tenth of a second."""
    operation = next(operation for operation in OPERATIONS if operation.name == name)
    loops, value_ns = (1, 9_000_000) if "start" in name else (2000, 1000)
    lines: list[dict[str, Any]] = []
    request = {"values": {"placement": "same_cpu"}, "seed": pair, "loops": {operation.measured: loops}}
    case = Case(request, {"round": 0, "batches": BATCHES, "own_cgroup": False}, lines.append)
    case.measure(
        operation.measured,
        lambda done: done * value_ns,
        step=operation.step,
        least_warm_up=operation.least_untimed,
        takes_turns=operation.bimodal,
    )
    case.close()
    agent = [line["spent_loops"] - line["loops"] for line in lines if line["kind"] == "sample" and not line["warmup"]]
    assert untimed_loops(operation, pair, Calibrated(loops, value_ns)) == agent
    assert len(set(agent)) == (BATCHES if operation.bimodal else 1)


@pytest.mark.skipif(sys.platform != "linux", reason="the bare loops fork and pin processes")
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_every_bare_loop_does_its_operation_and_times_each_batch(operation: Operation) -> None:
    cpus = sorted(os.sched_getaffinity(0))[: operation.cpus]
    settings = {"mine": cpus[:1], "theirs": cpus[-1:], "loops": operation.step, "untimed_loops": [operation.step, 0]}
    script = [f"{operation.script}.py"]
    text, wall_s = run_script(sys.executable, script, cpus, {**operation.settings, **settings, "imports": []})
    elapsed_ns = json.loads(text)["elapsed_ns"]
    assert len(elapsed_ns) == 2
    assert 0 < sum(elapsed_ns) < wall_s * 1e9


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="thresholds of glibc's allocator")
def test_large_payloads_are_compared_with_fresh_and_with_retained_memory() -> None:
    resource = pytest.importorskip("resource")
    loops, faults = 50, {}
    large = {operation.name: operation for operation in OPERATIONS if operation.settings.get("allocator")}
    for operation in large.values():
        assert operation.settings.items() <= vars(operation)["values"].items(), "the loop does what the lab's cell does"
        if operation.settings["payload_bytes"] == 2**20:
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt
            settings = {"mine": None, "theirs": None, "loops": loops, "untimed_loops": [0], "imports": []}
            run_script(sys.executable, [f"{operation.script}.py"], None, {**operation.settings, **settings})
            faults[operation.settings["allocator"]] = resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt - before
    assert len(large) == 4
    pages = 2**20 // resource.getpagesize()
    assert faults["fresh"] - faults["retained"] > loops * pages, (
        "each round trip faults more pages than one payload has"
    )


def test_operations_are_enough_and_those_across_cpus_need_two() -> None:
    assert len(operations(1)) >= 12
    mechanisms = {operation.settings.get("mechanism") for operation in operations(1)}
    assert {"queue", "simple_queue", "joinable_queue", "manager_queue"} <= mechanisms
    assert {operation.placement for operation in operations(1)} == {"same_cpu"}
    assert sum(operation.placement == "cross_cpu" for operation in operations(2)) == 3
    assert len({operation.name for operation in OPERATIONS}) == len(OPERATIONS)


def test_operations_are_chosen_by_patterns_and_one_that_matches_none_is_an_error() -> None:
    assert [operation.name for operation in operations(1, ("Pool.*", "Lock*"))] == [
        "Pool.apply, per task",
        "Pool.map, per task",
        "Lock acquire and release",
    ]
    with pytest.raises(UsageError, match="Value set"):
        operations(1, ("Pool.*", "*across CPUs"))


@pytest.mark.parametrize("centre", [1.0, 1.03, 2.0])
def test_pairs_stop_by_the_width_and_never_by_the_value(centre: float) -> None:
    # Half-width of 22 Gaussian pairs: about 1.7207 / sqrt(22) x scatter = 0.367 x scatter.
    assert equivalence.has_enough_pairs(around(centre, 0.025), "same_cpu")
    assert not equivalence.has_enough_pairs(around(centre, 0.04), "same_cpu")
    assert equivalence.has_enough_pairs(around(centre, 0.085), "cross_cpu")
    assert not equivalence.has_enough_pairs(around(centre, 0.135), "cross_cpu")


def test_an_operation_that_always_fails_gets_no_more_pairs() -> None:
    assert equivalence.has_enough_pairs([], "same_cpu")
    assert equivalence.has_enough_pairs([0.0] * 4, "same_cpu")


def test_precision_uses_the_pairs_that_every_operation_has() -> None:
    values = {"lab": [math.exp(v) for v in around(1, 0.02, 40)], "pyperf": [math.exp(v) for v in around(1, 0.01, 40)]}
    long = processes(values)
    short = long[long["pair"] < 20].assign(operation="another")
    products = precision.products(pd.concat([long, short]))
    assert products.groupby("operation")["repeat"].nunique().to_dict() == {"another": 10, "pipe round trip": 10}


def content(*, quick: bool = False, finished: str | None = "2026-01-01T00:00:00+00:00") -> results.Selfcheck:
    """A selfcheck with accuracy and a noise floor."""
    measured = processes({"lab": [1010.0, 1020.0] * 3, "bare": [1000.0, 1010.0] * 3, "pyperf": [1000.0] * 6})
    rows = accuracy.comparisons(measured.assign(operation="<b>pipe</b>"))
    floor = (
        FloorRow(placement="same_cpu", pairs=300, floor_log=0.02, widest_log=0.05),
        FloorRow(placement="cross_cpu", pairs=20, floor_log=0.08, widest_log=0.1),
    )
    return results.Selfcheck(
        lab_version="1",
        agent_hash="a",
        created="2026-01-01T00:00:00+00:00",
        finished=finished,
        quick=quick,
        seed=0,
        command="",
        host={"label": "here", "cpu_model": "a model", "os": "linux", "kernel": "6"},
        python=results.Python(key="3.13", version="3.13.0", executable="python"),
        pyperf="2",
        cpus=2,
        load_before=None,
        parts=results.Parts(
            accuracy=accuracy.Accuracy(
                rows=tuple(rows), counts=accuracy.counted(rows), overhead=accuracy.judge_overhead([20.0, 21.0])
            )
        ),
        floor=floor,
    )


def test_pages_escape_what_comes_from_data_and_need_no_other_file(tmp_path: Path) -> None:
    write_pages(tmp_path, content())
    page = (tmp_path / "selfcheck.html").read_text(encoding="utf-8")
    assert "<b>pipe" not in page
    assert "&lt;b&gt;pipe" in page
    assert "<svg" in page
    assert "src=" not in page
    assert "lab / bare" in (tmp_path / "selfcheck.md").read_text(encoding="utf-8")


def put(folder: Path, found: results.Selfcheck) -> None:
    folder.mkdir(parents=True)
    results.write(folder, found)


def put_foreign(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / record.FILE).write_text(json.dumps({"kind": "another"}), encoding="utf-8")


def test_the_last_selfcheck_of_this_machine_that_decides_and_has_rates_is_found(tmp_path: Path) -> None:
    here = Host(label="here", cpu_model="a model", cpus=2, os="linux")
    put(tmp_path / "a", content())
    put(tmp_path / "b", content(quick=True, finished="2026-01-02T00:00:00+00:00"))
    put(tmp_path / "c", content(finished=None))
    put(tmp_path / "d", replace(content(finished="2026-01-03T00:00:00+00:00"), host={"label": "elsewhere"}))
    put_foreign(tmp_path / "e")
    put(tmp_path / "f", replace(content(finished="2026-01-04T00:00:00+00:00"), floor=()))  # only other parts of it
    found = record.last(here.machine, tmp_path)
    assert found is not None
    assert found == record.read(tmp_path / "a").rates
    assert found.floor == pytest.approx(math.expm1(0.08)), "the largest of all placements"
    assert found.apart_floor is None
    text = json.loads((tmp_path / "a" / record.FILE).read_text(encoding="utf-8"))
    apart = [{"placement": "same_cpu", "floor_log": 0.2}, {"placement": "cross_cpu", "floor_log": 0.1}]
    (tmp_path / "again.json").write_text(json.dumps({**text, "parts": {"alarms": {"apart_floor": apart}}}))
    again = record.read(tmp_path / "again.json").rates
    assert again is not None
    assert again.apart_floor == pytest.approx(math.expm1(0.2))
    assert record.last(structs.replace(here, label="nowhere").machine, tmp_path) is None
    assert record.last(structs.replace(here, cpu_model="another model").machine, tmp_path) is None


def test_a_foreign_file_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    put_foreign(tmp_path / "a")
    put(tmp_path / "b", replace(content(), schema_version=99))
    (tmp_path / "empty.json").touch()
    (tmp_path / "no-parts.json").write_text(json.dumps({"kind": record.KIND, "schema_version": record.VERSION}))
    (tmp_path / "other-text.json").write_bytes(b"\xff")
    for name in ("a", "b", "c", "empty.json", "no-parts.json", "other-text.json"):
        with pytest.raises(BadFiles, match="python -m lab selfcheck"):
            record.read(tmp_path / name)


OLD = Path(__file__).parents[1] / "data" / "selfcheck"


def test_a_selfcheck_of_an_older_version_is_read_with_all_its_parts(tmp_path: Path) -> None:
    found = results.read(OLD)
    assert found.parts.accuracy is not None
    assert found.parts.precision is not None
    assert found.parts.loaded is not None
    assert found.parts.alarms is not None
    assert found.parts.accuracy.rows[0].verdict == "inconclusive"
    assert found.parts.accuracy.overhead.added_ns == pytest.approx(64.81475)
    assert found.parts.loaded.by_half.unloaded.named == 5
    assert found.parts.alarms.false_alarms.inconclusive == 4
    results.write(tmp_path, found)
    text = (OLD / record.FILE).read_text(encoding="utf-8")
    renamed = {'"cannot tell"': '"inconclusive"', "cannot_tell": "inconclusive", "beside_one": "intervals_without_1"}
    for old, new in renamed.items():
        assert old in text
        text = text.replace(old, new)
    assert json.loads((tmp_path / record.FILE).read_text(encoding="utf-8")) == json.loads(text)
    kept = record.read(OLD).rates
    assert kept is not None
    assert kept.false_alarms is not None
    assert (kept.false_alarms.inconclusive, kept.false_alarms.intervals_without_1) == (4, 0)
    write_pages(tmp_path, found)
    assert "False alarms: 0 in 4 comparisons" in (tmp_path / "selfcheck.md").read_text(encoding="utf-8")


def test_a_process_is_a_row_with_the_median_and_the_mean_of_its_batches() -> None:
    measured = Measured(values_ns=(1.0, 2.0, 9.0), loops=10, wall_s=0.5)
    one = accuracy.Process(operation="x", placement="same_cpu", harness="bare", measured=measured)
    rows = accuracy.as_frame([one, replace(one, measured=None, reason="it failed")])
    assert list(rows["value_ns"])[:1] == [2.0]
    assert list(rows["mean_ns"])[:1] == [4.0]
    assert rows["value_ns"].isna().tolist() == [False, True]
    assert rows["reason"].tolist() == ["", "it failed"]


def test_the_selfcheck_writes_of_one_operation() -> None:
    part = accuracy.Accuracy(counts={"same_cpu": {"equivalent": 1}}, rows=(), overhead=accuracy.judge_overhead([]))
    assert "1 operation equivalent, 0 different" in sections.accuracy_sections(part)[0].verdicts[0]
