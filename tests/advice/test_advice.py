"""Advice: nothing interpolated, nothing picked that the rounds cannot distinguish, and what is missing is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from lab.advice.choice import Choice, Option, choose
from lab.advice.matching import nearest, target_for
from lab.advice.questions import answers
from lab.advice.words import as_lines, as_record
from lab.claims import evaluate
from lab.commands.advise import command, newest_run
from lab.errors import UsageError
from lab.report.data import RunData, load, of_frames
from lab.runs.folder import RunFolder, read_manifest
from lab.stats.quality.disturbances import UNDISTURBED, Disturbance, Disturbances
from lab.stats.rounds import Rounds
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from lab.text import parse_size_bytes, parse_task_ns
from tests.claim_runs import captured_disturbances, cell, run
from tests.manifests import manifest

CAPTURED = Path(__file__).parents[1] / "data" / "report-smoke"
QUICK_RUN = Path(__file__).resolve().parents[1] / "data" / "quick-run"


NOTHING = Rounds({}, {})  # of a run without its samples
STARTS: dict[str, Any] = {"scenario": "process.start", "operation": "start_join", "placement": "same_cpu"}


def option(name: str, low: float, high: float, flag: str = "") -> Option:
    return Option(
        name=name,
        estimate_ns=(low + high) / 2,
        ci_low_ns=low,
        ci_high_ns=high,
        rounds=5,
        case="a/b",
        key=key(name),
        flag=flag,
    )


def key(name: str) -> tuple[str, str, str, str]:
    return "t", "a", name, "o"


def rounds_of(**values: list[float]) -> Rounds:
    logs = {key(name): dict(enumerate(np.log(times).tolist())) for name, times in values.items()}
    return Rounds(logs, dict.fromkeys(logs, "r"))


def starts(
    drift: list[float], *, disturbed: Disturbances = UNDISTURBED, **times: float
) -> tuple[RunData, pd.DataFrame]:
    cells = [
        cell([value * wave for wave in drift], **STARTS, case=f"{name}-same_cpu", start_method=name)
        for name, value in times.items()
    ]
    summary, samples = run(*cells)
    return of_frames(manifest(), summary=summary, samples=samples, disturbed=disturbed), samples


def start_method_of(data: RunData) -> Choice:
    found = answers(data, next(iter(data.targets.values())), payload_bytes=None, task_ns=None)
    return next(answer for answer in found if answer.question == "start method").main


@pytest.mark.parametrize(
    ("text", "size"), [("64KiB", 65_536), ("64 KB", 64_000), ("1MB", 1_000_000), ("1.5kib", 1536), ("17", 17)]
)
def test_sizes_are_read_with_binary_and_decimal_units(text: str, size: int) -> None:
    assert parse_size_bytes(text) == size


@pytest.mark.parametrize(("text", "length"), [("5ms", 5_000_000), ("200us", 200_000), ("1.5 s", 1_500_000_000)])
def test_lengths_of_tasks_are_read(text: str, length: int) -> None:
    assert parse_task_ns(text) == length


@pytest.mark.parametrize("text", ["", "5", "ms", "-3ms", "0us", "0.4ns", "5 parsec", "nan ms", "inf s"])
def test_a_length_without_sense_or_unit_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match="write for example 5ms"):
        parse_task_ns(text)


def test_between_two_measured_sizes_both_are_named_and_the_nearer_by_ratio_answers() -> None:
    found = nearest(30_000, [64, 16_384, 65_536])
    assert found is not None
    assert (found.nearest, found.neighbours, found.beyond) == (16_384, (16_384, 65_536), False)


def test_chunks_are_answered_by_imap_where_the_plan_has_no_map() -> None:
    """`quick` plans imap alone; its cells were there, and the answer was "not measured"."""
    samples = csv_files.read(CAPTURED.parent / "claims-quick" / "samples.csv.gz", schema.SAMPLES)
    samples = samples[(samples["scenario"] == "pool.chunksize") & (samples["target"] == "py313-linux-c2")]
    data = of_frames(manifest(), summary=summarize(samples), samples=samples)
    found = answers(data, next(iter(data.targets.values())), payload_bytes=None, task_ns=100_000)
    chunks = next(answer for answer in found if answer.question == "chunk size")
    assert chunks.basis.endswith("Pool(2).imap")
    assert {option.name for option in chunks.main.options} == {"1", "16"}


def test_beyond_what_was_measured_there_is_one_neighbour_and_it_is_said() -> None:
    found = nearest(1_000_000, [64, 65_536])
    assert found is not None
    assert (found.places, found.beyond) == ((65_536,), True)
    exact = nearest(64, [64, 65_536])
    assert exact is not None
    assert (exact.places, exact.beyond) == ((64,), False)
    assert nearest(1, []) is None


def test_options_whose_intervals_overlap_are_not_picked_between() -> None:
    found = choose([option("slow", 30, 40), option("a", 10, 20), option("b", 19, 25)], NOTHING)
    assert (found.verdict, found.best, found.as_good) == ("inconclusive", None, ("a", "b"))
    assert found.reason == "a is the fastest (estimate); not distinguishable from it: b"


def test_an_option_whose_interval_stands_apart_is_the_answer() -> None:
    found = choose([option("b", 21, 25), option("a", 10, 20)], NOTHING)
    assert (found.verdict, found.best) == ("answered", "a")


def test_options_are_held_against_each_other_within_rounds_where_drift_cancels() -> None:
    """Each by itself scatters by half its time, and within every round the one takes 1.1 times as long."""
    drift = [1.0, 1.4, 0.8, 1.5, 0.7]
    data, _ = starts(drift, fork=10e6, spawn=11e6)
    rows = data.pick("process.start")
    assert (rows[0].ci_high or 0) > (rows[1].ci_low or 0), "by their own intervals they are not distinguishable"
    found = start_method_of(data)
    assert (found.verdict, found.best) == ("answered", "fork")
    over = found.options[1].over_fastest
    assert over is not None
    assert [over.value, over.low] == pytest.approx([1.1, 1.1])
    assert over.rounds == 5


def test_intervals_that_stand_apart_do_not_answer_where_the_rounds_do_not() -> None:
    apart = [option("a", 10, 11), option("b", 12, 13)]
    assert choose(apart, NOTHING).verdict == "answered"
    found = choose(apart, rounds_of(a=[10.0, 10.0, 10.0, 10.0, 11.0], b=[9.0, 15.0, 11.0, 10.0, 16.0]))
    assert (found.verdict, found.as_good) == ("inconclusive", ("a", "b"))


def test_nothing_is_chosen_by_a_cell_that_was_disturbed_or_failed_in_some_rounds() -> None:
    stolen = {("py313-linux-c2", "process.start", "fork-same_cpu"): Disturbance("steal", 0.4)}
    data, samples = starts([1.0, 1.1, 0.9, 1.2, 0.8, 1.0], disturbed=stolen, fork=10e6, spawn=50e6)
    disturbed = start_method_of(data)
    assert disturbed.verdict == "inconclusive"
    assert disturbed.reason.startswith("fork-same_cpu was disturbed: steal took 40% of the CPUs")
    lost = (samples["case"] == "spawn-same_cpu") & (samples["round"] == 5)
    samples.loc[lost, ["status", "reason", "value"]] = ["timeout", "over 60 s", None]
    found = start_method_of(of_frames(manifest(), summary=summarize(samples), samples=samples))
    assert found.reason.startswith("spawn-same_cpu ran out of time in 1 of 6 rounds")


def test_an_option_that_has_no_time_at_all_is_listed_with_its_reason() -> None:
    """It was silently left out: who waits for an answer about spawn learnt nothing of its failure."""
    _, samples = starts([1.0, 1.1, 0.9, 1.2, 0.8], fork=10e6, forkserver=40e6, spawn=50e6)
    failed = samples["case"] == "spawn-same_cpu"
    samples.loc[failed, ["operation", "status", "reason", "value"]] = [None, "timeout", "not finished after 60 s", None]
    data = of_frames(manifest(), summary=summarize(samples), samples=samples)
    (answer, *others) = answers(data, next(iter(data.targets.values())), payload_bytes=None, task_ns=None)
    assert (answer.main.best, [option.name for option in answer.main.options]) == ("fork", ["fork", "forkserver"])
    assert as_lines(answer, "ns")[-1].strip() == "spawn: timeout: not finished after 60 s"
    record: dict[str, Any] = as_record(answer)
    (printed,) = record["measured"]
    assert [(option["name"], option["status"]) for option in printed["without_time"]] == [("spawn", "timeout")]
    assert not any(other.main.lost for other in others)


def test_where_every_option_is_without_a_time_that_is_the_reason() -> None:
    _, samples = starts([1.0] * 5, fork=10e6, spawn=50e6)
    samples[["operation", "status", "reason", "value"]] = [None, "failed", "no memory", None]
    found = start_method_of(of_frames(manifest(), summary=summarize(samples), samples=samples))
    assert (found.verdict, found.reason) == ("not measured", "no such cell has a time")
    assert [option.words for option in found.lost] == ["fork: failed: no memory", "spawn: failed: no memory"]


def test_a_size_that_a_mechanism_does_not_carry_is_named_at_that_size_alone() -> None:
    trips: dict[str, Any] = {"scenario": "ipc.round_trip", "placement": "same_cpu", "variant": '{"payload": "bytes"}'}
    rows = [
        row
        for size in (64, 65_536)
        for name in ("pipe", "posix_mq")
        for row in cell(
            [1e4] * 5, **trips, operation="round_trip", case=f"{name}-{size}", mechanism=name, payload_bytes=size
        )
    ]
    _, samples = run(rows)
    beyond = samples["case"] == "posix_mq-65536"
    samples.loc[beyond, ["operation", "status", "reason", "value"]] = [None, "unsupported", "beyond msgsize_max", None]
    data = of_frames(manifest(), summary=summarize(samples), samples=samples)
    target = next(iter(data.targets.values()))
    lost = {size: answers(data, target, payload_bytes=size, task_ns=None)[-1].main.lost for size in (64, 65_536)}
    assert [option.name for option in lost[65_536]] == ["posix_mq"]
    assert not lost[64]


def test_advice_and_claims_of_one_run_do_not_contradict_each_other() -> None:
    """Both judge a start method by the same paired ratios."""
    captured = CAPTURED.parent / "claims-quick"
    samples = csv_files.read(captured / "samples.csv.gz", schema.SAMPLES)
    samples = samples[samples["scenario"] == "process.start"]
    summary, disturbed = summarize(samples), captured_disturbances(captured)
    claims = evaluate(summary, samples, disturbed, machine_cpus=2)
    verdicts = claims[claims["claim"] == "fork_is_fastest"].set_index("target")["verdict"]
    data = of_frames(manifest(), summary=summary, samples=samples, disturbed=disturbed)
    assert len(verdicts) > 2
    for name, target in data.targets.items():
        found = answers(data, target, payload_bytes=None, task_ns=None)[0].main
        assert (found.best == "fork") == (verdicts[name] == "holds"), name


def test_a_single_option_is_no_choice_and_none_is_not_measured() -> None:
    assert choose([option("a", 1, 2)], NOTHING).verdict == "inconclusive"
    assert choose([], NOTHING).verdict == "not measured"


def test_one_round_decides_nothing() -> None:
    data = load(RunFolder.existing(CAPTURED))
    target = target_for(data.targets.values(), python=None, cpus=None)
    found = answers(data, target, payload_bytes=64, task_ns=None)
    assert {answer.main.verdict for answer in found} <= {"inconclusive", "not measured"}


def test_a_captured_quick_run_answers_by_its_own_figures() -> None:
    summary = csv_files.read(QUICK_RUN / "summary.csv", schema.SUMMARY)
    data = of_frames(read_manifest(QUICK_RUN / "manifest.json"), summary=summary)
    target = target_for(data.targets.values(), python="3.13", cpus="2")
    found = {answer.question: answer for answer in answers(data, target, payload_bytes=65_536, task_ns=5_000_000)}
    starts = found["start method"].main
    assert (starts.verdict, starts.best) == ("answered", "fork")
    rows = summary[(summary["target"] == target.id) & (summary["scenario"] == "process.start")]
    assert starts.options[0].estimate_ns in rows["estimate"].tolist()
    assert any(line.startswith("mechanism: ") for line in as_lines(found["mechanism"], "bytes"))


def test_a_target_that_the_run_does_not_have_is_refused_with_those_it_has() -> None:
    data = load(RunFolder.existing(CAPTURED))
    with pytest.raises(UsageError, match=r"no target with Python 3\.99 and 2 CPUs; it has: Python"):
        target_for(data.targets.values(), python="3.99", cpus="2")
    with pytest.raises(UsageError, match=r"0\.5q for a quota"):
        target_for(data.targets.values(), python=None, cpus="many")


def test_the_newest_run_is_taken_where_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run was found below"):
        newest_run(tmp_path)
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "manifest.json").write_text("{}")
    assert newest_run(tmp_path) == tmp_path / "one"


def test_json_has_verdict_and_figures_of_every_question() -> None:
    result = CliRunner().invoke(command, [str(CAPTURED), "--payload", "64", "--task", "1ms", "--json"])
    printed: dict[str, Any] = json.loads(result.stdout)
    questions = [answer["question"] for answer in printed["answers"]]
    assert questions == ["start method", "workers", "pool", "chunk size", "mechanism"]
    assert all(answer["verdict"] in ("answered", "inconclusive", "not measured") for answer in printed["answers"])


def test_what_a_run_has_no_cell_for_is_not_measured() -> None:
    empty = load(RunFolder.existing(CAPTURED))
    data = RunData(manifest=empty.manifest, rows=(), targets=empty.targets)
    target = target_for(data.targets.values(), python=None, cpus=None)
    found = answers(data, target, payload_bytes=64, task_ns=1000)
    assert {answer.main.verdict for answer in found} == {"not measured"}
