"""What is no run is refused by every command that takes one: exit 5, one sentence, before anything slow is imported."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from lab import cli
from lab.errors import ExitCode, is_unreadable
from lab.runs.folder import RunFolder
from tests.manifests import manifest, plain

SLOW = ("pandas", "scipy", "matplotlib", "docker")
# Run in one interpreter for all commands: it says how each ended, and what slow libraries that took.
DRIVER = f"""
import json, sys
from lab import cli

ended = []
for command in json.load(sys.stdin):
    sys.argv = ["lab", *command]
    try:
        cli.main()
    except SystemExit as end:
        ended.append(end.code)
print(json.dumps([ended, [name for name in {SLOW!r} if name in sys.modules]]))
"""


def no_runs(folder: Path) -> list[Path]:
    """What a user might take for a run: files and folders that are none."""
    found = []
    for name, content in (("empty", ""), ("letters", "PK"), ("object", "{}"), ("list", "[]")):
        for suffix in (".zip", ".json"):
            path = (folder / name).with_suffix(suffix)
            path.write_text(content, encoding="utf-8")
            found.append(path)
        held = folder / f"{name}-folder"
        held.mkdir()
        (held / "manifest.json").write_text(content, encoding="utf-8")
        found.append(held)
    (folder / "other").mkdir()
    with zipfile.ZipFile(folder / "foreign.zip", "w") as archive:
        archive.writestr("letter.txt", "no run")
    return [*found, folder / "other", folder / "foreign.zip", folder / "missing"]


def commands(path: Path, out: Path) -> list[list[str]]:
    named, to = str(path), ["--out", str(out)]
    report = ["report", named, *to] if path.is_file() else ["report", named]  # a folder's is rebuilt in that folder
    return [["reproduce", named, *to], report, ["merge", named, *to], ["advise", named], ["compare", named, named, *to]]


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["lab", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0)


def test_each_is_refused_in_one_sentence_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    for path in no_runs(tmp_path):
        for command in commands(path, out):
            code = run(command, monkeypatch)
            shown = capsys.readouterr()
            assert code == ExitCode.BAD_FILES, (command, shown.err)
            assert shown.out == ""
            assert shown.err.startswith("lab: ")
            assert str(path) in shown.err
            assert shown.err.count("\n") == 1
    assert not out.exists()


def test_refusing_imports_nothing_slow(tmp_path: Path) -> None:
    tried = [command for path in (no_runs(tmp_path)[0], tmp_path / "other") for command in commands(path, tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", DRIVER], input=json.dumps(tried), capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [[ExitCode.BAD_FILES] * len(tried), []], done.stderr


@pytest.mark.parametrize(
    "case",
    [
        (["nope"], ExitCode.USAGE, "see: python -m lab --help"),
        (["merge"], ExitCode.USAGE, "see: python -m lab merge --help"),
        (["fit", "--nope"], ExitCode.USAGE, "see: python -m lab fit --help"),
        (["export", "file"], ExitCode.BAD_FILES, "python -m lab report file --out FOLDER"),
        (["export", "run", "--out", "file/run.zip"], ExitCode.USAGE, "choose another file with --out"),
        (["plan", "--cpus", ","], ExitCode.USAGE, "write for example --cpus 1,2,0.5q"),
        (["plan", "--image", "x=y"], ExitCode.USAGE, "for example --image 3.15=python:3.15-rc-slim"),
        (["plan", "--engine", "none", "--image", "3.13=y"], ExitCode.USAGE, "or leave out --image"),
        (["plan", "--inject-slowdown", "nan"], ExitCode.USAGE, "write a percentage from 0 to 1000"),
        (["plan", "--registry", "https://mirror"], ExitCode.USAGE, "as in mirror.example/library"),
        (["run", "--resume", "run", "--seed", "3"], ExitCode.USAGE, "leave out --seed"),
        (["run", "--resume", "run"], ExitCode.BAD_FILES, "start a new run"),
        (["run", "--resume", "damaged"], ExitCode.BAD_FILES, "restore the file or remove the run"),
        (["merge", "damaged", "run"], ExitCode.BAD_FILES, "restore the file or remove the run"),
        (["report", "damaged"], ExitCode.BAD_FILES, "restore the file or remove the run"),
    ],
)
def test_a_command_line_that_cannot_be_carried_out_names_the_next_step(
    case: tuple[list[str], ExitCode, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments, code, step = case
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("no folder", encoding="utf-8")
    RunFolder.create(Path("run")).write_manifest(manifest(run_id="run"))
    damaged = {name: value for name, value in plain().items() if name != "targets"}
    (RunFolder.create(Path("damaged")).path / "manifest.json").write_text(json.dumps(damaged), encoding="utf-8")
    assert run(arguments, monkeypatch) == code
    shown = capsys.readouterr().err
    assert shown.rstrip().endswith(step)
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code", "step"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), ExitCode.USAGE, "add --resume"),
        (OSError(errno.EROFS, "Read-only file system", "/there"), ExitCode.USAGE, "or change its permissions"),
        (OSError(errno.EIO, "Input/output error", "/there"), ExitCode.USAGE, "fix this and retry"),
    ],
)
def test_what_the_system_refuses_is_a_sentence_and_no_traceback(
    error: OSError, code: ExitCode, step: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.cli, "main", refuse)
    assert run([], monkeypatch) == code
    shown = capsys.readouterr().err
    assert shown.rstrip().endswith(step)
    assert shown.count("\n") == 1


def test_a_file_that_may_not_be_read_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "samples.csv"
    closed.write_text("value")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may read all
    assert is_unreadable(PermissionError(errno.EACCES, "Permission denied", str(closed)))
    assert not is_unreadable(PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "missing")))
