"""The price of a message: lines, winners, crossings and what Python adds, on messages of known truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lab.stats.best import pairwise
from lab.stats.quality.disturbances import Disturbance, Disturbances
from lab.stats.tables.ipc_cost import ipc_cost
from lab.stats.tables.ipc_crossings import ipc_crossings
from lab.stats.tables.ipc_sizes import ipc_sizes
from lab.stats.tables.messages import CONDITIONS, SIZE
from lab.tables import csv_files, schema

SIZES = (1, 64, 1024, 65_536, 1_048_576)


def trips(
    mechanism: str, cost_ns: Callable[[int], float], *, rounds: int = 6, scatter: float = 0.01, payload: str = "bytes",
    scenario: str = "ipc.round_trip", metric: str = "wall_time", seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Messages of a mechanism whose cost is known; every round drifts, for all mechanisms alike."""
    rng = np.random.default_rng(seed)
    ways = 2 if scenario == "ipc.round_trip" else 1
    rows: list[dict[str, Any]] = [
        {
            "run_id": "r", "target": "t", "cpu_mode": "cpuset", "scenario": scenario, "metric": metric, "unit": "ns",
            "operation": scenario.partition(".")[2], "mechanism": mechanism, "payload_bytes": size,
            "placement": "same_cpu", "variant": json.dumps({"payload": payload}), "status": "ok", "warmup": 0,
            "case": f"{mechanism}-{size}", "loops": 10, "round": number, "sample": sample,
            "value": ways * cost_ns(size) * (1 + number / 20) * np.exp(rng.normal(0, scatter)),
        }
        for number in range(rounds)
        for size in SIZES
        for sample in range(3)
    ]  # fmt: skip
    return csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)


def together(*parts: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(parts, ignore_index=True)


def test_a_line_is_found_again_with_its_startup_cost_and_bandwidth() -> None:
    row = ipc_cost(trips("pipe", lambda size: 4000 + size / 2)).iloc[0]
    mean = 1 + np.arange(6).mean() / 20
    assert row["startup_ns_ci_low"] <= 4000 * mean <= row["startup_ns_ci_high"]
    assert row["bandwidth_ci_low"] <= 2e9 / mean <= row["bandwidth_ci_high"]
    assert row["r2"] > 0.999
    assert (row["sizes"], row["smallest_bytes"], row["largest_bytes"], row["rounds"]) == (5, 1, 1_048_576, 6)
    assert pd.isna(row["reason"])


def test_a_message_is_half_a_round_trip_and_the_whole_of_one_way() -> None:
    both = [
        trips("pipe", lambda size: 4000 + size, scatter=0, scenario=name) for name in ("ipc.round_trip", "ipc.one_way")
    ]
    startup = ipc_cost(together(*both))["startup_ns"]
    assert startup[0] == pytest.approx(startup[1])


def test_a_step_that_no_line_has_is_said() -> None:
    row = ipc_cost(trips("pipe", lambda size: 1000 if size < 65_536 else 90_000)).iloc[0]
    assert "does not describe the data" in row["reason"]
    assert row["worst_deviation"] > 0.25


def test_a_cost_that_does_not_grow_has_no_bandwidth_and_none_is_below_zero() -> None:
    row = ipc_cost(trips("shared_memory", lambda _: 4000, scatter=0)).iloc[0]
    assert row["startup_ns"] == pytest.approx(4000 * 1.125)
    assert pd.isna(row["bandwidth_ci_high"])


def test_few_sizes_and_few_rounds_are_stated() -> None:
    samples = trips("pipe", lambda size: 4000 + size, rounds=4)
    assert ipc_cost(samples).iloc[0]["reason"] == "4 of 5 rounds"
    assert pd.isna(ipc_cost(samples).iloc[0]["startup_ns_ci_low"])
    two = samples[samples["payload_bytes"] < 1000]
    assert ipc_cost(two).iloc[0]["reason"] == "2 of 3 sizes that a line needs"


def test_three_sizes_of_which_no_round_has_all_make_no_line_and_the_row_has_a_reason() -> None:
    samples = trips("pipe", lambda size: 4000 + size)
    small, early = samples["payload_bytes"] < 1000, samples["round"] < 3
    row = ipc_cost(samples[(samples["payload_bytes"] <= 1024) & (small == early)].reset_index(drop=True)).iloc[0]
    assert row["sizes"] == 3
    assert pd.isna(row["startup_ns"])
    assert "sizes that a line needs" in row["reason"]


def test_the_winner_of_a_size_beats_every_other_mechanism_otherwise_it_is_inconclusive() -> None:
    samples = together(
        trips("pipe", lambda size: 4000 + size, seed=1),
        trips("queue", lambda size: 9000 + size * 0.9, seed=2),
        trips("fifo", lambda size: 4000 + size * 1.5, seed=3),
    )
    verdicts = ipc_sizes(samples).set_index(["payload_bytes", "mechanism"])["verdict"]
    assert (verdicts[1, "pipe"], verdicts[1, "fifo"], verdicts[1, "queue"]) == (
        "inconclusive",
        "inconclusive",
        "slower",
    )
    assert (verdicts[1_048_576, "queue"], verdicts[1_048_576, "pipe"]) == ("wins", "slower")


def test_what_differs_by_its_own_interval_alone_is_not_significant_among_many() -> None:
    def by_round(mechanism: str, factors: Sequence[float]) -> pd.DataFrame:
        samples = trips(mechanism, lambda _: 4000.0, rounds=5, scatter=0)
        return samples.assign(value=samples["value"] * samples["round"].map(pd.Series(factors)).to_numpy())

    pipe = by_round("pipe", [1.0] * 5)
    queue = by_round("queue", [1.30, 1.02, 1.18, 1.05, 1.12])  # the interval of their mean lies above 1
    alone = ipc_sizes(together(pipe, queue))
    assert alone.loc[alone["mechanism"] == "queue", "verdict"].eq("slower").all()
    wide = ([1.9, 0.7, 1.5, 0.8, 1.4], [0.7, 1.8, 0.8, 1.6, 1.3], [1.4, 1.5, 0.7, 1.9, 0.8])
    others = [by_round(f"other{index}", factors) for index, factors in enumerate(wide)]
    among = ipc_sizes(together(pipe, queue, *others))
    same = among[among["mechanism"] == "queue"]
    assert (same["over_fastest_ci_low"] > 1).all()
    assert (same["over_fastest_q"] > 0.05).all()
    assert set(among["verdict"]) == {"inconclusive"}


def test_of_equal_mechanisms_hardly_a_table_has_a_pair_that_differs() -> None:
    """Twelve mechanisms at five sizes are 330 pairs, of which a twentieth would differ by its own interval."""
    rng = np.random.default_rng(11)
    base = dict.fromkeys(CONDITIONS, "x")
    points = [(f"m{index:02}", size, number) for index in range(12) for size in SIZES for number in range(5)]
    frame = pd.DataFrame(points, columns=["mechanism", "payload_bytes", "round"]).assign(**base)
    found = [pairwise(frame.assign(log=rng.normal(0, 0.1, len(frame))), SIZE, "mechanism") for _ in range(20)]
    by_itself = [((table["ci_low"] > 0) | (table["ci_high"] < 0)).sum() for table in found]
    assert len(found[0]) == 330
    assert np.mean(by_itself) > 10
    assert sum(table["decided"].any() for table in found) <= 2


def test_without_intervals_nobody_wins_and_alone_is_no_victory() -> None:
    few = together(trips("pipe", lambda _: 1.0, rounds=4), trips("queue", lambda _: 9.0, rounds=4))
    assert set(ipc_sizes(few)["verdict"]) == {"inconclusive"}
    assert set(ipc_sizes(trips("pipe", lambda _: 1.0))["verdict"]) == {"alone"}


def test_what_python_adds_is_paired_with_the_system_call_beneath() -> None:
    samples = together(
        trips("os_pipe", lambda size: 4000 + size, scatter=0),
        trips("pipe", lambda size: 6000 + 1.5 * size, scatter=0),
        trips("pipe", lambda size: 8000 + 2 * size, scatter=0, payload="object"),
        trips("pipe", lambda _: 500.0, scatter=0, metric="cpu_time"),
    )
    table = ipc_sizes(samples)
    of_bytes = table[(table["mechanism"] == "pipe") & (table["payload"] == "bytes")]
    of_objects = table[(table["mechanism"] == "pipe") & (table["payload"] == "object")]
    assert of_bytes["over_raw"].tolist() == pytest.approx([1.5] * 5)
    assert of_objects["over_raw_ci_high"].tolist() == pytest.approx([2.0] * 5)
    assert set(of_objects["raw_mechanism"]) == {"os_pipe"}
    assert table.loc[table["mechanism"] == "os_pipe", "over_raw"].isna().all()
    drift = np.exp(np.log(1 + np.arange(6) / 20).mean())
    assert of_bytes["cpu_ns"].tolist() == pytest.approx([500 * drift] * 5)


def test_a_crossing_lies_between_two_measured_sizes() -> None:
    samples = together(
        trips("pipe", lambda size: 4000 + size, seed=1),
        trips("shared_memory", lambda size: 9000 + size / 10, seed=2),
        trips("fifo", lambda size: 20_000 + size * 2, seed=3),
    )
    table = ipc_crossings(samples)
    assert len(table) == 1
    row = table.iloc[0]
    assert (row["faster_below"], row["faster_above"]) == ("pipe", "shared_memory")
    assert (row["below_bytes"], row["above_bytes"], row["undecided_between"]) == (1024, 65_536, 0)
    assert row["ratio_below_ci_high"] < 1 < row["ratio_above_ci_low"]


def test_a_crossing_is_the_same_whichever_mechanism_comes_first_in_the_alphabet() -> None:
    """At 1 KiB a message takes 5 us against 9.1, at 64 KiB 69.5 us against 15.6, but for scatter."""
    costs = (lambda size: 4000 + size, lambda size: 9000 + size / 10)
    crossings = {}
    for names in (("fifo", "pipe"), ("pipe", "fifo")):
        parts = [trips(name, cost, seed=seed) for seed, (name, cost) in enumerate(zip(names, costs, strict=True))]
        (row,) = ipc_crossings(together(*parts)).to_dict("records")
        assert (row.pop("faster_below"), row.pop("faster_above")) == names
        crossings[names] = row
    one, other = crossings.values()
    numbers = [str(name) for name in one if str(name).startswith(("ratio", "q_"))]
    assert [one[name] for name in numbers] == pytest.approx([other[name] for name in numbers])
    for side, ratio in (("below", 5024 / 9102.4), ("above", 69_536 / 15_553.6)):
        low, value, high = (one[f"ratio_{side}{end}"] for end in ("_ci_low", "", "_ci_high"))
        assert low < value < high
        assert value == pytest.approx(ratio, rel=0.02)
        assert one[f"q_{side}"] < 0.001


def test_inconclusive_sizes_lie_within_the_bracket_and_are_counted() -> None:
    same_until = 65_536
    samples = together(
        trips("pipe", lambda size: 1000.0 if size == 1 else 5000.0, seed=1),
        trips("mmap", lambda size: 2000.0 if size == 1 else 5000.0 if size <= same_until else 1000.0, seed=2),
    )
    row = ipc_crossings(samples).iloc[0]
    assert (row["below_bytes"], row["above_bytes"], row["undecided_between"]) == (1, 1_048_576, 3)


def steal(*cases: str) -> Disturbances:
    return {("t", "ipc.round_trip", case): Disturbance("steal", 0.07) for case in cases}


def test_where_a_mechanism_was_disturbed_its_size_has_no_verdict_about_it() -> None:
    samples = together(
        trips("pipe", lambda _: 1000), trips("queue", lambda _: 5000, seed=1), trips("fifo", lambda _: 9000, seed=2)
    )
    quiet = ipc_sizes(samples).set_index(["payload_bytes", "mechanism"])
    table = ipc_sizes(samples, steal("queue-64", "pipe-1024")).set_index(["payload_bytes", "mechanism"])
    assert list(quiet["verdict"].loc[64][["pipe", "queue", "fifo"]]) == ["wins", "slower", "slower"]
    assert list(table["verdict"].loc[64][["pipe", "queue", "fifo"]]) == ["inconclusive", "inconclusive", "slower"]
    assert table["reason"].loc[64, "queue"].startswith("disturbed: steal took 7% of the CPUs: ")
    assert table["reason"].loc[64][["pipe", "fifo"]].isna().all()
    assert set(table["verdict"].loc[1024]) == {"inconclusive"}
    assert table["reason"].loc[1024, "fifo"].startswith("the fastest was disturbed: steal")
    for size in (1, 65_536, 1_048_576):
        assert table["verdict"].loc[size].equals(quiet["verdict"].loc[size])
    assert table["over_fastest"].equals(quiet["over_fastest"])


def test_a_crossing_is_not_between_sizes_that_were_disturbed() -> None:
    samples = together(trips("pipe", lambda size: 1000 + size), trips("shared_memory", lambda _: 30_000, seed=1))
    assert list(ipc_crossings(samples)["below_bytes"]) == [1024]
    row = ipc_crossings(samples, steal("pipe-1024")).iloc[0]
    assert (row["below_bytes"], row["above_bytes"], row["undecided_between"]) == (64, 65_536, 1)
    assert ipc_crossings(samples, steal("pipe-65536", "pipe-1048576")).empty


def test_kinds_of_payload_are_never_compared_with_each_other() -> None:
    samples = together(
        trips("pipe", lambda size: 4000 + size), trips("queue", lambda size: 9000 + size / 10, payload="object")
    )
    assert ipc_crossings(samples).empty
    assert set(ipc_sizes(samples)["verdict"]) == {"alone"}


def test_a_run_without_messages_gives_empty_tables_with_all_columns() -> None:
    nothing = csv_files.conform(pd.DataFrame(), schema.SAMPLES)
    for make, columns in (
        (ipc_cost, schema.IPC_COST),
        (ipc_sizes, schema.IPC_SIZES),
        (ipc_crossings, schema.IPC_CROSSINGS),
    ):
        assert list(make(nothing).columns) == schema.names(columns)
        assert make(nothing).empty


def test_mechanisms_that_never_scatter_differ_surely_or_not_at_all() -> None:
    samples = together(
        trips("a", lambda _: 5.0, scatter=0), trips("b", lambda _: 5.0, scatter=0), trips("c", lambda _: 6.0, scatter=0)
    )
    table = ipc_sizes(samples).set_index(["payload_bytes", "mechanism"])
    assert table["verdict"].loc[64].to_dict() == {"a": "inconclusive", "b": "inconclusive", "c": "slower"}
    assert table["over_fastest_q"].loc[64].fillna(-1).to_dict() == {"a": -1, "b": 1, "c": pytest.approx(0, abs=1e-50)}
    assert table["over_fastest"].loc[64].tolist() == pytest.approx([1, 1, 1.2])
    assert table["message_ns"].loc[64, "c"] == pytest.approx(6 * np.exp(np.log(1 + np.arange(6) / 20).mean()))


def test_the_line_of_a_series_is_that_of_least_squares_of_the_relative_deviation() -> None:
    """At sizes 1, 64 and 1024 the costs are 1, 2 and 4 us; numpy solves the same weighted equations."""
    costs = {1: 1000.0, 64: 2000.0, 1024: 4000.0}
    samples = trips("pipe", lambda size: costs.get(size, 1.0), scatter=0, rounds=1, scenario="ipc.one_way")
    row = ipc_cost(samples[samples["payload_bytes"].isin(costs)].reset_index(drop=True)).iloc[0]
    time = np.array(list(costs.values()))
    terms = np.stack([np.ones(3), np.array(list(costs), dtype=float)], axis=1) / time[:, None]
    startup, a_byte = np.linalg.lstsq(terms, np.ones(3))[0]
    assert (row["startup_ns"], row["bandwidth"]) == (pytest.approx(startup), pytest.approx(1e9 / a_byte))
    line = startup + a_byte * np.array(list(costs))
    off = np.abs(np.log(time / line))
    assert row["worst_deviation"] == pytest.approx(np.exp(off.max()) - 1)
    assert row["worst_payload_bytes"] == list(costs)[int(off.argmax())]
    logs = np.log(time)
    assert row["r2"] == pytest.approx(1 - (off**2).sum() / ((logs - logs.mean()) ** 2).sum())
    assert row["reason"].startswith("1 of 5 rounds; the line does not describe the data: at ")


@pytest.mark.parametrize(
    ("cost", "startup", "a_byte"), [(lambda size: 3.0 * size, 0.0, 3.0), (lambda size: 9000 - size / 500, 8000.0, 0.0)]
)
def test_no_coefficient_of_a_line_is_below_zero(cost: Callable[[int], float], startup: float, a_byte: float) -> None:
    row = ipc_cost(trips("pipe", cost, scatter=0, rounds=1, scenario="ipc.one_way")).iloc[0]
    assert row["startup_ns"] == pytest.approx(startup, rel=0.05, abs=1e-6)
    assert (0 if pd.isna(row["bandwidth"]) else 1e9 / row["bandwidth"]) == pytest.approx(a_byte)


def test_the_ends_of_the_bandwidth_are_those_of_the_ns_a_byte_inverted() -> None:
    row = ipc_cost(trips("pipe", lambda size: 4000 + size / 2, rounds=6)).iloc[0]
    assert row["bandwidth_ci_low"] < row["bandwidth"] < row["bandwidth_ci_high"]
    assert row["startup_ns_ci_low"] >= 0


def test_a_size_is_compared_within_its_placement_only() -> None:
    near = together(trips("pipe", lambda _: 1000, seed=1), trips("queue", lambda _: 5000, seed=2))
    far = together(trips("pipe", lambda _: 9000, seed=3), trips("queue", lambda _: 3000, seed=4))
    table = ipc_sizes(together(near, far.assign(placement="cross_cpu")))
    winners = table[table["verdict"] == "wins"].set_index("placement")["mechanism"]
    assert (set(winners["same_cpu"]), set(winners["cross_cpu"])) == ({"pipe"}, {"queue"})
    assert len(table) == 20


def test_messages_whose_kind_of_payload_is_not_said_are_compared_as_any_other() -> None:
    parts = trips("pipe", lambda size: 4000 + size, seed=1), trips("mmap", lambda size: 9000 + size / 10, seed=2)
    samples = together(*parts).assign(variant=pd.Series(pd.NA, dtype="string"))
    assert ipc_crossings(samples)["faster_below"].tolist() == ["pipe"]
    assert ipc_sizes(samples)["verdict"].tolist().count("wins") == 5
    assert ipc_cost(samples)["sizes"].tolist() == [5, 5]
