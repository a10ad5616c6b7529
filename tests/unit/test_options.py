"""A typo on the command line is refused at once: nothing is looked for before all options are parsed."""

from __future__ import annotations

import sys
from typing import NoReturn

import pytest

from lab import cli
from lab.errors import ExitCode
from lab.planning import plan


class Probed(Exception):
    """Something was looked for on this machine."""


@pytest.fixture(autouse=True)
def _survey_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def survey(*_: object) -> NoReturn:
        raise Probed

    monkeypatch.setattr(plan, "survey", survey)


def ended(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    monkeypatch.setattr(sys, "argv", ["lab", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


WRONG = [
    (["--cpus", "2x"], "'2x' is not a CPU limit; write 2 for two pinned CPUs or 0.5q for a quota"),
    (["--cpus", "1,0.5"], "write 0.5q for a quota"),
    (["--cpus", "0"], "choose a number of CPUs above 0"),
    (["--cpus", "0.5q2000"], "a quota's period is 1 to 1000 ms"),
    (["--cpus", ","], "names no limit"),
    (["--python", "foo"], "--python foo is not a version; write 3.13, or 3.13t"),
    (["--python", "3.13.1"], "--python 3.13.1 is not a version"),
    (["--shard", "9"], "write I/N with I from 1 to N"),
    (["--shard", "4/3"], "write I/N with I from 1 to N"),
    (["--budget", "x"], "write for example 90s, 10m or 2h"),
    (["--image", "nonsense"], "is not VERSION=REF"),
    (["--before", "nonsense"], "is neither a checkout of the lab nor VERSION=REF"),
    (["--registry", "https://x"], "without https://"),
    (["--inject-slowdown", "-1"], "write a percentage from 0 to 1000"),
    (["--profile", "nonsense"], "choose one of smoke"),
    (["--diagnose", "nonsense"], "seccomp"),
    (["--diagnose"], "--diagnose"),
    (["--seed", "x"], "--seed"),
    (["--engine", "x"], "--engine"),
    (["--engine", "none", "--image", "3.13=x"], "leave out --image"),
    (["--engine", "none", "--diagnose", "seccomp"], "leave out --diagnose"),
    (["--cpus", "0.5q", "--diagnose", "seccomp"], "give --cpus a plain number"),
]


@pytest.mark.parametrize("command", ["plan", "run"])
@pytest.mark.parametrize(("options", "words"), WRONG, ids=[" ".join(options) for options, _ in WRONG])
def test_what_an_option_does_not_take_is_refused_before_anything_is_looked_for(
    command: str,
    options: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended([command, *options], monkeypatch) == ExitCode.USAGE
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("options", [[], ["--cpus", "4096"], ["--python", "3.99"], ["--shard", "2/3"]])
def test_what_only_the_machine_can_answer_is_asked_of_it(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["lab", "plan", *options])
    with pytest.raises(Probed):
        cli.main()
