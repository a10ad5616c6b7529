"""What a run found and how it is held against another: which ratios, by which baseline, and the bounds of each word."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from lab.comparisons.findings import extract, of_folder
from lab.errors import BadFiles
from lab.model import Finding, Span
from lab.reproduce.judge import bracket, judge, of_best_workers, of_claims, of_crossings, of_ratios, quotient, side
from lab.runs.folder import RunFolder
from lab.stats.intervals import t_interval
from lab.tables import csv_files, schema
from tests.manifests import manifest

WAVE = (1.0, 1.01, 0.99, 1.02, 0.98, 1.0)


def cells(*cases: tuple[Mapping[str, Any], float]) -> pd.DataFrame:
    """Six rounds of each case, which drift together, so that ratios are exact."""
    common = {"target": "t", "metric": "wall_time", "status": "ok", "warmup": 0, "cpu_mode": "cpuset"}
    rows = [
        {**common, **columns, "round": number, "value": value * wave}
        for columns, value in cases
        for number, wave in enumerate(WAVE)
    ]
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def no_claims() -> pd.DataFrame:
    return csv_files.conform(pd.DataFrame(columns=schema.names(schema.CLAIMS)), schema.CLAIMS)


def found(*cases: tuple[Mapping[str, Any], float], kind: str | None = None) -> dict[str, Finding]:
    every = list(extract(cells(*cases), no_claims()))
    return {finding.subject: finding for finding in every if kind in (None, finding.kind)}


def ratios(*cases: tuple[Mapping[str, Any], float]) -> dict[str, float]:
    return {subject: round(item.span.value, 6) for subject, item in found(*cases).items() if item.span}


def trip(mechanism: str, size: int | None = 64, placement: str = "same_cpu", **variant: str) -> dict[str, Any]:
    case = "-".join(filter(None, [mechanism, str(size) if size else "", placement, *variant.values()]))
    base = {"scenario": "ipc.round_trip", "operation": "round_trip", "case": case, "mechanism": mechanism}
    rest = json.dumps(variant, sort_keys=True) if variant else None
    return {**base, "payload_bytes": size, "placement": placement, "variant": rest}


def job(
    executor: str, workers: int, *, scenario: str = "pool.scaling", operation: str = "job", **more: Any
) -> dict[str, Any]:
    columns = {
        "scenario": scenario,
        "operation": operation,
        "executor": executor,
        "workers": workers,
        "work": "hashing",
    }
    return {"case": "-".join([executor, str(workers), *map(str, more.values())]), **columns, **more}


def start(method: str, placement: str = "same_cpu") -> dict[str, Any]:
    base = {"scenario": "process.start", "operation": "start_join", "case": f"{method}-{placement}"}
    return {**base, "start_method": method, "placement": placement}


def test_a_speed_up_is_the_serial_time_over_that_of_the_job_whatever_its_workers() -> None:
    assert ratios(
        (job("serial", 1), 900.0),
        (job("processes", 2, start_method="fork", chunksize=4), 300.0),
        (job("threads", 2), 1000.0),
        (job("serial", 1, work="memory"), 50.0),
        (job("threads", 2, work="waiting"), 1.0),
    ) == {
        "pool.scaling: serial-1 over processes-2-fork-4": 3.0,
        "pool.scaling: serial-1 over threads-2": 0.9,
    }


def test_an_executor_is_the_time_of_the_job_over_the_serial_one() -> None:
    at = {"scenario": "model.compare"}
    assert ratios(
        (job("serial", 1, **at), 100.0),
        (job("threads", 8, **at), 250.0),
        (job("asyncio", 8, **at, operation="job_with_start"), 7.0),
    ) == {"model.compare: threads-8 over serial-1": 2.5}


def test_a_start_method_is_held_against_fork_in_the_same_place_and_a_mechanism_against_the_pipe_of_its_size() -> None:
    assert ratios(
        (start("fork"), 2.0),
        (start("spawn"), 30.0),
        (start("forkserver"), 5.0),
        (start("spawn", "free"), 7.0),
        (trip("pipe"), 10.0),
        (trip("queue"), 40.0),
        (trip("queue", 1024), 80.0),
        (trip("queue", placement="cross_cpu"), 80.0),
    ) == {
        "process.start: spawn-same_cpu over fork-same_cpu": 15.0,
        "process.start: forkserver-same_cpu over fork-same_cpu": 2.5,
        "ipc.round_trip: queue-64-same_cpu over pipe-64-same_cpu": 4.0,
    }


def test_of_several_baselines_that_of_the_same_variant_is_taken_else_the_plainest() -> None:
    assert ratios(
        (trip("pipe", payload="objects"), 20.0),
        (trip("pipe"), 10.0),
        (trip("queue", payload="objects"), 60.0),
        (trip("queue"), 40.0),
        (trip("fifo", payload="other"), 30.0),
    ) == {
        "ipc.round_trip: queue-64-same_cpu-objects over pipe-64-same_cpu-objects": 3.0,
        "ipc.round_trip: queue-64-same_cpu over pipe-64-same_cpu": 4.0,
        "ipc.round_trip: fifo-64-same_cpu-other over pipe-64-same_cpu": 3.0,
    }


def test_large_messages_are_divided_by_those_with_the_same_state_of_the_allocator() -> None:
    assert ratios(
        (trip("pipe", payload="bytes", allocator="fresh"), 20.0),
        (trip("pipe", payload="bytes", allocator="retained"), 10.0),
        (trip("queue", payload="object", allocator="fresh"), 60.0),
        (trip("queue", payload="object", allocator="retained"), 50.0),
    ) == {
        "ipc.round_trip: queue-64-same_cpu-object-fresh over pipe-64-same_cpu-bytes-fresh": 3.0,
        "ipc.round_trip: queue-64-same_cpu-object-retained over pipe-64-same_cpu-bytes-retained": 5.0,
    }


def test_a_curve_goes_on_from_small_messages_to_large_ones_in_fresh_processes() -> None:
    (name, curve_), *others = found(
        *((trip(mechanism, 64, payload="bytes"), value) for mechanism, value in (("pipe", 10.0), ("mmap", 20.0))),
        *(
            (trip(mechanism, 65536, payload="bytes", allocator=state), value)
            for state, values in (("fresh", (20.0, 10.0)), ("retained", (9.0, 10.0)))
            for mechanism, value in zip(("pipe", "mmap"), values, strict=True)
        ),
        kind="crossing",
    ).items()
    assert (name, others) == ('mmap against pipe, same_cpu {"payload": "bytes"}', [])
    assert {size: round(span.value, 6) for size, span in curve_.points.items()} == {"64": 2.0, "65536": 0.5}


def test_warm_up_failed_rounds_and_other_metrics_are_no_times() -> None:
    good = cells((trip("pipe"), 10.0), (trip("queue"), 40.0))
    bad = [good.assign(value=1e9, warmup=1), good.assign(value=1e9, status="failed"), good.assign(metric="cpu_time")]
    bad.append(good[good["case"].str.startswith("queue")].assign(case="z", mechanism="z", status="failed"))
    (finding,) = extract(pd.concat([*bad, good], ignore_index=True), no_claims())
    assert finding.span is None or finding.span.low is None, "a cell that failed in some rounds proves nothing"
    (finding,) = extract(pd.concat([bad[0], bad[2], good], ignore_index=True), no_claims())
    assert finding.span is not None
    assert [finding.span.value, finding.span.low] == pytest.approx([4.0, 4.0])


@pytest.mark.parametrize("of_no_use", [{"warmup": 1}, {"status": "failed"}, {"metric": "cpu_time"}])
def test_a_baseline_without_a_time_leaves_its_place_to_one_that_has_it(of_no_use: dict[str, Any]) -> None:
    nearest = cells((trip("pipe", payload="objects"), 20.0)).assign(**of_no_use)
    timed = cells((trip("pipe"), 10.0), (trip("queue", payload="objects"), 60.0))
    (finding,) = extract(pd.concat([nearest, timed], ignore_index=True), no_claims())
    assert finding.subject == "ipc.round_trip: queue-64-same_cpu-objects over pipe-64-same_cpu"
    assert finding.span is not None
    assert finding.span.value == pytest.approx(6.0)


def test_targets_are_not_divided_by_each_other() -> None:
    here, there = {"target": "t"}, {"target": "u"}
    assert ratios((trip("pipe") | here, 10.0), (trip("queue") | there, 40.0)) == {}


def test_a_curve_has_the_ratios_to_the_pipe_by_size_of_one_mechanism_placement_and_variant() -> None:
    curves = found(
        *((trip("pipe", size), 10.0) for size in (1024, 64, 65536)),
        *((trip("queue", size), value) for size, value in ((65536, 5.0), (64, 40.0), (1024, 20.0))),
        (trip("fifo", 64), 9.0),
        *((trip("pipe", size, "cross_cpu", payload="v"), 10.0) for size in (64, 1024)),
        *((trip("queue", size, "cross_cpu", payload="v"), 20.0) for size in (64, 1024)),
        (trip("signal", None), 3.0),
        kind="crossing",
    )
    assert {
        name: {size: round(span.value, 6) for size, span in item.points.items()} for name, item in curves.items()
    } == {
        "queue against pipe, same_cpu": {"64": 4.0, "1024": 2.0, "65536": 0.5},
        'queue against pipe, cross_cpu {"payload": "v"}': {"64": 2.0, "1024": 2.0},
    }
    assert list(curves["queue against pipe, same_cpu"].points) == ["64", "1024", "65536"]


def test_the_best_number_of_workers_is_the_fastest_of_its_work_executor_and_start_method() -> None:
    best = found(
        (job("serial", 1), 1.0),
        *((job("processes", count, start_method="fork"), value) for count, value in ((1, 90.0), (2, 50.0), (4, 60.0))),
        *((job("threads", count), value) for count, value in ((1, 10.0), (2, 12.0))),
        (job("processes", 2, start_method="spawn"), 1.0),
        (job("processes", 8, start_method="fork"), 0.0),
        *((job("processes", count, operation="submit"), 1.0) for count in (1, 8)),
        kind="best workers",
    )
    assert {name: item.word for name, item in best.items()} == {"hashing processes fork": "2", "hashing threads": "1"}
    points = best["hashing processes fork"].points
    assert {count: round(span.value, 6) for count, span in points.items()} == {"1": 1.8, "2": 1.0, "4": 1.2}


def test_claims_are_findings_but_for_those_that_were_not_measured() -> None:
    rows = [
        {"target": "t", "claim": "a", "verdict": "holds", "value": 2.0, "ci_low": 1.5, "ci_high": 2.5},
        {"target": "t", "claim": "b", "verdict": "inconclusive", "value": 2.0},
        {"target": None, "claim": "c", "verdict": "fails"},
        {"target": "t", "claim": "d", "verdict": "not measured", "value": 1.0},
    ]
    claims = csv_files.conform(pd.DataFrame(rows), schema.CLAIMS)
    nothing = csv_files.conform(pd.DataFrame(columns=schema.names(schema.SAMPLES)), schema.SAMPLES)
    assert list(extract(nothing, claims)) == [
        Finding(kind="claim", target="t", subject="a", span=Span(2.0, 1.5, 2.5), word="holds"),
        Finding(kind="claim", target="t", subject="b", span=Span(2.0, None, None), word="inconclusive"),
        Finding(kind="claim", target="", subject="c", span=None, word="fails"),
    ]


def test_a_folder_has_the_findings_of_its_tables_with_what_disturbed_it_else_of_its_manifest(tmp_path: Path) -> None:
    samples = cells((trip("pipe"), 10.0), (trip("queue"), 40.0))
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest())
    csv_files.write(samples, folder.path / "samples.csv", schema.SAMPLES)
    csv_files.write(no_claims(), folder.path / "claims.csv", schema.CLAIMS)
    (clear,) = of_folder(folder)
    assert clear.span is not None
    assert clear.span.low is not None
    stolen = [
        {
            "target": "t", "cpu_mode": "cpuset", "scenario": "ipc.round_trip", "case": "queue-64-same_cpu",
            "operation": "round_trip", "round": number, "sample": 0, "warmup": 0, "window_ns": 10**10, "cpus_used": 1,
            "idle_ns": 0, "steal_ns": 5 * 10**9, "own_cpu_ns": 5 * 10**9, "others_ns": 0,
        }
        for number in range(6)
    ]  # fmt: skip
    csv_files.write(pd.DataFrame(stolen), folder.path / "conditions.csv", schema.CONDITIONS)
    (disturbed,) = of_folder(folder)
    assert disturbed.span == Span(clear.span.value, None, None)
    with RunFolder.create(tmp_path / "alone") as alone:
        alone.write_manifest(replace(manifest(), findings=(clear,)))
        (again,) = of_folder(RunFolder.existing(alone.path))
        assert again == clear
        alone.write_manifest(manifest())
    with pytest.raises(BadFiles, match="alone holds no findings to judge"):
        of_folder(RunFolder.existing(alone.path))


def span(value: float, half: float) -> Span:
    """A ratio whose interval has this half-width, of the logarithm."""
    return Span(value, value * math.exp(-half), value * math.exp(half))


OPEN = Span(1.0, 0.9, 1.1)
CONTRARY = ("contradicted", "fails there, holds here")
UNDECIDED = ("inconclusive", "inconclusive on one side at least")
NOT_APART = ("inconclusive", "the verdicts differ, the values hardly")
NOT_CLEAR = ("inconclusive", "the intervals leave it open where the curves cross")


@pytest.mark.parametrize(
    ("theirs", "ours", "verdict", "reason"),
    [
        (span(1.5, 0.001), span(1.5 * 1.097, 0.001), "reproduced", "equal within 10%"),
        (span(1.5, 0.001), span(1.5 * 1.099, 0.001), "inconclusive", "the interval is not within 10%, nor beyond"),
        (span(1.5, 0.001), span(1.5 * 1.101, 0.001), "inconclusive", "the interval is not within 10%, nor beyond"),
        (span(1.5, 0.001), span(1.5 * 1.103, 0.001), "contradicted", "the same direction, another size"),
        (span(0.5, 0.001), span(0.5 * 1.103, 0.001), "contradicted", "the same direction, another size"),
        (span(1.06, 0.001), span(0.95, 0.001), "contradicted", "the other direction"),
        (span(1.0, 0.001), span(1.2, 0.001), "contradicted", "the other direction"),
        (span(1.5, 0.060), span(1.5 * 1.12, 0.060), "inconclusive", "the interval is not within 10%, nor beyond"),
        (span(1.0, 0.066), span(1.0, 0.066), "reproduced", "equal within 10%"),
        (span(1.0, 0.068), span(1.0, 0.068), "inconclusive", "the interval is not within 10%, nor beyond"),
        (span(1.0, 0.090), span(1.0, 0.020), "reproduced", "equal within 10%"),
        (span(1.0, 0.090), span(1.0, 0.040), "inconclusive", "the interval is not within 10%, nor beyond"),
        (span(1.3, 0.25), span(0.8, 0.25), "contradicted", "the other direction"),
        (span(1.3, 0.25), span(0.8, 0.32), "inconclusive", "the interval is not within 10%, nor beyond"),
        (Span(2.0, 0.0, 4.0), Span(2.0, 1.9, 2.1), "inconclusive", "the interval is not within 10%, nor beyond"),
    ],
)
def test_two_ratios_next_to_the_bounds_of_each_word(theirs: Span, ours: Span, verdict: str, reason: str) -> None:
    for found in (of_ratios(theirs, ours), of_ratios(ours, theirs)):
        assert (found[0], found[1].partition(";")[0]) == (verdict, reason)


WIDE = Span(1.73, 1.17, 2.56)  # the speed-up of two processes in the sample of November 2026


@pytest.mark.parametrize("half", [0.001, 0.02, 0.06, 0.4])
@pytest.mark.parametrize("value", [0.5, 1.20, 1.7, 1.73, 2.5, 3.9])
def test_too_wide_an_interval_reproduces_nothing_however_near_the_value(value: float, half: float) -> None:
    found, reason = of_ratios(WIDE, span(value, half))
    assert found == ("contradicted" if value in (0.5, 3.9) else "inconclusive"), reason
    assert of_ratios(span(value, half), WIDE)[0] == found


def test_the_margin_decides_and_stands_in_the_reason() -> None:
    theirs, ours = span(2.0, 0.02), span(2.1, 0.02)
    assert [of_ratios(theirs, ours, margin)[0] for margin in (0.01, 0.05, 0.10)] == [
        "contradicted",
        "inconclusive",
        "reproduced",
    ]
    assert of_ratios(theirs, ours, 0.25)[1] == "equal within 25%; here over there: 1.05 (1.02 to 1.08)"


def test_the_interval_of_the_quotient_leans_to_the_side_to_which_those_of_both_lean() -> None:
    """Zou and Donner: each end comes from the near end of one side and the far end of the other."""
    found = quotient(Span(1.0, 0.5, 1.1), Span(1.0, 0.9, 3.0))
    assert found
    assert found.low == pytest.approx(math.exp(-math.hypot(math.log(0.9), math.log(1.1))))
    assert found.high == pytest.approx(math.exp(math.hypot(math.log(3.0), math.log(0.5))))


def test_equal_ratios_are_reproduced_and_equal_margins_apart_hardly_ever() -> None:
    """Simulated: two sessions of eight rounds; a true difference of the whole margin is reproduced in 2.5% at most."""
    rng = np.random.default_rng(4)
    shares = {}
    for truth in (1.0, 1.1, 1.3):
        both = rng.normal([[[0.0]], [[math.log(truth)]]], 0.03, (2, 2000, 8))
        ends = [[Span(*map(math.exp, t_interval(logs.tolist()))) for logs in side] for side in both]
        verdicts = [of_ratios(one, other)[0] for one, other in zip(*ends, strict=True)]
        shares[truth] = {word: verdicts.count(word) / len(verdicts) for word in ("reproduced", "contradicted")}
    assert shares[1.0]["reproduced"] >= 0.95
    assert shares[1.0]["contradicted"] <= 0.001
    assert shares[1.1]["reproduced"] <= 0.035
    assert shares[1.1]["contradicted"] <= 0.035
    assert shares[1.3]["contradicted"] >= 0.95
    assert shares[1.3]["reproduced"] == 0


@pytest.mark.parametrize("without", [None, Span(2.0, None, None), Span(2.0, 1.9, None), Span(2.0, None, 2.1)])
def test_without_oldest_and_newest_on_both_sides_nothing_is_compared(without: Span | None) -> None:
    clear = span(2.0, 0.01)
    for pair in ((without, clear), (clear, without), (without, without)):
        assert of_ratios(*pair)[0] == "inconclusive"
        assert of_ratios(*pair)[1].startswith("no interval on both sides")
        verdicts = [
            Finding(kind="claim", target="t", subject="s", word=word, span=each)
            for word, each in zip(("holds", "fails"), pair, strict=True)
        ]
        assert of_claims(verdicts[0], verdicts[1]) == (
            "inconclusive",
            "the verdicts differ, without an interval on both sides",
        )


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (Span(2, 1.001, 3), 1), (Span(2, 1.0, 3), 0), (Span(0.5, 0.4, 0.999), -1), (Span(0.5, 0.4, 1.0), 0),
        (Span(2, None, None), 0), (Span(1, 0.9, 1.1), 0), (Span(0.5, None, 0.9), -1),
    ],
)  # fmt: skip
def test_a_span_is_on_a_side_where_all_of_it_is(interval: Span, expected: int) -> None:
    assert side(interval) == expected


def claim(word: str, value: Span | None) -> Finding:
    return Finding(kind="claim", target="t", subject="c", word=word, span=value)


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        (claim("holds", span(2.0, 0.01)), claim("fails", span(1.0, 0.01)), ("contradicted", "holds there, fails here")),
        (claim("fails", span(1.0, 0.01)), claim("holds", span(1.11, 0.01)), CONTRARY),
        (claim("fails", span(1.0, 0.01)), claim("holds", span(1.09, 0.01)), NOT_APART),
        (claim("fails", span(1.0, 0.06)), claim("holds", span(1.11, 0.06)), NOT_APART),
        (claim("fails", Span(0, 0, 0)), claim("holds", Span(7, 1, 9)), CONTRARY),
        (claim("fails", Span(-3, -3, -3)), claim("holds", Span(3, 3, 3)), NOT_APART),
        (claim("fails", None), claim("fails", None), ("reproduced", "fails on both sides")),
        (claim("fails", None), claim("inconclusive", None), UNDECIDED),
        (claim("inconclusive", None), claim("inconclusive", None), UNDECIDED),
    ],
)  # fmt: skip
def test_two_verdicts_next_to_the_bounds_of_each_word(
    theirs: Finding, ours: Finding, expected: tuple[str, str]
) -> None:
    assert of_claims(theirs, ours) == expected


def best(word: str, points: Mapping[str, Span]) -> Finding:
    return Finding(kind="best workers", target="t", subject="s", word=word, points=points)


SAME, SLOW, HARDLY = Span(1.0, 1.0, 1.0), span(1.11, 0.01), span(1.09, 0.01)


@pytest.mark.parametrize(
    ("theirs", "ours", "verdict"),
    [
        (best("2", {"1": SLOW, "2": SAME}), best("1", {"1": SAME, "2": SLOW}), "contradicted"),
        (best("2", {"1": HARDLY, "2": SAME}), best("1", {"1": SAME, "2": SLOW}), "inconclusive"),
        (best("2", {"1": SLOW, "2": SAME}), best("1", {"1": SAME, "2": HARDLY}), "inconclusive"),
        (best("2", {"2": SAME}), best("1", {"1": SAME, "2": SLOW}), "inconclusive"),
        (best("2", {"1": span(1.5, 0.6), "2": SAME}), best("1", {"1": SAME, "2": SLOW}), "inconclusive"),
        (best("2", {"1": HARDLY, "2": SAME}), best("2", {"1": HARDLY, "2": SAME}), "reproduced"),
        (best("2", {"1": SLOW, "2": SAME}), best("2", {"2": SAME}), "inconclusive"),
        (best("2", {"1": SLOW, "2": SAME}), best("2", {"1": OPEN, "2": SAME}), "inconclusive"),
        (best("2", {"1": OPEN, "2": SAME}), best("2", {"1": SLOW, "2": SAME}), "inconclusive"),
    ],
)
def test_two_best_numbers_next_to_the_bounds_of_each_word(theirs: Finding, ours: Finding, verdict: str) -> None:
    assert of_best_workers(theirs, ours)[0] == verdict


def test_the_best_number_names_all_that_are_slower_on_both_sides() -> None:
    one = best("2", {"1": SLOW, "2": SAME, "3": SLOW, "4": SLOW})
    other = best("2", {"1": SLOW, "2": SAME, "3": OPEN, "4": SLOW})
    assert of_best_workers(one, other)[1] == "the same number is fastest, and 1, 4 slower on both sides"


UP, DOWN, NEAR_UP, NEAR_DOWN = span(2.0, 0.02), span(0.5, 0.02), span(1.04, 0.02), span(0.96, 0.02)


def curve(*spans: Span, sizes: Sequence[str] = ("1", "64", "1024", "65536")) -> Finding:
    points = dict(zip(sizes, spans, strict=False))
    return Finding(kind="crossing", target="t", subject="s", points=points)


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        ((UP, UP, DOWN), "64 to 1024 bytes"),
        ((UP, OPEN, DOWN), "1 to 1024 bytes"),
        ((DOWN, UP, OPEN, DOWN), "1 to 64 bytes, 64 to 65536 bytes"),
        ((UP, UP, OPEN), ""),
        ((OPEN, DOWN), ""),
    ],
)
def test_curves_cross_between_the_clear_sizes_on_either_side(spans: Sequence[Span], words: str) -> None:
    assert bracket(curve(*spans)) == words


@pytest.mark.parametrize(
    ("theirs", "ours", "expected"),
    [
        ((UP, UP, DOWN), (UP, UP, DOWN), ("reproduced", "the curves cross between the same sizes")),
        ((UP, UP, DOWN), (UP, DOWN, DOWN), ("contradicted", "another mechanism wins at 64 bytes")),
        ((UP, UP, DOWN), (DOWN, DOWN, UP), ("contradicted", "another mechanism wins at 1, 64, 1024 bytes")),
        ((UP, NEAR_UP, DOWN), (UP, NEAR_DOWN, DOWN), NOT_CLEAR),
        ((UP, OPEN, DOWN), (UP, UP, DOWN), NOT_CLEAR),
        ((UP, UP, UP), (UP, UP, UP), NOT_CLEAR),
        ((UP, UP, DOWN), (UP, UP), NOT_CLEAR),
        ((UP, UP), (UP, UP, DOWN), NOT_CLEAR),
    ],
)  # fmt: skip
def test_two_curves_are_held_against_each_other_where_both_are_clear(
    theirs: Sequence[Span], ours: Sequence[Span], expected: tuple[str, str]
) -> None:
    assert of_crossings(curve(*theirs), curve(*ours)) == expected


def test_curves_that_cross_on_neither_side_are_no_finding_and_the_contradicted_come_first() -> None:
    ratio = Finding(kind="mechanism", target="t", subject="r", span=UP)
    theirs = [
        ratio,
        curve(UP, UP),
        Finding(kind="crossing", target="t", subject="here alone", points=curve(UP, UP).points),
        Finding(kind="crossing", target="t", subject="there alone", points=curve(UP, DOWN).points),
        claim("holds", UP),
        Finding(kind="best workers", target="t", subject="b", word="2", points={"1": SLOW}),
    ]
    ours = [
        ratio,
        curve(UP, UP),
        Finding(kind="crossing", target="t", subject="here alone", points=curve(UP, DOWN).points),
        Finding(kind="crossing", target="t", subject="there alone", points=curve(UP, UP).points),
        claim("inconclusive", UP),
        Finding(kind="best workers", target="t", subject="b", word="1", points={"2": SLOW}),
    ]
    judged = judge(theirs, ours, {}, {})
    assert [(item.theirs.subject, item.verdict) for item in judged] == [
        ("here alone", "contradicted"),
        ("there alone", "contradicted"),
        ("b", "contradicted"),
        ("c", "inconclusive"),
        ("r", "reproduced"),
    ]
    assert [item.ours for item in judged] == [ours[2], ours[3], ours[5], ours[4], ours[0]]
