"""A command reads a manifest once and passes it on."""

from __future__ import annotations

import io
import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lab import cli
from lab.errors import ExitCode

CAPTURED = Path(__file__).resolve().parents[1] / "data" / "raw-smoke"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each manifest was opened to be read, by the name of its folder."""
    found: Counter[str] = Counter()
    opened = io.open

    def counting(file: Any, mode: str = "r", *more: Any, **named: Any) -> Any:
        if str(file).endswith("manifest.json") and "r" in mode:
            found[Path(str(file)).parent.name] += 1
        return opened(file, mode, *more, **named)

    monkeypatch.setattr(io, "open", counting)
    return found


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["lab", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code in (None, ExitCode.DONE)


def test_each_command_reads_the_manifest_of_its_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: Counter[str]
) -> None:
    run = shutil.copytree(CAPTURED, tmp_path / "run")
    targets = [f"{run}@py39-linux-c1", f"{run}@py313-linux-native-c2"]
    for arguments in (
        ["report", run],
        ["advise", run],
        ["compare", *targets, "--out", tmp_path / "compared"],
        ["reproduce", run, "--judge", run],
        ["export", run, "--out", tmp_path / "run.zip"],
        ["merge", run, "--out", tmp_path / "merged"],
    ):
        reads.clear()
        command(monkeypatch, *arguments)
        packed = arguments[0] == "export"  # its bytes go into the archive as well
        assert reads == {"run": 1 + packed + arguments.count("--judge")}, arguments[0]
