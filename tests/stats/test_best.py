"""One rule for the best: tables, report, advice and reproduction name the same winner and the same ones beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.advice.choice import Choice
from lab.advice.questions import answers
from lab.comparisons.findings import extract
from lab.model import Finding
from lab.report.data import RunData, of_frames
from lab.report.findings import findings
from lab.report.pages.content import best_workers
from lab.reproduce.judge import judge
from lab.stats.best import cell_standings, fastest, standings
from lab.stats.quality.disturbances import UNDISTURBED, Disturbance, Disturbances
from lab.stats.rounds import Key, Rounds
from lab.stats.tables.ipc_sizes import ipc_sizes
from lab.stats.tables.scaling import scaling
from lab.stats.tables.speedup import speedup
from lab.tables import csv_files, schema
from tests.claim_runs import JOB, TRIP, cell, run
from tests.manifests import manifest

BYTES = '{"payload": "bytes"}'
NO_CLAIMS = csv_files.conform(pd.DataFrame(), schema.CLAIMS)


def frame_of(mechanisms: Mapping[str, float], jobs: Mapping[int, float], scatter: float) -> tuple[Any, pd.DataFrame]:
    """Six rounds of mechanisms at 64 bytes, and of a serial job and pools; all of a round drift together."""
    rng = np.random.default_rng(3)
    drift = [1.0, 1.3, 0.8, 1.4, 0.9, 1.1]

    def values(value: float) -> list[float]:
        return [value * wave * np.exp(rng.normal(0, scatter)) for wave in drift]

    rows = [
        cell(values(value), **TRIP, mechanism=name, variant=BYTES, case=f"{name}-64-same_cpu")
        for name, value in mechanisms.items()
    ]
    rows.append(cell(values(100e6), **JOB, executor="serial", workers=1, tasks=32, case="serial-1"))
    rows += [
        cell(
            values(value), **JOB, executor="processes", workers=count, tasks=32, start_method="fork",
            case=f"processes-{count}",
        )
        for count, value in jobs.items()
    ]  # fmt: skip
    return run(*rows)


def loaded(summary: pd.DataFrame, samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> RunData:
    table = scaling(samples, speedup(samples, disturbed), disturbed)
    return of_frames(manifest(), summary=summary, scaling=table, samples=samples, disturbed=disturbed)


def advised(data: RunData) -> dict[str, Choice]:
    target = next(iter(data.targets.values()))
    return {answer.question: answer.main for answer in answers(data, target, payload_bytes=64, task_ns=None)}


def as_good(choice: Choice) -> list[str]:
    return sorted(choice.as_good or [str(choice.best)])


def of_jobs(samples: pd.DataFrame, disturbed: Disturbances = UNDISTURBED) -> Finding:
    return next(found for found in extract(samples, NO_CLAIMS, disturbed) if found.kind == "best workers")


@pytest.mark.parametrize(
    ("mechanisms", "disturbed", "winner", "open_ones"),
    [
        ({"queue": 9000, "pipe": 5000, "fifo": 7000}, {}, "pipe", []),
        ({"queue": 9000, "pipe": 5000, "fifo": 5050}, {}, None, ["fifo"]),
        ({"queue": 9000, "pipe": 5000, "fifo": 7000}, {"fifo": Disturbance("steal", 0.4)}, None, ["fifo"]),
    ],
    ids=["a winner", "two that are alike", "one that was disturbed"],
)
def test_one_frame_has_one_best_mechanism_in_table_advice_and_words(
    mechanisms: Mapping[str, float], disturbed: Mapping[str, Disturbance], winner: str | None, open_ones: list[str]
) -> None:
    summary, samples = frame_of(mechanisms, {2: 60e6}, scatter=0.01)
    cells = {("py313-linux-c2", "ipc.round_trip", f"{name}-64-same_cpu"): found for name, found in disturbed.items()}
    data = loaded(summary, samples, cells)
    table = ipc_sizes(samples, cells).set_index("mechanism")
    assert table["over_fastest"].idxmin() == "pipe"
    assert table.index[table["verdict"] == "wins"].tolist() == ([winner] if winner else [])
    same = ["pipe", *open_ones]
    assert table.index[table["verdict"].isin(["wins", "inconclusive"])].sort_values().tolist() == sorted(same)
    choice = advised(data)["mechanism"]
    assert (choice.best, choice.options[0].name, as_good(choice)) == (winner, "pipe", sorted(same))
    (words,) = [finding.text for finding in findings(data) if "64 B" in finding.text]
    suffix = f" (estimate; not distinguishable from {', '.join(open_ones)})" if open_ones else ""
    assert f"pipe is the fastest of 3 mechanisms{suffix} at " in words


def test_a_difference_that_is_not_significant_among_all_pairs_of_a_run_is_not_one_in_advice_either() -> None:
    """By itself the pair of this size is decided; among the pairs of the other size, as in ipc_sizes.csv, it is not."""
    pair = {"pipe": [1.0] * 5, "fifo": [1.30, 1.02, 1.18, 1.05, 1.12]}
    wide = ([1.9, 0.7, 1.5, 0.8, 1.4], [0.7, 1.8, 0.8, 1.6, 1.3], [1.4, 1.5, 0.7, 1.9, 0.8], [1.2, 0.9, 1.1, 0.7, 1.3])
    others = {f"other{place}": factors for place, factors in enumerate(wide)}

    def trips(mechanisms: Mapping[str, list[float]], size: int, payload: str = BYTES) -> list[list[dict[str, Any]]]:
        columns = {**TRIP, "payload_bytes": size, "variant": payload}
        return [
            cell(
                [1000.0 * factor for factor in factors], **columns, mechanism=name, case=f"{name}-{size}{payload[-8:]}"
            )
            for name, factors in mechanisms.items()
        ]

    objects = trips({"queue": [3.0, 3.1, 2.9, 3.0, 3.05]}, 64, '{"payload": "object"}')
    alone = run(*trips(pair, 64), *objects)
    among = run(*trips(pair, 64), *objects, *trips(others, 1024))
    for (summary, samples), expected in ((alone, "answered"), (among, "inconclusive")):
        table = ipc_sizes(samples)
        verdict = table[(table["mechanism"] == "pipe") & (table["payload"] == "bytes")]["verdict"].item()
        assert verdict == ("wins" if expected == "answered" else "inconclusive")
        choice = advised(loaded(summary, samples))["mechanism"]
        assert choice.verdict == expected
        assert as_good(choice) == (["pipe"] if expected == "answered" else ["fifo", "pipe"])
        assert [option.name for option in choice.options] == ["pipe", "fifo", "queue (objects)"]


@pytest.mark.parametrize(
    ("jobs", "best", "near"),
    [({1: 110e6, 2: 50e6, 4: 40e6}, 4, [4]), ({1: 110e6, 2: 41e6, 4: 40e6}, 4, [2, 4])],
    ids=["one", "two within 5%"],
)
def test_one_frame_has_one_best_worker_count_in_tables_advice_report_and_reproduction(
    jobs: Mapping[int, float], best: int, near: list[int]
) -> None:
    summary, samples = frame_of({}, jobs, scatter=0.002)
    data = loaded(summary, samples)
    table = speedup(samples).set_index("workers")
    (law,) = data.scaling
    assert (table["over_best"].idxmin(), law["best_workers_measured"]) == (best, best)
    assert table.index[table["near_best"] == 1].tolist() == near
    choice = advised(data)["workers"]
    names = sorted(f"{count} by fork" for count in near)
    assert (choice.options[0].name, as_good(choice)) == (f"{best} by fork", names)
    assert choice.verdict == ("answered" if len(near) == 1 else "inconclusive")
    (row,) = best_workers(data).rows
    assert str(best) in row
    found = of_jobs(samples)
    assert (found.word, found.near) == (str(best), tuple(map(str, near)))
    assert {int(count): span.value for count, span in found.points.items()} == table["over_best"].to_dict()


def test_a_reproduction_repeats_only_what_both_sides_leave_out_of_the_best() -> None:
    clear, alike = (
        [of_jobs(frame_of({}, jobs, 0.002)[1])]
        for jobs in ({1: 110e6, 2: 50e6, 4: 40e6}, {1: 40.6e6, 2: 40.5e6, 4: 40e6})
    )
    assert judge(clear, clear, {}, {})[0].reason == "the same number is fastest, and 1, 2 slower on both sides"
    assert judge(clear, alike, {}, {})[0].verdict == "inconclusive"
    other = [of_jobs(frame_of({}, {1: 40e6, 2: 90e6, 4: 95e6}, 0.002)[1])]
    assert judge(clear, other, {}, {})[0].verdict == "contradicted"


def test_a_disturbed_count_is_left_out_by_nothing_and_has_no_interval_to_reproduce() -> None:
    _, samples = frame_of({}, {1: 110e6, 2: 50e6, 4: 40e6}, scatter=0.002)
    stolen = {("py313-linux-c2", "pool.scaling", "processes-2"): Disturbance("steal", 0.4)}
    found = of_jobs(samples, stolen)
    assert found.near == ("2", "4")
    assert (found.points["2"].low, found.points["2"].high) == (None, None)
    assert found.points["1"].low is not None


def rounds_of(values: Mapping[str, list[float]], runs: Mapping[str, str] | None = None) -> tuple[Rounds, list[Key]]:
    keys = {name: ("t", "s", name, "o") for name in values}
    logs = {keys[name]: dict(enumerate(np.log(own).tolist())) for name, own in values.items()}
    return Rounds(logs, {keys[name]: (runs or {}).get(name, "r") for name in values}), list(keys.values())


@pytest.mark.parametrize("bimodal", ["a", "b"])
def test_a_pair_with_one_bimodal_side_is_decided_by_the_sign_test(bimodal: str) -> None:
    """Five rounds of one sign have a p of 6% by the sign test, six of 3%; Student's t would decide both."""
    for count, decided in ((5, False), (6, True)):
        values = {"a": [1.0, 1.01, 0.99, 1.0, 1.01, 1.0][:count], "b": [2.0, 2.1, 1.9, 2.05, 2.0, 2.1][:count]}
        rounds, keys = rounds_of(values)
        assert cell_standings(rounds, keys)[keys[1]].slower
        found = cell_standings(rounds, keys, bimodal={("t", "s", bimodal, "o")})
        assert found[keys[0]].fastest
        assert found[keys[1]].slower == decided


def test_cells_of_two_merged_runs_are_ranked_by_estimate_and_not_paired() -> None:
    rounds, keys = rounds_of({"a": [1.0] * 6, "b": [9.0, 9.1, 9.0, 9.1, 9.0, 9.2]}, {"b": "another"})
    found = cell_standings(rounds, keys)
    assert [found[key].fastest for key in keys] == [True, False]
    assert not found[keys[1]].paired
    assert not found[keys[1]].slower


def test_of_equal_estimates_the_first_is_the_fastest() -> None:
    frame = pd.DataFrame({"g": ["x", "x", "y", "y"], "o": ["b", "a", "d", "c"], "value": [1.0, 1.0, 3.0, 2.0]})
    assert fastest(frame, ["g"])["o"].tolist() == ["b", "c"]


def test_each_family_is_corrected_by_itself() -> None:
    """A pair that differs is not certain among ten that do not; alone it is."""
    rng = np.random.default_rng(0)
    rows = [
        {"family": family, "group": group, "option": option, "round": number, "log": log}
        for family, groups in (("alone", 1), ("many", 10))
        for group in range(groups)
        for option in ("a", "b")
        for number, log in enumerate(rng.normal(0, 0.1, 5) if group else [0.05, 0.1, 0.06, 0.12, 0.04])
    ]
    frame = pd.DataFrame(rows)
    frame.loc[(frame["group"] == 0) & (frame["option"] == "a"), "log"] = 0.0
    table = standings(frame, ["family", "group"], "option", family=["family"])
    q_value = table[(table["group"] == 0) & ~table["fastest"]].set_index("family")["q_value"]
    assert q_value["alone"] < 0.05 < q_value["many"]


@pytest.mark.parametrize("odd", ["", "flagged", "bimodal"])
def test_a_group_without_a_value_in_a_column_is_a_group_like_any_other(odd: str) -> None:
    """Serial jobs and threads have no start method, and their options are ranked all the same."""
    rng = np.random.default_rng(4)
    noise = {option: rng.normal(centre, 0.02, 6) for option, centre in (("a", 0.0), ("b", 0.2), ("c", 0.01))}
    logs = pd.DataFrame(
        {"work": "w", "method": method, "option": option, "round": number, "log": log}
        for method in ("fork", None)
        for option, values in noise.items()
        for number, log in enumerate(values)
    )
    odd_ones = pd.DataFrame({"work": "w", "method": ["fork", None], "option": "b"})
    table = standings(
        logs,
        ["work", "method"],
        "option",
        flagged=odd_ones if odd == "flagged" else None,
        bimodal=odd_ones if odd == "bimodal" else None,
    )
    named, unnamed = table[table["method"].notna()], table[table["method"].isna()]
    assert len(named) == len(unnamed) == 3
    rest = [column for column in table if column != "method"]
    pd.testing.assert_frame_equal(named[rest].reset_index(drop=True), unnamed[rest].reset_index(drop=True))
    slower = named.set_index("option")["slower"].to_dict()
    assert slower == {"a": False, "b": odd != "flagged", "c": False}
