"""Compiled stages: what a living process has claimed stays, and nothing else does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.targets import stage

OTHER = """
import sys
from lab.targets.stage import claim
claim("abc-3.13.0")
print("claimed", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "WIN_PD_OVERRIDE_LOCAL_APPDATA"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    return tmp_path


def test_a_stage_that_a_living_process_has_claimed_is_left_alone_until_it_ends(cache: Path) -> None:
    names = ("abc-3.13.0", "abc-3.13.0.17", "abc-3.13.01", "old-3.9.1")
    for name in names:
        (stage.stages_folder() / name).mkdir(parents=True)
    code = f"import platformdirs, pathlib\nplatformdirs.user_cache_path = lambda n: pathlib.Path({str(cache)!r}, n)\n"
    command = [sys.executable, "-c", code + OTHER]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "claimed\n"
        assert stage.remove_unused() == stage.Cleared(removed=2, in_use=2)
        assert sorted(path.name for path in stage.stages_folder().iterdir()) == ["abc-3.13.0", "abc-3.13.0.17"]
        other.communicate("")
    assert stage.remove_unused() == stage.Cleared(removed=2, in_use=0)
    assert not list(stage.claims_folder().iterdir())
