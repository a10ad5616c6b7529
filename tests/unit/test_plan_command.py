"""``lab plan`` shows what each rank takes, on this machine or one with another number of CPUs."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from lab import cli
from lab.errors import ExitCode
from tests.fake_machines import FakeMachine


def printed(
    arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int | str | None, str, str]:
    """Exit code, standard output and standard error of ``lab plan`` on a machine with two CPUs and no engine."""
    FakeMachine().becomes(monkeypatch)
    monkeypatch.setattr(sys, "argv", ["lab", "plan", *arguments.split()])
    with pytest.raises(SystemExit) as end:
        cli.main()
    found = capsys.readouterr()
    return end.value.code, found.out, found.err


def as_json(arguments: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    code, out, _ = printed(f"{arguments} --json", monkeypatch, capsys)
    assert code == ExitCode.DONE
    found: dict[str, Any] = json.loads(out)
    return found


def test_a_plan_for_another_machine_has_its_worker_counts_and_promises_its_rounds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = as_json("--assume-cpus 64 --profile standard", monkeypatch, capsys)
    assert {row["rounds"] for row in found["ranks"] if row["cells"]} == {8}
    assert sum(row["minutes"] for row in found["ranks"]) <= 120
    counts = {cell["values"]["workers"] for cell in found["cells"] if cell["scenario"] == "pool.scaling"}
    assert {1, 48, 64, 96, 128} <= counts
    assert {cell["rank"] for cell in found["cells"]} <= {1, 2, 3}


def test_each_rank_says_how_much_of_it_is_left_out_and_every_skipped_cell_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = as_json("--profile standard", monkeypatch, capsys)
    assert sum(row["cells"] for row in found["ranks"]) == len(found["cells"])
    assert sum(row["skipped"] for row in found["ranks"]) == len(found["skipped"]) > 0
    assert not {cell["id"] for cell in found["cells"]} & {cell["id"] for cell in found["skipped"]}
    assert {cell["reason"].partition(":")[0] for cell in found["skipped"]} == {"left out"}


def test_a_question_leaves_only_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = printed("--question workers", monkeypatch, capsys)
    assert code == ExitCode.DONE
    scenarios = {line.partition("/")[0] for line in out.splitlines() if "@py3" in line}
    assert scenarios == {"pool.scaling", "pool.defaults"}
    assert "rank 1, answers and claims: " in out + err
    assert "of a budget of 2 min" in out + err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--budget 20s", "does not carry 5 rounds"),
        ("--question how", "--question how is not one of the questions"),
        ("--question ipc --scenario pool.api", "no cell of this plan answers --question ipc"),
    ],
)
def test_what_cannot_be_answered_is_refused_as_wrong_usage(
    arguments: str, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = printed(arguments, monkeypatch, capsys)
    assert code == ExitCode.USAGE
    assert words in err
