"""A Python that this machine lacks: which command gets it, and what --fetch does with uv."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.planning.profiles import profile
from lab.planning.survey import Wanted, survey
from lab.targets.obtaining import fetch, remedy
from tests.fake_machines import FakeMachine

needs_shebang = pytest.mark.skipif(sys.platform == "win32", reason="a script without a suffix is no program there")


def uv(folder: Path, ending: str) -> Path:
    """A program named uv that writes down its arguments; it stands in for uv, not for what uv downloads from."""
    program = folder / "uv"
    program.write_text(f'#!/bin/sh\necho "$@" >>{folder}/log\n{ending}\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return folder / "log"


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin")
    return tmp_path


def test_a_missing_version_names_the_commands_that_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeMachine(pythons=("3.13",)).becomes(monkeypatch)
    for key in ("3.14t", "3.14"):
        with pytest.raises(UsageError) as error:
            survey(Wanted(user_images={}, pythons=(key,)), profile("quick"), print)
        assert str(error.value).startswith(f"Python {key} is not available (found: 3.13); install it with `uv python")
        assert f"uv python install {key}`" in str(error.value)


def test_a_free_threaded_build_has_neither_an_official_image_nor_a_package() -> None:
    assert "--image 3.14=python:3.14-slim" in remedy("3.14")
    assert ("apt-get install python3.14 " in remedy("3.14")) == (sys.platform == "linux")
    assert "--image 3.14t=REF" in remedy("3.14t")
    assert "apt-get" not in remedy("3.14t")


def test_fetch_without_uv_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"needs uv to install Python 3\.14t, and uv is not on PATH"):
        fetch(["3.14t"], print)
    fetch([], print)


@needs_shebang
def test_fetch_runs_the_command_that_it_names(path: Path) -> None:
    said: list[str] = []
    log = uv(path, "exit 0")
    fetch(["3.14t", "3.15"], said.append)
    assert log.read_text(encoding="utf-8").splitlines() == ["python install 3.14t", "python install 3.15"]
    assert said == ["3.14t: uv python install 3.14t", "3.15: uv python install 3.15"]


@needs_shebang
def test_only_what_is_missing_is_fetched_and_uvs_own_words_explain_a_failure(
    monkeypatch: pytest.MonkeyPatch, path: Path
) -> None:
    log = uv(path, "echo 'error: no route to the source' >&2; exit 2")
    FakeMachine(pythons=("3.13",)).becomes(monkeypatch)
    survey(Wanted(user_images={}, pythons=("3.13",), fetch=True), profile("quick"), print)
    assert not log.exists()
    with pytest.raises(UsageError, match=r"`uv python install 3\.15` failed \(error: no route to the source\)"):
        survey(Wanted(user_images={}, pythons=("3.13", "3.15"), fetch=True), profile("quick"), print)
    assert log.read_text(encoding="utf-8") == "python install 3.15\n"
