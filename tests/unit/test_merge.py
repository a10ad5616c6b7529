"""Merging loses nothing, mixes nothing, and says what is missing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import UNSET

from lab.commands.merge import command
from lab.errors import BadFiles, UsageError
from lab.model import Facts, WallSplit
from lab.runs.folder import RunFolder
from lab.runs.merge import merge
from tests.raw_lines import samples_of

MakeRun = Callable[..., Path]


def three(make_run: MakeRun, **options: Any) -> list[Path]:
    return [make_run(f"shard{index}", shard=(index, 3), **options) for index in (1, 2, 3)]


def change(run: Path, **fields: object) -> Path:
    path = run / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return run


def test_the_shards_of_one_machine_are_the_whole_run_again(make_run: MakeRun, tmp_path: Path) -> None:
    whole = samples_of(RunFolder.existing(make_run("whole")))
    joined = samples_of(merge(three(make_run), tmp_path / "out"))
    columns = [name for name in whole.columns if name != "run_id"]
    order = ["case", "scenario"]
    left, right = (frame[columns].sort_values(order, ignore_index=True) for frame in (whole, joined))
    assert left.equals(right)
    assert set(joined["run_id"]) == {"shard1", "shard2", "shard3"}
    assert (joined["status"] == "ok").all()


def test_a_shard_that_was_not_merged_is_rows_with_its_name(make_run: MakeRun, tmp_path: Path) -> None:
    one, _, three_ = three(make_run)
    joined = samples_of(merge([three_, one], tmp_path / "out"))
    missing = joined[joined["status"] == "skipped"]
    assert len(joined) == 6
    assert missing["reason"].tolist() == ["shard 2/3 was not merged"] * 2
    assert (joined["value"].notna() == (joined["status"] == "ok")).all()


def test_targets_of_several_machines_carry_the_hosts_label_and_their_own_values(
    make_run: MakeRun, tmp_path: Path
) -> None:
    runs = [make_run("a", value_ns=1000), make_run("b", host="beta", value_ns=3000)]
    joined = samples_of(merge(runs, tmp_path / "out"))
    values = joined.groupby(["target", "host", "run_id"])["value"].unique().to_dict()
    assert {key: list(found) for key, found in values.items()} == {
        ("py313-linux-native-c1-alpha", "alpha", "a"): [1000.0],
        ("py313-linux-native-c1-beta", "beta", "b"): [3000.0],
    }


def test_two_machines_of_one_label_stay_two(make_run: MakeRun, tmp_path: Path) -> None:
    other = make_run("b")
    host = json.loads((other / "manifest.json").read_text())["host"]
    change(other, host={**host, "cpu_model": "another"})
    joined = samples_of(merge([make_run("a"), other], tmp_path / "out"))
    assert joined["target"].nunique() == 2


def test_shards_of_several_machines_keep_each_its_target_and_name_what_nobody_has(
    make_run: MakeRun, tmp_path: Path
) -> None:
    runs = [make_run("s1", shard=(1, 3)), make_run("s2", shard=(2, 3), host="beta")]
    joined = samples_of(merge(runs, tmp_path / "out"))
    assert joined["target"].value_counts().to_dict() == {
        "py313-linux-native-c1-alpha": 2,
        "py313-linux-native-c1-beta": 2,
        "py313-linux-native-c1": 2,
    }
    nobody = joined[joined["target"] == "py313-linux-native-c1"]
    assert nobody["host"].isna().all()
    assert set(nobody["reason"]) == {"shard 3/3 was not merged"}


def test_the_same_run_twice_counts_once_and_is_reported(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    folder = merge([run, run], tmp_path / "out")
    assert len(samples_of(folder)) == 6
    assert "given twice" in folder.manifest().notes[0]


def test_two_shards_that_started_in_one_second_are_both_merged(make_run: MakeRun, tmp_path: Path) -> None:
    """Run ids of older labs consist of second, profile and seed."""
    runs = [change(run, run_id="20261128-033415-smoke-0", created="same") for run in three(make_run)]
    left_out: list[str] = []
    merged = merge(runs, tmp_path / "out", left_out.append)
    assert left_out == []
    assert len(merged.manifest().merged_from or ()) == 3
    assert (samples_of(merged)["status"] == "ok").all()


def test_the_command_prints_what_it_leaves_out_and_exits_1(make_run: MakeRun, tmp_path: Path) -> None:
    one, _, three_ = three(make_run)
    names = [*map(str, (one, three_, one)), "--out", str(tmp_path / "out")]
    ended = CliRunner().invoke(command, names, standalone_mode=False)
    assert ended.return_value == 1
    assert "left out: shard1 is the run shard1, which was given twice" in ended.stderr
    assert "left out: shard 2/3 was not merged" in ended.stderr


def test_a_shard_measured_twice_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("s1", shard=(1, 2)), make_run("again", shard=(1, 2))]
    with pytest.raises(BadFiles, match=r"both shard 1/2"):
        merge(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    between = make_run("between", shard=(1, 2), host="beta")
    host = json.loads((between / "manifest.json").read_text())["host"]
    with pytest.raises(BadFiles, match=r"both shard 1/2"):
        merge([runs[0], change(between, host={**host, "arch": "aarch64"}), runs[1]], tmp_path / "out")


@pytest.mark.parametrize(
    ("options", "fields", "words"),
    [
        ({"shard": (2, 3)}, {"agent_hash": "another"}, "the agent differs"),
        ({"shard": (2, 3)}, {"inject_slowdown_percent": 5}, "slowdown"),
        ({"shard": (2, 3)}, {"schema_version": 99}, "schema version 99"),
        ({"shard": (2, 3), "seed": 1}, {}, "the seed differs"),
        ({"shard": (2, 3)}, {"plan_hash": "another"}, "the plan differs"),
        ({"shard": (2, 4)}, {}, "the same N"),
        ({}, {"merged_from": []}, "is a merged run"),
    ],
)
def test_what_does_not_belong_together_is_refused_with_what_differs(
    make_run: MakeRun, tmp_path: Path, options: dict[str, Any], fields: dict[str, Any], words: str
) -> None:
    runs = [make_run("a", shard=(1, 3)), change(make_run("b", **options), **fields)]
    with pytest.raises(BadFiles, match=words):
        merge(runs, tmp_path / "out")


def test_the_loops_of_every_part_stand_under_the_labels_of_the_merged_run(make_run: MakeRun, tmp_path: Path) -> None:
    """By them a merged run can be run again: without, every cell would be calibrated anew."""
    one, other = "ipc.fan/one@py313-linux-native-c1", "pool.api/two@py313-linux-native-c1"
    runs = [
        change(make_run("a"), loops={one: {"job": 7}, "gone/cell@x": {"job": 1}}),
        change(make_run("b", host="beta"), loops={one: {"job": 9}, other: {"job": 5}}),
    ]
    assert merge(runs, tmp_path / "out").manifest().loops == {
        f"{one}-alpha": {"job": 7},
        f"{one}-beta": {"job": 9},
        f"{other}-beta": {"job": 5},
    }


def test_the_merged_manifest_is_made_of_those_of_its_parts(make_run: MakeRun, tmp_path: Path) -> None:
    host = {"cpus": 4, "cpu_model": "x", "memory_bytes": 1, "kernel": "6.1"}
    fields: dict[str, dict[str, Any]] = {
        "a": {"created": "2026-01-02", "finished": "2026-01-03", "rounds_done": 5, "budget_s": 10.0,
              "unfinished_attempts": 1, "notes": ["one"], "seed": 1},
        "b": {"created": "2026-01-01", "finished": "2026-01-04", "rounds_done": 3, "budget_s": 20.0,
              "unfinished_attempts": 2, "notes": ["two"], "seed": 2, "split": {"wall_s": 2.0, "timed_s": 0.5}},
    }  # fmt: skip
    for name, own in fields.items():
        run = make_run(name, host="alpha" if name == "a" else "beta")
        known = json.loads((run / "manifest.json").read_text())["host"]
        change(run, **own, host={**known, **host, "kernel": name})
    found = merge([tmp_path / "a", tmp_path / "b"], tmp_path / "out").manifest()
    assert (found.created, found.finished) == ("2026-01-01", "2026-01-04")
    assert (found.rounds_done, found.budget_s, found.unfinished_attempts) == (5, 30.0, 3)
    assert found.split == WallSplit(wall_s=3.0, timed_s=0.5)
    assert (found.profile, found.seed) == ("smoke", None), "what all parts say, else nothing"
    assert found.command == "lab run a | lab run b"
    assert found.options.shard is None
    assert found.host.label == "alpha, beta"
    assert (found.host.cpus, found.host.kernel) == (4, None)
    assert re.search(r"-merged-[0-9a-f]{8}$", found.run_id)
    target = "py313-linux-native-c1"
    assert [record.id for record in found.targets] == [f"{target}-alpha", f"{target}-beta"]
    assert [(record.plain_id, record.host) for record in found.targets] == [(target, "alpha"), (target, "beta")]
    assert found.raw_targets == {
        f"p1.{target}.r0000.jsonl": f"{target}-alpha",
        f"p2.{target}.r0000.jsonl": f"{target}-beta",
    }
    one, other = found.merged_from or ()
    assert (one.run_id, one.notes, one.shard, one.seed) == ("a", ("one",), None, 1)
    assert other.targets == {target: f"{target}-beta"}
    assert other.raw == {f"{target}.r0000.jsonl": f"p2.{target}.r0000.jsonl"}
    assert [cell.run_id for cell in found.cells] == ["a"] * 6 + ["b"] * 6
    assert found.cells[0].id == f"ipc.fan/one@{target}-alpha"
    assert found.notes == tuple(
        f"merged: run {name} of {label} (linux, x86_64, x, CPUs: 4), a whole plan"
        for name, label in (("a", "alpha"), ("b", "beta"))
    )


def test_a_run_that_did_not_finish_leaves_the_merged_one_unfinished(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("a"), change(make_run("b", host="beta"), finished=None)]
    assert merge(runs, tmp_path / "out").manifest().finished is None


def test_shards_and_what_is_missing_of_them_are_reported(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("s1", shard=(1, 3)), make_run("s2", shard=(2, 3))]
    notes = merge(runs, tmp_path / "out").manifest().notes
    assert [note.rpartition(", ")[2] for note in notes[:2]] == ["shard 1/3 of a plan", "shard 2/3 of a plan"]
    assert notes[2:] == ("shard 3/3 was not merged: 2 cells are missing",)


def test_the_facts_of_a_target_are_those_of_the_first_shard_that_has_them(make_run: MakeRun, tmp_path: Path) -> None:
    runs = three(make_run)
    for run, facts in zip(runs, (None, {"python": "3.13.1"}, {"python": "3.13.2"}), strict=True):
        entries = json.loads((run / "manifest.json").read_text())["targets"]
        change(run, targets=[{**entries[0], "facts": facts}])
    (target,) = merge(runs, tmp_path / "out").manifest().targets
    assert target.facts == Facts(python="3.13.1")


def test_raw_files_are_copied_unchanged_with_what_was_torn_off_them(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("a"), make_run("b", host="beta")]
    (runs[1] / "raw" / "x.torn").write_bytes(b'{"kind":"sa')
    out = merge(runs, tmp_path / "out").path
    assert {path.name: path.read_bytes() for path in (out / "raw").iterdir()} == {
        f"p{number}.{path.name}": path.read_bytes()
        for number, run in enumerate(runs, 1)
        for path in (run / "raw").iterdir()
    }


def test_one_run_with_two_contents_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    copy = shutil.copytree(run, tmp_path / "copy")
    next((copy / "raw").iterdir()).rename(copy / "raw" / "py313-linux-native-c1.r0001.jsonl")
    with pytest.raises(BadFiles, match="different raw files"):
        merge([run, copy], tmp_path / "out")


def test_parts_stand_in_the_order_of_machines_and_shards(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("s2", shard=(2, 2), host="beta"), make_run("s1", shard=(1, 2), host="beta"), make_run("z")]
    found = merge(runs, tmp_path / "out").manifest()
    assert [part.run_id for part in found.merged_from or ()] == ["z", "s1", "s2"]


@pytest.mark.parametrize("kind", [{"os": "windows"}, {"arch": "aarch64"}], ids=str)
def test_shards_of_two_kinds_of_machines_are_two_plans(make_run: MakeRun, tmp_path: Path, kind: dict[str, str]) -> None:
    """The plan depends on what the machine has; the first shards of both are not the same shard twice."""
    runs = [
        make_run("one", shard=(1, 2)),
        make_run("other", shard=(1, 2), host="beta", seed=4),
        make_run("two", shard=(2, 2)),
    ]
    host = json.loads((runs[1] / "manifest.json").read_text())["host"]
    change(runs[1], host={**host, **kind})
    found = merge(runs, tmp_path / "out").manifest()
    assert [part.run_id for part in found.merged_from or ()] == ["one", "two", "other"]
    assert {cell.missing for cell in found.cells} == {UNSET, "shard 2/2 was not merged"}


def test_a_raw_file_whose_first_line_was_torn_off_belongs_to_no_target(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    (run / "raw" / "t.r0001.jsonl").write_text('{"kind":"fi')
    found = merge([run], tmp_path / "out").manifest()
    assert list(found.raw_targets or ()) == ["p1.py313-linux-native-c1.r0000.jsonl"]


def test_a_run_without_raw_files_cannot_be_merged(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    shutil.rmtree(run / "raw")
    with pytest.raises(BadFiles, match="no raw files"):
        merge([run], tmp_path / "out")


def test_what_is_no_run_and_what_holds_one_already_are_refused(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    with pytest.raises(BadFiles, match="not a run folder"):
        merge([run, tmp_path], tmp_path / "out")
    with pytest.raises(UsageError, match="holds a run already"):
        merge([run], run)
