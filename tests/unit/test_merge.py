"""Merging loses nothing, mixes nothing, and says what is missing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.errors import BadFiles, UsageError
from lab.merge import merge
from lab.store import RunFolder
from lab.tidy import tidy

MakeRun = Callable[..., Path]


def three(make_run: MakeRun, **options: Any) -> list[Path]:
    return [make_run(f"shard{index}", shard=(index, 3), **options) for index in (1, 2, 3)]


def change(run: Path, **fields: object) -> Path:
    path = run / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return run


def test_the_shards_of_one_machine_are_the_whole_run_again(make_run: MakeRun, tmp_path: Path) -> None:
    whole = tidy(RunFolder.existing(make_run("whole")))
    joined = tidy(merge(three(make_run), tmp_path / "out"))
    columns = [name for name in whole.columns if name != "run_id"]
    order = ["case", "scenario"]
    left, right = (frame[columns].sort_values(order, ignore_index=True) for frame in (whole, joined))
    assert left.equals(right)
    assert set(joined["run_id"]) == {"shard1", "shard2", "shard3"}
    assert (joined["status"] == "ok").all()


def test_a_shard_that_was_not_merged_is_rows_with_its_name(make_run: MakeRun, tmp_path: Path) -> None:
    one, _, three_ = three(make_run)
    joined = tidy(merge([three_, one], tmp_path / "out"))
    missing = joined[joined["status"] == "skipped"]
    assert len(joined) == 6
    assert missing["reason"].tolist() == ["shard 2/3 was not merged"] * 2
    assert (joined["value"].notna() == (joined["status"] == "ok")).all()


def test_targets_of_several_machines_carry_the_hosts_label_and_their_own_values(
    make_run: MakeRun, tmp_path: Path
) -> None:
    runs = [make_run("a", value_ns=1000), make_run("b", host="beta", value_ns=3000)]
    joined = tidy(merge(runs, tmp_path / "out"))
    values = joined.groupby(["target", "host", "run_id"])["value"].unique().to_dict()
    assert {key: list(found) for key, found in values.items()} == {
        ("py313-linux-native-c1-alpha", "alpha", "a"): [1000.0],
        ("py313-linux-native-c1-beta", "beta", "b"): [3000.0],
    }


def test_two_machines_of_one_label_stay_two(make_run: MakeRun, tmp_path: Path) -> None:
    other = make_run("b")
    host = json.loads((other / "manifest.json").read_text())["host"]
    change(other, host={**host, "cpu_model": "another"})
    joined = tidy(merge([make_run("a"), other], tmp_path / "out"))
    assert joined["target"].nunique() == 2


def test_shards_of_several_machines_keep_each_its_target_and_name_what_nobody_has(
    make_run: MakeRun, tmp_path: Path
) -> None:
    runs = [make_run("s1", shard=(1, 3)), make_run("s2", shard=(2, 3), host="beta")]
    joined = tidy(merge(runs, tmp_path / "out"))
    assert joined["target"].value_counts().to_dict() == {
        "py313-linux-native-c1-alpha": 2,
        "py313-linux-native-c1-beta": 2,
        "py313-linux-native-c1": 2,
    }
    nobody = joined[joined["target"] == "py313-linux-native-c1"]
    assert nobody["host"].isna().all()
    assert set(nobody["reason"]) == {"shard 3/3 was not merged"}


def test_the_same_run_twice_counts_once_and_is_told(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    folder = merge([run, run], tmp_path / "out")
    assert len(tidy(folder)) == 6
    assert "given twice" in folder.manifest()["notes"][0]


def test_a_shard_measured_twice_is_refused(make_run: MakeRun, tmp_path: Path) -> None:
    runs = [make_run("s1", shard=(1, 2)), make_run("again", shard=(1, 2))]
    with pytest.raises(BadFiles, match=r"both shard 1/2"):
        merge(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "fields", "words"),
    [
        ({"shard": (2, 3)}, {"agent_hash": "another"}, "the agent differs"),
        ({"shard": (2, 3)}, {"inject_slowdown_percent": 5}, "slowdown"),
        ({"shard": (2, 3)}, {"schema_version": 99}, "schema version 99"),
        ({"shard": (2, 3), "seed": 1}, {}, "the seed differs"),
        ({"shard": (2, 3)}, {"plan_hash": "another"}, "the plan differs"),
        ({"shard": (2, 4)}, {}, "shards of one number"),
        ({}, {"merged_from": []}, "merged itself"),
    ],
)
def test_what_does_not_belong_together_is_refused_with_what_differs(
    make_run: MakeRun, tmp_path: Path, options: dict[str, Any], fields: dict[str, Any], words: str
) -> None:
    runs = [make_run("a", shard=(1, 3)), change(make_run("b", **options), **fields)]
    with pytest.raises(BadFiles, match=words):
        merge(runs, tmp_path / "out")


def test_what_is_no_run_and_what_holds_one_already_are_refused(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    with pytest.raises(BadFiles, match="no run folder"):
        merge([run, tmp_path], tmp_path / "out")
    with pytest.raises(UsageError, match="holds a run already"):
        merge([run], run)
