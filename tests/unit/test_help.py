"""What `--help` shows of every command: complete, in plain words, with an example."""

from __future__ import annotations

import importlib.util
import re

import click
import pytest
from click.testing import CliRunner

from lab.cli import COMMANDS, cli
from lab.commands.selfcheck import command as selfcheck
from lab.errors import UsageError

MARKUP = re.compile(r"`|\*\*|::|\[/?\w+\]\(|</?\w")


def shown(*arguments: str) -> str:
    done = CliRunner().invoke(cli, [*arguments, "--help"], prog_name="python -m lab")
    assert done.exit_code == 0, done.output
    return done.output


def command_of(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_has_a_help_text(name: str) -> None:
    options = [parameter for parameter in command_of(name).params if isinstance(parameter, click.Option)]
    assert [option.opts[0] for option in options if not option.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_and_no_markup(name: str) -> None:
    text = shown(name)
    assert "Example" in text
    assert not MARKUP.search(re.sub(r"<(run-\s*id|time)>", "", text))


def test_no_summary_of_a_command_is_cut_off() -> None:
    text = " ".join(shown().partition("Commands:")[2].split())
    for name in COMMANDS:
        first = (command_of(name).help or "").split("\n\n")[0]
        sentence = " ".join(first.split()).removesuffix(".")
        assert sentence in text
        assert len(sentence) <= 80  # one glance
    assert "..." not in text


def test_common_options_come_first_and_those_for_testing_the_lab_last() -> None:
    names = re.findall(r"^  (--[\w-]+)", shown("run"), flags=re.MULTILINE)
    assert names[:4] == ["--profile", "--scenario", "--python", "--cpus"]
    assert names[-2:] == ["--diagnose", "--inject-slowdown"]


def test_the_exit_codes_are_shown() -> None:
    text = shown()
    assert "Exit codes:" in text
    assert all(re.search(rf"^ +{code} ", text, flags=re.MULTILINE) for code in (0, 1, 2, 3, 4, 5, 130))


def test_a_selfcheck_without_pyperf_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UsageError, match="pip install pyperf"):
        selfcheck.main(["--quick"], standalone_mode=False)
