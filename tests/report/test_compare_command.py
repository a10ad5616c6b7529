"""What may be held against what, and what `lab compare` writes, prints and exits with."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from lab.commands.compare import command
from lab.comparisons import noise as selfcheck
from lab.comparisons.pairing import pairs
from lab.comparisons.sides import Run, parse
from lab.errors import BadFiles, ExitCode, UsageError
from lab.report.drawing.forest import ROWS_PER_PAGE
from lab.report.pages.comparison import branches, write_run
from lab.report.pages.machines import write_machines
from lab.tables import csv_files, schema
from tests.manifests import plain

ROUNDS = 8
HOST = {"label": "one", "cpu_model": "X", "cpus": 2, "os": "linux", "arch": "x86_64"}


def run(folder: Path, factors: dict[str, float], *, cells: int = 3, seed: int = 0, **more: Any) -> Path:
    """A run folder whose targets take so many times 100 ns, with half a per cent of scatter."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    rows = [
        {
            "run_id": folder.name, "target": target, "scenario": "ipc.round_trip", "case": f"c{cell}",
            "operation": "trip", "metric": "wall_time", "unit": "ns", "cpu_mode": "cpuset", "status": "ok",
            "warmup": 0, "loops": 9, "round": number, "value": 100 * factor * float(np.exp(rng.normal(0, 0.005))),
        }
        for target, factor in factors.items()
        for cell in range(cells)
        for number in range(ROUNDS)
    ]  # fmt: skip
    csv_files.write(pd.DataFrame(rows), folder / "samples.csv", schema.SAMPLES)
    content = plain(**{
        "run_id": folder.name, "agent_hash": "aaaa", "host": HOST, "created": f"2026-01-0{seed + 1}T00:00:00+00:00",
        "targets": [{"id": name, "facts": {"build_class": {"pgo": True}}} for name in factors], **more,
    })  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def compared(*arguments: object) -> Result:
    return CliRunner().invoke(command, [str(item) for item in arguments], standalone_mode=False)


def rows_of(result: Result) -> dict[str, str]:
    return {row["id"]: row["verdict"] for row in json.loads(result.stdout)["rows"]}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("runs") / "two", {"a": 1.0, "b": 1.2})


def test_two_targets_of_a_run_are_compared_and_the_pages_written(two: Path, tmp_path: Path) -> None:
    result = compared(f"{two}@a", f"{two}@b", "--out", tmp_path / "out", "--json")
    assert result.exception is None
    assert rows_of(result) == {f"ipc.round_trip/c{cell}:trip:wall_time": "slower" for cell in range(3)}
    written = csv_files.read(tmp_path / "out" / "compare.csv", schema.COMPARE)
    assert written["pairing"].tolist() == ["paired"] * 3
    assert written["ratio"].between(1.18, 1.22).all()
    for name in ("compare.md", "compare.html"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "3 slower" in text
        assert "Noise floor of this machine: not measured" in text
        assert text.index("What differs") < text.index("Verdicts")
    assert "<svg" in (tmp_path / "out" / "compare.html").read_text(encoding="utf-8")


def test_a_comparison_written_twice_is_byte_identical(two: Path, tmp_path: Path) -> None:
    read = []
    for _ in range(2):
        compared(f"{two}@a", f"{two}@b", "--out", tmp_path)
        read.append({path.name: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()})
    assert read[0] == read[1]
    assert {
        "compare.csv",
        "compare-by-scenario.csv",
        "compare.md",
        "compare.html",
        "compare-forest-1.svg",
        "compare-forest-1.png",
    } == set(read[0])


@pytest.mark.parametrize(
    ("sides", "fail_on", "code"),
    [("ab", None, 0), ("ab", "slower", 4), ("ab", "slower:15%", 4), ("ab", "slower:30", 0), ("ba", "slower", 0)],
)
def test_a_regression_has_its_exit_code_with_fail_on(
    two: Path, tmp_path: Path, sides: str, fail_on: str | None, code: int
) -> None:
    asked = ("--fail-on", fail_on) if fail_on else ()
    result = compared(f"{two}@{sides[0]}", f"{two}@{sides[1]}", "--out", tmp_path, "--json", *asked)
    assert result.return_value == code


def test_an_estimate_beyond_the_limit_fails_nothing_where_its_interval_reaches_below(two: Path, tmp_path: Path) -> None:
    """A job in CI that fails by estimates fails by chance: a change at the limit would fail it every other time."""
    sides = (f"{two}@a", f"{two}@b", "--json", "--out", tmp_path)
    rows = json.loads(compared(*sides).stdout)["rows"]
    between = 100 * (max((row["ci_low"] + row["ratio"]) / 2 for row in rows) - 1)
    certain = 100 * (max(row["ci_low"] for row in rows) - 1) - 0.01
    assert any(row["ratio"] > 1 + between / 100 for row in rows)
    assert compared(*sides, "--fail-on", f"slower:{between:.4f}").return_value == 0
    assert compared(*sides, "--fail-on", f"slower:{certain:.4f}").return_value == 4


def test_a_floor_above_the_change_is_shown_and_hides_no_regression(two: Path, tmp_path: Path) -> None:
    """Every cell is 20% slower on a machine whose noisiest cells differ by 25% from themselves."""
    asked = ("--json", "--floor", "25%", "--fail-on", "slower:5")
    result = compared(f"{two}@a", f"{two}@b", "--out", tmp_path, *asked)
    found = json.loads(result.stdout)
    assert set(rows_of(result).values()) == {"slower"}
    assert (found["threshold"], found["floor"], result.return_value) == (0.02, 0.25, 4)
    assert "noise floor of this machine: 25.0%" in (tmp_path / "compare.md").read_text(encoding="utf-8")


ALARMS = {
    "false_alarms": {"false_alarms": 1, "comparisons": 335, "upper_limit": 0.0141},
    "found_changes": [
        {"slowed_percent": 2.0, "precise_cells": 20, "found": 9},
        {"slowed_percent": 5.0, "precise_cells": 30, "found": 29, "verdict": "reached"},
    ],
}
RATES = (
    "noise floor of this machine: 25.0%; false alarms 1 of 335 null comparisons (upper 95% limit 1.4%); "
    "a slowdown of 5% found in 29 of the 30 cells that are precise enough (selfcheck of 2026-01-01)"
)


def checked(folder: Path) -> Path:
    """A selfcheck of the machine of the runs."""
    content = {
        "kind": selfcheck.KIND, "schema_version": selfcheck.VERSION, "quick": False, "host": HOST,
        "finished": "2026-01-01T10:00:00", "floor": [{"placement": "same_cpu", "floor_log": math.log(1.25)}],
        "parts": {"alarms": ALARMS},
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / selfcheck.FILE).write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_the_floor_is_that_of_this_machines_last_selfcheck(
    two: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked(tmp_path / "reports" / "runs" / "checked")
    monkeypatch.chdir(tmp_path)
    result = compared(f"{two}@a", f"{two}@b", "--json")
    printed = json.loads(result.stdout)
    assert printed["floor"] == pytest.approx(0.25)
    assert printed["rates"] == f"{RATES}; the floor informs and decides no verdict"
    assert set(rows_of(result).values()) == {"slower"}
    assert [path.name for path in Path("reports/runs").glob("compare-*")] == ["compare-two@a-two@b"]


def test_the_selfcheck_recorded_in_a_run_precedes_the_last_one_and_another_may_be_named(tmp_path: Path) -> None:
    other = checked(tmp_path / "other")
    kept = {**msgspec.to_builtins(selfcheck.read(other).rates), "floor": 0.01, "finished": "2025-12-31"}
    own = run(tmp_path / "own", {"a": 1.0, "b": 1.2}, selfcheck=kept)
    mine = json.loads(compared(f"{own}@a", f"{own}@b", "--out", tmp_path / "1", "--json").stdout)
    assert (mine["floor"], mine["threshold"]) == (0.01, 0.02)
    assert "(selfcheck of 2025-12-31)" in mine["rates"]
    named = compared(f"{own}@a", f"{own}@b", "--out", tmp_path / "2", "--json", "--floor", other)
    assert json.loads(named.stdout)["floor"] == pytest.approx(0.25)
    for page in ("compare.md", "compare.html"):
        assert "false alarms 1 of 335" in (tmp_path / "2" / page).read_text(encoding="utf-8")


def test_a_comparison_within_a_run_shows_the_rates_or_the_command_that_measures_them(tmp_path: Path) -> None:
    kept = msgspec.to_builtins(selfcheck.read(checked(tmp_path / "checked")).rates)
    targets = [
        {"id": name, "os": "linux", "build": "gil", "engine": "none", "cpu_mode": "affinity", "cpus_requested": 1,
         "facts": {"os": "linux", "python": version}}
        for name, version in (("a", "3.12.1"), ("b", "3.13.0"))
    ]  # fmt: skip
    texts = []
    for name, entry in (("with", kept), ("without", None)):
        folder = run(tmp_path / name, {"a": 1.0, "b": 1.2}, targets=targets, selfcheck=entry)
        write_run(Run.load(folder))
        texts.append((folder / "comparisons" / "versions.md").read_text(encoding="utf-8"))
    assert "false alarms 1 of 335" in texts[0]
    assert "3 slower" in texts[0]  # although 20% is below this machine's floor
    assert "3 slower" in texts[1]
    assert "python -m lab selfcheck --part alarms" in texts[1]


def test_two_runs_are_compared_target_by_target_and_not_paired(two: Path, tmp_path: Path) -> None:
    later = run(tmp_path / "later", {"a": 1.0, "b": 1.0}, seed=1)
    result = compared(two, later, "--out", tmp_path / "out", "--json")
    assert set(rows_of(result)) == {
        f"ipc.round_trip/c{cell}:trip:wall_time@{name}" for cell in range(3) for name in "ab"
    }
    assert {row["pairing"] for row in json.loads(result.stdout)["rows"]} == {"apart"}
    assert any("not interleaved" in line for line in json.loads(result.stdout)["caveats"])
    assert any(
        "younger" in line for line in json.loads(compared(later, two, "--out", tmp_path, "--json").stdout)["caveats"]
    )


def test_differences_come_first_and_mixed_build_classes_are_attributed_to_images(two: Path, tmp_path: Path) -> None:
    other = [{"id": name, "os": "linux", "facts": {"build_class": {"pgo": False}}} for name in "ab"]
    later = run(tmp_path / "later", {"a": 1.0, "b": 1.0}, seed=1, targets=other)
    result = compared(two, later, "--out", tmp_path / "out", "--json")
    names = [entry["name"] for entry in json.loads(result.stdout)["differences"]]
    assert names[0] == "build_class.pgo"
    assert any("are about the images" in line for line in json.loads(result.stdout)["caveats"])


def test_a_run_slowed_on_purpose_is_reported(two: Path, tmp_path: Path) -> None:
    later = run(tmp_path / "later", {"a": 1.3}, seed=1, inject_slowdown_percent=30)
    result = compared(f"{two}@a", later, "--out", tmp_path / "out", "--json")
    assert json.loads(result.stdout)["caveats"][0] == "Slowed on purpose (--inject-slowdown): NEW by 30%."


def test_a_disturbed_cell_is_inconclusive_and_its_cause_is_reported(tmp_path: Path) -> None:
    both = run(tmp_path / "both", {"a": 1.0, "b": 1.2})
    stolen = [
        {
            "target": "b", "cpu_mode": "cpuset", "scenario": "ipc.round_trip", "case": "c1", "operation": "trip",
            "round": number, "sample": 0, "warmup": 0, "window_ns": 10**10, "cpus_used": 1, "idle_ns": 0,
            "steal_ns": 5 * 10**9, "own_cpu_ns": 5 * 10**9, "others_ns": 0,
        }
        for number in range(ROUNDS)
    ]  # fmt: skip
    csv_files.write(pd.DataFrame(stolen), both / "conditions.csv", schema.CONDITIONS)
    result = compared(f"{both}@a", f"{both}@b", "--out", tmp_path / "out", "--json")
    rows = {row["case"]: row for row in json.loads(result.stdout)["rows"]}
    assert [rows[f"c{cell}"]["verdict"] for cell in range(3)] == ["slower", "inconclusive", "slower"]
    assert rows["c1"]["reason"].startswith("disturbed: new, steal took 50% of the CPUs")
    overall = csv_files.read(tmp_path / "out" / "compare-by-scenario.csv", schema.COMPARE)
    assert overall["case"].tolist() == ["mean of 2"]


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"agent_hash": "bbbb"}, "different agents"),
        ({"host": {**HOST, "label": "other", "cpus": 8}}, "two machines.*label: one and other; cpus: 2 and 8"),
        ({"schema_version": 99}, "schema version 99"),
    ],
)
def test_foreign_files_are_refused_by_name(two: Path, tmp_path: Path, changed: dict[str, Any], complaint: str) -> None:
    later = run(tmp_path / "later", {"a": 1.0}, seed=1, **changed)
    with pytest.raises(BadFiles, match=complaint) as error:
        pairs(parse(f"{two}@a"), parse(str(later)))
    assert error.value.exit_code == ExitCode.BAD_FILES


def test_wine_is_not_compared_with_windows(tmp_path: Path) -> None:
    targets = [{"id": "w", "os": "windows"}, {"id": "wine", "os": "windows", "facts": {"wine": True}}]
    both = run(tmp_path / "both", {"w": 1.0, "wine": 1.0}, targets=targets)
    with pytest.raises(BadFiles, match="under Wine"):
        pairs(parse(f"{both}@w"), parse(f"{both}@wine"))


@pytest.mark.parametrize(
    ("base", "new", "complaint"),
    [
        ("{two}@nope", "{two}@a", "no target 'nope'; its targets are a, b"),
        ("{two}", "{two}", "name two targets of the run as RUN@TARGET, out of a, b"),
        ("{two}@a", "{two}@a", "are the same"),
        ("{two}@a", "{later}", "has no target 'a'; its targets are z"),
        ("{two}", "{later}", "no target in common"),
    ],
)
def test_an_impossible_pair_is_refused_with_the_targets_that_exist(
    two: Path, tmp_path: Path, base: str, new: str, complaint: str
) -> None:
    later = run(tmp_path / "later", {"z": 1.0}, seed=1)
    with pytest.raises(UsageError, match=complaint):
        pairs(*(parse(text.format(two=two, later=later)) for text in (base, new)))


def test_missing_files_are_bad_files(two: Path, tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="is not a run folder"):
        parse(str(tmp_path / "nothing"))
    later = run(tmp_path / "later", {"a": 1.0}, seed=1)
    (later / "samples.csv").unlink()
    assert isinstance(compared(two, later, "--out", tmp_path / "out").exception, BadFiles)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--threshold", "much"), "is not a percentage"),
        (("--fail-on", "faster"), "write slower"),
        (("--metric", "colour"), "name one of wall_time"),
    ],
)
def test_invalid_options_are_usage_errors(two: Path, tmp_path: Path, options: tuple[str, str], complaint: str) -> None:
    error = compared(f"{two}@a", f"{two}@b", "--out", tmp_path, *options).exception
    assert isinstance(error, UsageError)
    assert complaint in str(error)


def test_many_rows_are_drawn_on_several_pages(tmp_path: Path) -> None:
    many = run(tmp_path / "many", {"a": 1.0, "b": 1.0}, cells=ROWS_PER_PAGE + 1)
    assert compared(f"{many}@a", f"{many}@b", "--out", tmp_path / "out").exception is None
    assert len(list((tmp_path / "out" / "figures").glob("compare-forest-*.svg"))) == 2
    assert len(branches(csv_files.read(tmp_path / "out" / "compare.csv", schema.COMPARE))) == ROWS_PER_PAGE + 1


def test_the_page_of_two_machines_begins_with_what_differs_and_has_no_verdict(tmp_path: Path) -> None:
    common = {"build": "gil", "cpus_requested": 2.0, "key": "3.13"}
    targets = [
        {"id": "c2", "os": "linux", "engine": "docker", "cpu_mode": "cpuset", "facts": {"os": "linux"}, **common},
        {"id": "w2", "os": "windows", "engine": "none", "cpu_mode": "affinity", "facts": {"os": "windows"}, **common},
    ]
    origins = [{"host": {"label": name}, "targets": {"x": target}} for name, target in (("one", "c2"), ("two", "w2"))]
    merged = run(tmp_path / "merged", {"c2": 1.0, "w2": 50.0}, targets=targets, merged_from=origins)
    write_machines(Run.load(merged))
    text = (merged / "comparisons" / "linux-containers-beside-windows.md").read_text(encoding="utf-8")
    assert text.index("two machines") < text.index("| os | linux | windows |") < text.index("ipc.round")
    assert "verdict |" not in text
    assert "50.0" not in text
    with pytest.raises(BadFiles, match="two machines"):
        pairs(parse(f"{merged}@c2"), parse(f"{merged}@w2"))
