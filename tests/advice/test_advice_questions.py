"""Each question of advice is answered from its own cells and no others, and the words and the record say the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from lab.advice.choice import Choice, Lost, Option, choose
from lab.advice.matching import Measured, nearest, target_for
from lab.advice.questions import Answer, answers
from lab.advice.words import as_lines, as_record
from lab.errors import UsageError
from lab.report.data import RunData, of_frames
from lab.report.targets import Target
from lab.stats.rounds import Rounds
from lab.text import parse_size_bytes, parse_task_ns
from tests.claim_runs import cell, run
from tests.manifests import manifest

START: Mapping[str, Any] = {
    "scenario": "process.start", "operation": "start_join", "placement": "same_cpu",
    "variant": '{"imports": "none", "bytecode": "compiled"}',
}  # fmt: skip
JOB: Mapping[str, Any] = {"scenario": "pool.scaling", "operation": "job", "work": "pure_python"}
GRAIN: Mapping[str, Any] = {"scenario": "pool.grain", "chunksize": 1, "workers": 2}
CHUNKS: Mapping[str, Any] = {"scenario": "pool.chunksize", "operation": "map", "workers": 2, "task_ns": 1000}
TRIP: Mapping[str, Any] = {
    "scenario": "ipc.round_trip", "operation": "round_trip", "placement": "same_cpu", "payload_bytes": 64,
    "variant": '{"payload": "bytes"}',
}  # fmt: skip
Timed = tuple[Mapping[str, Any], float]


def data_of(*timed: Timed) -> RunData:
    """A run of cells that take so many microseconds in each of five rounds; NaN is a cell that failed."""
    gone = {"operation": None, "status": "failed", "reason": "killed", "value": None}
    cells = [
        [
            {**row, **(gone if math.isnan(value) else {})}
            for row in cell([value * 1000] * 5, **{"case": f"c{number}", **columns})
        ]
        for number, (columns, value) in enumerate(timed)
    ]
    summary, samples = run(*cells)
    return of_frames(manifest(), summary=summary, samples=samples)


def answered(question: str, *timed: Timed, size: int | None = None, task: int | None = None) -> Answer:
    data = data_of(*timed)
    found = answers(data, data.targets["py313-linux-c2"], payload_bytes=size, task_ns=task)
    return next(answer for answer in found if answer.question == question)


def times(choice: Choice) -> dict[str, float]:
    return {option.name: round(option.estimate_ns / 1000, 6) for option in choice.options}


def test_a_start_method_is_chosen_by_the_plain_start_alone() -> None:
    found = answered(
        "start method",
        ({**START, "start_method": "spawn"}, 9.0),
        ({**START, "start_method": "fork"}, 2.0),
        ({**START, "start_method": "forkserver", "variant": None}, 4.0),
        ({**START, "start_method": "default"}, 1.0),
        ({**START, "start_method": "spawn", "placement": "free"}, 1.0),
        ({**START, "start_method": "spawn", "variant": '{"imports": "heavy"}'}, 1.0),
        ({**START, "start_method": "spawn", "variant": '{"bytecode": "shipped"}'}, 1.0),
        ({**START, "start_method": "spawn", "operation": "start_returns"}, 1.0),
        ({**START, "start_method": "spawn", "metric": "cpu_time"}, 1.0),
        ({**START, "start_method": "spawn", "scenario": "pool.start"}, 1.0),
        ({**START, "start_method": "spawn", "target": "another"}, 1.0),
    )
    assert times(found.main) == {"fork": 2.0, "forkserver": 4.0, "spawn": 9.0}
    assert (found.main.verdict, found.main.best, found.main.reason) == ("answered", "fork", "")
    assert found.measured is None


def test_workers_are_chosen_by_one_job_of_pure_python() -> None:
    found = answered(
        "workers",
        ({**JOB, "executor": "serial", "workers": 1}, 9.0),
        ({**JOB, "executor": "processes", "workers": 2, "start_method": "fork"}, 5.0),
        ({**JOB, "executor": "processes", "workers": 4, "start_method": "spawn"}, 6.0),
        ({**JOB, "executor": "threads", "workers": 2}, 1.0),
        ({**JOB, "executor": "serial", "workers": 1, "work": "hashing"}, 1.0),
    )
    assert times(found.main) == {"2 by fork": 5.0, "4 by spawn": 6.0, "no pool": 9.0}
    assert found.main.best == "2 by fork"


def test_a_pool_or_none_is_chosen_at_the_widest_pool_and_chunks_of_one() -> None:
    found = answered(
        "pool",
        ({**GRAIN, "operation": "serial", "task_ns": 1000}, 2.0),
        ({**GRAIN, "operation": "pool", "task_ns": 1000}, 9.0),
        ({**GRAIN, "operation": "pool", "task_ns": 1000, "workers": 1}, 1.0),
        ({**GRAIN, "operation": "pool", "task_ns": 1000, "chunksize": 8}, 1.0),
        ({**GRAIN, "operation": "serial", "task_ns": 9000}, 90.0),
        ({**GRAIN, "operation": "pool", "task_ns": 9000}, 50.0),
        task=2000,
    )
    assert {at: choice.best for at, choice in found.choices.items()} == {1000: "no pool", 9000: "a pool of 2"}
    assert found.main is found.choices[1000]
    assert times(found.main) == {"no pool": 2.0, "a pool of 2": 9.0}


def test_a_chunk_size_is_chosen_for_map_where_it_was_timed_else_for_imap() -> None:
    imap = {**CHUNKS, "operation": "imap"}
    both: list[Timed] = [
        ({**CHUNKS, "chunksize": 1}, 5.0),
        ({**CHUNKS, "chunksize": 16}, 3.0),
        ({**CHUNKS, "chunksize": 64, "workers": 1}, 1.0),
        ({**CHUNKS, "chunksize": None}, 1.0),
        ({**imap, "chunksize": 4}, 1.0),
    ]
    found = answered("chunk size", *both, task=1000)
    assert (times(found.main), found.basis) == ({"16": 3.0, "1": 5.0}, "pool.chunksize, time per task of Pool(2).map")
    found = answered("chunk size", both[-1], ({**imap, "chunksize": 8}, 2.0), task=1000)
    assert (times(found.main), found.basis) == ({"4": 1.0, "8": 2.0}, "pool.chunksize, time per task of Pool(2).imap")
    assert answered("chunk size", both[3], task=1000).basis == "pool.chunksize"


def test_a_mechanism_is_chosen_across_cpus_where_several_were_timed_so_and_objects_are_named() -> None:
    across = {**TRIP, "placement": "cross_cpu"}
    near: list[Timed] = [
        ({**TRIP, "mechanism": "pipe"}, 3.0),
        ({**TRIP, "mechanism": "queue", "variant": '{"payload": "object"}'}, 9.0),
        ({**TRIP, "mechanism": "pipe", "variant": '{"payload": "flat_list"}'}, 1.0),
        ({**TRIP, "mechanism": "signal", "payload_bytes": None}, 1.0),
        ({**TRIP, "mechanism": "fifo", "placement": "free"}, 1.0),
    ]
    found = answered("mechanism", *near, size=64)
    assert times(found.main) == {"pipe": 3.0, "queue (objects)": 9.0}
    assert found.basis == "ipc.round_trip, both sides on one CPU"
    one = ({**across, "mechanism": "pipe"}, 7.0)
    assert times(answered("mechanism", *near, one, (one[0], 8.0), size=64).main) == times(found.main)
    found = answered("mechanism", *near, one, ({**across, "mechanism": "fifo"}, 8.0), size=64)
    assert times(found.main) == {"pipe": 7.0, "fifo": 8.0}
    assert found.basis == "ipc.round_trip, one CPU for each side"


def test_a_value_at_which_nothing_was_timed_is_not_the_nearest() -> None:
    larger = {**TRIP, "payload_bytes": 128, "mechanism": "pipe"}
    found = answered("mechanism", ({**TRIP, "mechanism": "pipe"}, 3.0), (larger, math.nan), size=128)
    assert found.measured == Measured(asked=128, nearest=64, neighbours=())
    assert times(found.main) == {"pipe": 3.0}


def test_where_no_pool_was_timed_each_that_failed_is_named() -> None:
    serial = {**GRAIN, "operation": "serial", "task_ns": 1000}
    wide, narrow = ({**serial, "operation": "pool", "workers": count} for count in (4, 2))
    found = answered("pool", (wide, math.nan), (narrow, math.nan), task=1000)
    assert (found.main.verdict, found.main.reason) == ("not measured", "no such cell has a time")
    assert [option.words for option in found.main.lost] == ["c0: failed: killed"]
    found = answered("pool", (serial, 2.0), (wide, math.nan), task=1000)
    assert (found.main.verdict, found.main.as_good) == ("inconclusive", ("no pool",))


def test_a_question_whose_size_or_length_was_not_given_is_left_out() -> None:
    data = data_of(({**START, "start_method": "fork"}, 1.0))
    target = next(iter(data.targets.values()))
    asked = {
        (size, task): [answer.question for answer in answers(data, target, payload_bytes=size, task_ns=task)]
        for size in (None, 64)
        for task in (None, 64)
    }
    assert asked == {
        (None, None): ["start method", "workers"],
        (None, 64): ["start method", "workers", "pool", "chunk size"],
        (64, None): ["start method", "workers", "mechanism"],
        (64, 64): ["start method", "workers", "pool", "chunk size", "mechanism"],
    }


def option(name: str, low: float | None, high: float | None, estimate: float = 10.0, **more: Any) -> Option:
    base: dict[str, Any] = {"name": name, "estimate_ns": estimate, "ci_low_ns": low, "ci_high_ns": high, "rounds": 5}
    return Option(**{**base, "case": f"a/{name}", "key": ("t", "a", name, "o"), **more})


def rounds_of(**values: Sequence[float]) -> Rounds:
    logs = {("t", "a", name, "o"): dict(enumerate(np.log(list(row)).tolist())) for name, row in values.items()}
    return Rounds(logs, dict.fromkeys(logs, "r"))


MODES = [1.0, 1.1, 1.0, 1.1, 1.0, 1.1, 1.0, 1.1]


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True)])
def test_two_modes_of_one_option_alone_make_the_ratio_that_of_order_statistics(*, first: bool, second: bool) -> None:
    steady = [1.0] * 8
    rounds = rounds_of(a=MODES if first else steady, b=[1.3 * x for x in (MODES if second else steady)])
    options = [option("a", 9, 11, 10, bimodal=first), option("b", 12, 14, 13, bimodal=second)]
    over = choose(options, rounds).options[1].over_fastest
    assert over is not None
    ends = (1.3 / 1.1, 1.3) if first else (1.3, 1.3 * 1.1)
    assert [over.low, over.high] == pytest.approx(list(ends))
    plain = choose([option("a", 9, 11, 10), option("b", 12, 14, 13)], rounds).options[1].over_fastest
    assert plain is not None
    assert plain.low != pytest.approx(ends[0])


@pytest.mark.parametrize(
    ("options", "rounds", "verdict", "as_good"),
    [
        ([option("a", 9, 11), option("b", 11.1, 13, 12)], {}, "answered", ()),
        ([option("a", 9, 11), option("b", 11, 13, 12)], {}, "inconclusive", ("a", "b")),
        ([option("a", 9, None), option("b", 12, 13, 12)], {}, "inconclusive", ("a", "b")),
        ([option("a", 9, 11), option("b", None, 13, 12)], {}, "inconclusive", ("a", "b")),
        ([option("a", 9, 11, flag="x"), option("b", 12, 13, 12)], {}, "inconclusive", ("a", "b")),
        ([option("a", 9, 11), option("b", 12, 13, 12, flag="x")], {}, "inconclusive", ("a", "b")),
        ([option("a", 9, 11), option("b", 12, 13, 12), option("c", 10, 13, 11)], {}, "inconclusive", ("a", "c")),
        ([option("a", 9, 99), option("b", 9, 99, 12)], {"a": [1.0] * 5, "b": [1.01] * 5}, "answered", ()),
        ([option("a", 9, 11), option("b", 12, 13, 12)], {"a": [1.0] * 5, "b": [1.0] * 5}, "inconclusive", ("a", "b")),
        ([option("a", 9, 11), option("b", 12, 13, 12)], {"a": [1.0] * 4, "b": [2.0] * 4}, "inconclusive", ("a", "b")),
        ([option("b", 9, 11), option("a", 9, 11)], {}, "inconclusive", ("a", "b")),
    ],
)
def test_a_choice_next_to_the_bounds_of_each_verdict(
    options: list[Option], rounds: dict[str, list[float]], verdict: str, as_good: tuple[str, ...]
) -> None:
    found = choose(options, rounds_of(**rounds))
    assert (found.verdict, found.as_good) == (verdict, as_good)
    assert (found.best == "a") == (verdict == "answered")
    assert found.options[0].over_fastest is None


@pytest.mark.parametrize(
    ("options", "rounds", "reason"),
    [
        (
            [option("a", 9, 11), option("b", 10, 12, 11, flag="b was disturbed")],
            {},
            "b was disturbed; a is the fastest (estimate); not distinguishable from it: b",
        ),
        (
            [option("a", None, None, rounds=4), option("b", None, None, 11, rounds=3)],
            {},
            "3 of 5 rounds are too few for an interval; run more rounds",
        ),
        (
            [option("a", 9, 11), option("b", 10, 12, 11)],
            {"a": [1.0] * 4, "b": [1.0] * 4},
            "4 of 5 rounds are too few for an interval; run more rounds",
        ),
        (
            [option("a", 9, 11), option("b", 10, 12, 11), option("c", 10, 12, 11)],
            {},
            "a is the fastest (estimate); not distinguishable from it: b, c",
        ),
        ([option("a", 9, 11)], {}, "a is the only one that was measured, so there is nothing to compare it with"),
        ([], {}, "this run has no such cell"),
    ],
)
def test_what_keeps_a_choice_from_being_answered_is_said(
    options: list[Option], rounds: dict[str, list[float]], reason: str
) -> None:
    assert choose(options, rounds_of(**rounds)).reason == reason


def test_what_has_no_time_is_sorted_by_name_and_says_why() -> None:
    lost = [Lost(name=name, status="failed", reason=reason, case="c") for name, reason in (("z", "killed"), ("b", ""))]
    found = choose([], rounds_of(), lost)
    assert [each.words for each in found.lost] == ["b: failed: no reason was given", "z: failed: killed"]
    assert (found.verdict, found.reason) == ("not measured", "no such cell has a time")


@pytest.mark.parametrize(
    ("asked", "values", "expected"),
    [
        (64, (64, 128), Measured(asked=64, nearest=64, neighbours=())),
        (90, (64, 128), Measured(asked=90, nearest=64, neighbours=(64, 128))),
        (91, (64, 128), Measured(asked=91, nearest=128, neighbours=(64, 128))),
        (20, (10, 40, 1, 400), Measured(asked=20, nearest=10, neighbours=(10, 40))),
        (1, (2, 4), Measured(asked=1, nearest=2, neighbours=())),
        (9, (2, 4), Measured(asked=9, nearest=4, neighbours=())),
        (9, (0, -9, 4), Measured(asked=9, nearest=4, neighbours=())),
        (9, (0,), None),
    ],
)
def test_the_nearest_is_that_by_ratio_and_between_two_both_are_named(
    asked: int, values: tuple[int, ...], expected: Measured | None
) -> None:
    assert nearest(asked, values) == expected


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("7b", 7), ("2KiB", 2048), ("2MiB", 2 * 1024**2), ("2GiB", 2 * 1024**3), ("2kb", 2000), ("2 MB", 2_000_000),
        (" 2GB ", 2_000_000_000), ("1.6", 2),
    ],
)  # fmt: skip
def test_every_unit_of_size_is_read(text: str, size: int) -> None:
    assert parse_size_bytes(text) == size


@pytest.mark.parametrize(
    ("text", "length"), [("7ns", 7), ("7us", 7000), ("7µs", 7000), ("7ms", 7_000_000), ("0.5s", 500_000_000)]
)
def test_every_unit_of_time_is_read(text: str, length: int) -> None:
    assert parse_task_ns(text) == length


@pytest.mark.parametrize("text", ["", "KiB", "-1", "0", "1e3", "2 parsec", "1.2.3"])
def test_what_is_no_size_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size; write for example 64KiB, 64 KB or 1MB"):
        parse_size_bytes(text)


def target(name: str, python: str = "3.13.1", cpus: float = 2.0, mode: str = "cpuset", build: str = "gil") -> Target:
    return Target(
        id=name, engine="docker", os="linux", python=python, build=build, cpu_mode=mode, cpus=cpus, record=None
    )  # fmt: skip


TARGETS = (
    target("313-2"), target("313-1", cpus=1.0), target("313-q", cpus=2.0, mode="quota"), target("31-9", "3.1"),
    target("314t", "3.14.0", build="free-threaded"), target("314", "3.14.0", cpus=1.5),
)  # fmt: skip


@pytest.mark.parametrize(
    ("python", "cpus", "expected"),
    [
        (None, None, "313-2"),
        ("3.13", None, "313-2"),
        ("3.13.1", "1", "313-1"),
        (None, "2q", "313-q"),
        ("3.13", "2.0", "313-2"),
        ("3.14", None, "314"),
        ("3.14t", None, "314t"),
        ("3.1", None, "31-9"),
        (None, "1.5", "314"),
    ],
)
def test_a_target_is_found_by_its_version_and_its_limit(python: str | None, cpus: str | None, expected: str) -> None:
    assert target_for(TARGETS, python=python, cpus=cpus).id == expected


@pytest.mark.parametrize(
    ("python", "cpus", "wish"),
    [
        ("3.13t", None, "Python 3.13t"),
        (None, "3", "3 CPUs"),
        ("3.14", "2", "Python 3.14 and 2 CPUs"),
        (None, "1q", "1q CPUs"),
    ],
)
def test_a_target_that_is_not_there_is_refused_with_those_that_are(
    python: str | None, cpus: str | None, wish: str
) -> None:
    with pytest.raises(UsageError, match=f"no target with {wish}; it has: Python 3.13.1, container, 2 CPUs; Python"):
        target_for(TARGETS, python=python, cpus=cpus)
    with pytest.raises(UsageError, match="no target with a measurement; it has: none"):
        target_for([], python=None, cpus=None)


def answer_at(asked: int, *values: int, count: int = 2, lost: int = 0) -> Answer:
    """An answer of so many options and of so many without a time at each of the values near the one asked for."""
    found = nearest(asked, values)
    assert found is not None
    options = [
        option(f"m{number}", 1000.0 * number - 1, 1000.0 * number + 1, 1000.0 * number)
        for number in range(1, count + 1)
    ]
    gone = [Lost(name=f"gone{number}", status="failed", reason="killed", case="c") for number in range(lost)]
    choice = choose(options, rounds_of(m1=[1.0] * 5, m2=[1.99, 2.0, 2.0, 2.0, 2.01]), gone)
    return Answer(question="mechanism", basis="b", measured=found, choices=dict.fromkeys(found.places, choice))


@pytest.mark.parametrize(
    ("asked", "line", "places"),
    [
        (64, None, []),
        (80, "80 B was not measured (between two measured values); the answer is for 64 B, the nearest", [64, 1024]),
        (4096, "4 KiB was not measured (beyond what was measured); the answer is for 1 KiB, the nearest", []),
    ],
)
def test_the_lines_say_where_the_answer_is_from(asked: int, line: str | None, places: list[int]) -> None:
    lines = as_lines(answer_at(asked, 64, 1024), "bytes")
    assert lines[:2] == ["mechanism: m1", "    from b"]
    assert [text.strip() for text in lines if "was not measured" in text] == ([line] if line else [])
    assert [text.strip() for text in lines if text.strip().startswith("at ")] == [
        f"at {'64 B' if place == 64 else '1 KiB'}: m1" for place in places
    ]
    assert "      m1: 1.00 µs (999 ns to 1.00 µs)" in lines
    assert "      m2: 2.00 µs (2.00 µs to 2.00 µs); 2.00 times the first (1.99 to 2.01)" in lines


@pytest.mark.parametrize(
    ("count", "lost", "shown", "more"),
    [
        (5, 5, 10, []),
        (6, 0, 5, ["and 1 slower one"]),
        (8, 7, 10, ["and 3 slower ones", "and 2 more without a time"]),
    ],
)
def test_five_options_are_shown_and_the_others_counted(count: int, lost: int, shown: int, more: list[str]) -> None:
    lines = [line.strip() for line in as_lines(answer_at(64, 64, count=count, lost=lost), "bytes")[2:]]
    assert len([line for line in lines if line.startswith(("m", "gone"))]) == shown
    assert [line for line in lines if line.startswith("and ")] == more


def test_a_choice_that_cannot_be_made_says_why() -> None:
    near, none = choose([option("a", None, None), option("b", 9, 99)], rounds_of()), choose([], rounds_of())
    lines = [
        as_lines(Answer(question="q", basis="b", measured=None, choices={None: each}), "ns") for each in (near, none)
    ]
    assert lines[0][0] == "q: inconclusive: a is the fastest (estimate); not distinguishable from it: b"
    assert lines[0][2] == "      a: 10.0 ns (no interval)"
    assert lines[1][0] == "q: not measured: this run has no such cell"


def test_the_record_has_the_verdict_what_was_asked_and_every_option_with_its_ratio() -> None:
    record = as_record(answer_at(80, 64, 1024, lost=1))
    at: Any = record.pop("measured")
    assert record == {
        "question": "mechanism", "verdict": "answered", "answer": "m1", "as_good": [], "reason": "", "basis": "b",
        "asked": 80, "nearest": 64, "beyond_measured": False,
    }  # fmt: skip
    assert [(place["at"], place["verdict"], place["answer"]) for place in at] == [
        (64, "answered", "m1"), (1024, "answered", "m1"),
    ]  # fmt: skip
    assert at[0]["without_time"] == [{"name": "gone0", "status": "failed", "reason": "killed", "case": "c"}]
    first, second = at[0]["options"]
    assert first == {
        "name": "m1", "estimate_ns": 1000.0, "ci_low_ns": 999.0, "ci_high_ns": 1001.0, "rounds": 5, "case": "a/m1",
        "flag": "", "over_fastest": None, "over_fastest_ci_low": None, "over_fastest_ci_high": None,
        "paired_rounds": None,
    }  # fmt: skip
    assert second["over_fastest"] == pytest.approx(2.0, rel=1e-3)
    assert second["over_fastest_ci_low"] < 2.0 < second["over_fastest_ci_high"]
    assert second["paired_rounds"] == 5
    assert math.isclose(second["estimate_ns"], 2000.0)
    assert as_record(answer_at(4096, 64, 1024))["beyond_measured"] is True
    plain = as_record(Answer(question="q", basis="b", measured=None, choices={None: choose([], rounds_of())}))
    assert (plain["asked"], plain["nearest"], plain["beyond_measured"]) == (None, None, False)
