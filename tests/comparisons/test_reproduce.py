"""Findings are judged by their intervals: nothing is contradicted by noise, and nothing reproduced by chance."""

from __future__ import annotations

import pandas as pd
import pytest
from msgspec.structs import replace

from lab.comparisons.findings import extract, of_manifest
from lab.errors import BadFiles
from lab.model import Finding, Manifest, Span
from lab.reproduce.job import paired_targets
from lab.reproduce.judge import bracket, judge, of_best_workers, of_claims, of_crossings, of_ratios
from lab.reproduce.pages import counts, rows
from lab.stats.quality.disturbances import Disturbance
from lab.tables import csv_files, schema
from tests.manifests import manifest

CLEAR, FASTER, OPEN = Span(2.0, 1.9, 2.1), Span(0.5, 0.48, 0.52), Span(1.0, 0.9, 1.1)


@pytest.mark.parametrize(
    ("theirs", "ours", "verdict"),
    [
        (Span(2.0, 1.98, 2.02), Span(2.03, 2.01, 2.05), "reproduced"),
        (CLEAR, Span(2.3, 2.05, 2.5), "inconclusive"),
        (CLEAR, FASTER, "contradicted"),
        (CLEAR, Span(3.0, 2.9, 3.1), "contradicted"),
        (Span(1.00, 0.999, 1.001), Span(1.02, 1.019, 1.021), "reproduced"),
        (CLEAR, Span(1.4, 0.8, 2.4), "inconclusive"),
        (CLEAR, Span(2.3, None, None), "inconclusive"),
        (CLEAR, None, "inconclusive"),
        (OPEN, Span(1.2, 0.95, 1.5), "inconclusive"),
    ],
)
def test_ratios_are_judged_by_both_intervals_and_the_threshold(theirs: Span, ours: Span | None, verdict: str) -> None:
    assert of_ratios(theirs, ours)[0] == verdict
    if ours:
        assert of_ratios(ours, theirs)[0] == verdict


def test_a_ratio_that_contradicts_says_in_what() -> None:
    assert of_ratios(CLEAR, Span(3.0, 2.9, 3.1))[1].startswith(
        "the same direction, another size; here over there: 1.5 "
    )
    assert of_ratios(CLEAR, FASTER)[1].startswith("the other direction; here over there: 0.25 ")


def claim(word: str, span: Span | None) -> Finding:
    return Finding(kind="claim", target="t", subject="c", word=word, span=span)


@pytest.mark.parametrize(
    ("theirs", "ours", "verdict"),
    [
        (claim("holds", CLEAR), claim("holds", CLEAR), "reproduced"),
        (claim("holds", CLEAR), claim("fails", FASTER), "contradicted"),
        (claim("holds", CLEAR), claim("inconclusive", OPEN), "inconclusive"),
        (claim("holds", None), claim("fails", FASTER), "inconclusive"),
        (claim("holds", Span(1.11, 1.105, 1.115)), claim("fails", Span(1.09, 1.085, 1.095)), "inconclusive"),
    ],
)
def test_opposite_verdicts_contradict_only_where_the_values_are_apart(
    theirs: Finding, ours: Finding, verdict: str
) -> None:
    assert of_claims(theirs, ours)[0] == verdict


def best(word: str, **points: Span) -> Finding:
    return Finding(
        kind="best workers", target="t", subject="s", word=word, points={k[1:]: v for k, v in points.items()}
    )


def test_another_best_number_contradicts_only_where_each_side_is_clear() -> None:
    one = Span(1.0, 1.0, 1.0)
    theirs = best("2", n1=CLEAR, n2=one)
    assert of_best_workers(theirs, best("2", n1=CLEAR, n2=one))[0] == "reproduced"
    assert of_best_workers(theirs, best("1", n1=one, n2=CLEAR))[0] == "contradicted"
    assert of_best_workers(theirs, best("1", n1=one, n2=OPEN))[0] == "inconclusive"
    assert of_best_workers(theirs, best("2", n1=OPEN, n2=one))[0] == "inconclusive"
    chance = best("2", n1=OPEN, n2=one)
    assert of_best_workers(chance, theirs)[0] == "inconclusive", "they found none slower: nothing to repeat"


def curve(*spans: Span) -> Finding:
    points = dict(zip(("64", "1024", "65536"), spans, strict=False))
    return Finding(kind="crossing", target="t", subject="s", points=points)


def test_crossings_are_compared_by_their_bracket() -> None:
    theirs = curve(CLEAR, CLEAR, FASTER)
    assert bracket(theirs) == "1024 to 65536 bytes"
    assert of_crossings(theirs, curve(CLEAR, CLEAR, FASTER))[0] == "reproduced"
    assert of_crossings(theirs, curve(CLEAR, FASTER, FASTER))[0] == "contradicted"
    assert of_crossings(theirs, curve(CLEAR, OPEN, OPEN))[0] == "inconclusive"


def test_a_curve_that_crosses_on_one_side_only_is_judged_and_one_that_crosses_on_neither_is_no_finding() -> None:
    crossing, flat = curve(CLEAR, CLEAR, FASTER), curve(CLEAR, CLEAR, CLEAR)
    assert [item.verdict for item in judge([crossing], [flat], {}, {})] == ["contradicted"]
    assert [item.verdict for item in judge([flat], [crossing], {}, {})] == ["contradicted"]
    assert judge([flat], [flat], {}, {}) == ()


def test_what_was_not_measured_here_is_a_row_with_the_reason() -> None:
    theirs = [Finding(kind="mechanism", target=name, subject="s", span=CLEAR) for name in ("gone", "left", "there")]
    ours = [Finding(kind="mechanism", target="here", subject="s", span=FASTER)]
    judged = judge(theirs, ours, {"there": "here", "left": "here2"}, {"gone": "it needs 64 CPUs"})
    assert [(item.theirs.target, item.verdict, item.reason.partition(";")[0]) for item in judged] == [
        ("there", "contradicted", "the other direction"),
        ("gone", "inconclusive", "it needs 64 CPUs"),
        ("left", "inconclusive", "not measured here"),
    ]
    assert counts(judged) == {"reproduced": 0, "contradicted": 1, "inconclusive": 2}
    assert rows(judged)[1]["ours"] == ""


def samples(times: dict[str, float]) -> pd.DataFrame:
    """Six rounds of pipe and queue at two sizes, and a serial and pooled job."""
    common = {"target": "t", "metric": "wall_time", "status": "ok", "warmup": 0, "cpu_mode": "cpuset"}
    found = []
    for number in range(6):
        drift = 1 + number / 50
        for (mechanism, size), name in zip(
            ((m, s) for m in ("pipe", "queue") for s in (64, 1024)), ("p64", "p1024", "q64", "q1024"), strict=True
        ):
            case = {"scenario": "ipc.round_trip", "case": f"{mechanism}-{size}-same_cpu", "operation": "round_trip"}
            axes = {"mechanism": mechanism, "payload_bytes": size, "placement": "same_cpu"}
            noise = 1 + 0.002 * ((number * 7 + len(name)) % 3)
            found.append({**common, **case, **axes, "round": number, "value": times[name] * drift * noise})
        for executor, workers in (("serial", 1), ("processes", 1), ("processes", 2)):
            case = {"scenario": "pool.scaling", "case": f"{executor}-{workers}", "operation": "job"}
            axes = {"executor": executor, "workers": workers, "work": "hashing", "chunksize": workers}
            noise = 1 + 0.002 * ((number * 5 + workers) % 3)
            found.append({**common, **case, **axes, "round": number, "value": 1000 / workers * drift * noise})
    return csv_files.conform(pd.DataFrame(found), schema.SAMPLES)


def claims(verdict: str) -> pd.DataFrame:
    return csv_files.conform(pd.DataFrame([{"target": "t", "claim": "c", "verdict": verdict}]), schema.CLAIMS)


TIMES = {"p64": 10.0, "p1024": 20.0, "q64": 30.0, "q1024": 10.0}


def test_findings_are_ratios_within_a_target_free_of_drift_and_of_absolute_times() -> None:
    found = {finding.subject: finding for finding in extract(samples(TIMES), claims("holds"))}
    queue = found["ipc.round_trip: queue-64-same_cpu over pipe-64-same_cpu"].span
    assert queue
    assert queue.value == pytest.approx(3, rel=0.01)
    assert queue.low is not None
    assert queue.low > 2.9
    speedup = found["pool.scaling: serial-1 over processes-2"].span
    assert speedup
    assert speedup.value == pytest.approx(2, rel=0.01)
    assert bracket(found["queue against pipe, same_cpu"]) == "64 to 1024 bytes"
    assert found["hashing processes"].word == "2"
    assert found["c"].word == "holds"
    slower = extract(samples({name: 7 * value for name, value in TIMES.items()}), claims("holds"))
    judged = judge(found.values(), slower, {}, {})
    assert {item.verdict for item in judged} == {"reproduced"}


def test_worker_counts_that_share_no_round_have_no_ratio() -> None:
    frame = samples(TIMES)
    job = (frame["scenario"] == "pool.scaling") & (frame["executor"] == "processes")
    apart = frame[~job | ((frame["workers"] == 1) == (frame["round"] < 3))]
    (best,) = [found for found in extract(apart, claims("holds")) if found.kind == "best workers"]
    assert (best.word, list(best.points)) == ("2", ["2"])


def test_a_machine_where_the_queue_wins_contradicts() -> None:
    theirs = list(extract(samples(TIMES), claims("holds")))
    ours = list(extract(samples({**TIMES, "q64": 5.0}), claims("not measured")))
    verdicts = {item.theirs.subject: item.verdict for item in judge(theirs, ours, {}, {})}
    assert verdicts["ipc.round_trip: queue-64-same_cpu over pipe-64-same_cpu"] == "contradicted"
    assert verdicts["queue against pipe, same_cpu"] == "contradicted"
    assert verdicts["ipc.round_trip: queue-1024-same_cpu over pipe-1024-same_cpu"] == "reproduced"
    assert verdicts["c"] == "inconclusive"


def test_a_cell_that_was_disturbed_contradicts_nothing() -> None:
    """What took the CPU on one of the two machines is no finding about the mechanism."""
    theirs = list(extract(samples(TIMES), claims("holds")))
    stolen = {("t", "ipc.round_trip", "queue-64-same_cpu"): Disturbance("steal", 0.4)}
    ours = list(extract(samples({**TIMES, "q64": 5.0}), claims("not measured"), stolen))
    judged = {item.theirs.subject: item for item in judge(theirs, ours, {}, {})}
    found = judged["ipc.round_trip: queue-64-same_cpu over pipe-64-same_cpu"]
    assert (found.verdict, found.reason.partition(":")[0]) == ("inconclusive", "no interval on both sides")
    assert judged["queue against pipe, same_cpu"].verdict == "inconclusive"
    assert judged["ipc.round_trip: queue-1024-same_cpu over pipe-1024-same_cpu"].verdict == "reproduced"


def test_findings_go_through_the_manifest_unchanged() -> None:
    found = tuple(extract(samples(TIMES), claims("holds")))
    written = replace(manifest(), findings=found).encode()
    assert of_manifest(Manifest.decode(written, "manifest.json"), "manifest.json") == found
    with pytest.raises(BadFiles, match="no findings"):
        of_manifest(manifest(), "manifest.json")


def test_targets_of_a_merged_run_are_paired_by_what_they_were_called() -> None:
    theirs = manifest(targets=[{"id": "t-alpha", "plain_id": "t"}, {"id": "u"}, {"id": "gone"}])
    ours = manifest(targets=[{"id": "t"}, {"id": "u-beta", "plain_id": "u"}])
    assert paired_targets(theirs, ours) == {"t-alpha": "t", "u": "u-beta"}
