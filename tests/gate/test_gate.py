"""The gate on real repositories, with the interpreter that runs the tests."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.commands import gate as gate_command
from lab.errors import ExitCode, UsageError
from lab.gate.measure import MIN_ROUNDS, promised_rounds
from lab.gate.repository import Repository
from lab.gate.wanted import parse_choice
from lab.targets.native import can_pin
from lab.tune.choices import Choice

WORK = """\
ITEMS = list(range(20))


def loop(n):  # lab: gate
    return sum(range({size}))


def other(n):
    return n
"""


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=x", "-c", "user.email=x@localhost", "-c", "protocol.file.allow=always")
    done = subprocess.run(["git", *names, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "work.py").write_text(WORK.format(size=20000))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "branch", "base")
    monkeypatch.chdir(folder)
    return folder


Gate = Callable[..., Result]


@pytest.fixture
def gate(repository: Path, tmp_path: Path) -> Gate:
    assert Path.cwd() == repository

    def run(*arguments: str) -> Result:
        found = CliRunner().invoke(
            gate_command.command,
            [*arguments, "--budget", "1s", "--cpus", "1", "--python", sys.executable, "--out", str(tmp_path / "out")],
            standalone_mode=False,
        )
        if found.exception is not None:
            raise found.exception
        return found

    return run


def commit(folder: Path, text: str, name: str = "work.py") -> None:
    (folder / name).write_text(text)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "change")


needs_pinning = pytest.mark.skipif(not can_pin(), reason="this system cannot bind processes to CPUs")


@needs_pinning
def test_a_slow_down_is_found_and_fails_only_beyond_the_limit(repository: Path, gate: Gate, tmp_path: Path) -> None:
    commit(repository, WORK.format(size=200000))
    found = gate("work.py:loop", "--base", "base", "--fail-on", "slower:20", "--json")
    (row,) = json.loads(found.stdout)["rows"]
    assert row["verdict"] == "slower"
    assert 1.2 < row["ci_low"] < row["ratio"] < row["ci_high"]
    assert row["rounds"] >= MIN_ROUNDS
    assert row["head_cpu_s"] > row["base_cpu_s"] > 0
    assert found.return_value == ExitCode.REGRESSION
    (written,) = csv.DictReader((tmp_path / "out" / "compare.csv").read_text(encoding="utf-8").splitlines())
    assert (written["id"], written["verdict"]) == ("work.py:loop", "slower")
    for name in ("gate.md", "gate.html"):
        assert "slower" in (tmp_path / "out" / name).read_text(encoding="utf-8")
    assert git(repository, "worktree", "list").count("\n") == 1


@needs_pinning
def test_equal_sides_are_no_regression_and_a_pool_can_be_named(gate: Gate) -> None:
    found = gate("work.py", "--base", "base", "--fail-on", "slower:5", "--as", "pool:2:spawn:4", "--json")
    (row,) = json.loads(found.stdout)["rows"]  # the one function that is marked
    assert row["function"] == "work.py:loop"
    assert row["verdict"] in {"same", "inconclusive"}
    assert found.return_value == ExitCode.DONE


@needs_pinning
def test_a_function_that_the_base_lacks_is_new(repository: Path, gate: Gate) -> None:
    commit(repository, WORK.format(size=20000) + "\n\ndef fresh(n):\n    return n\n")
    found = gate("work.py:fresh", "--base", "base", "--json")
    (row,) = json.loads(found.stdout)["rows"]
    assert (row["verdict"], row["reason"], row["ratio"]) == ("new", "the base does not have it", None)
    assert found.return_value == ExitCode.DONE


@needs_pinning
def test_a_function_that_raises_in_one_side_leaves_the_others(repository: Path, gate: Gate) -> None:
    commit(repository, WORK.format(size=20000).replace("return n\n", "raise ValueError('broken here')\n"))
    entries = "".join(f'[[function]]\ntarget = "work.py:{name}"\n' for name in ("loop", "other"))
    commit(repository, entries, "gate.toml")
    found = gate("--base", "base", "--json")
    rows = {row["function"]: row for row in json.loads(found.stdout)["rows"]}
    assert rows["work.py:other"]["verdict"] == "not measured"
    assert rows["work.py:other"]["reason"].startswith("head: the function raises ValueError: broken here")
    assert rows["work.py:loop"]["rounds"] >= MIN_ROUNDS
    assert found.return_value == ExitCode.CELLS_FAILED


@needs_pinning
def test_a_function_that_nothing_has_ends_in_one_sentence(gate: Gate) -> None:
    with pytest.raises(UsageError, match=r"work\.py:missing does not exist in HEAD"):
        gate("work.py:missing", "--base", "base")


def test_a_dirty_tree_is_the_head_and_stays_as_it_is(repository: Path) -> None:
    (repository / "work.py").write_text("staged = 1\n")
    git(repository, "add", "work.py")
    (repository / "work.py").write_text("staged = 1\nchanged = 1\n")
    (repository / "new.py").write_text("untracked = 1\n")
    before, index = git(repository, "status", "--porcelain"), (repository / ".git" / "index").read_bytes()
    with Repository.around(repository).sides("base") as (base, head):
        assert (head.folder / "work.py").read_text() == "staged = 1\nchanged = 1\n"
        assert "changed" not in (base.folder / "work.py").read_text()
        assert "with 1 uncommitted change" in head.words
        assert head.notes == ("1 untracked file of the working tree not measured; git add to include",)
    assert not base.folder.exists()
    assert git(repository, "status", "--porcelain") == before
    assert (repository / ".git" / "index").read_bytes() == index
    assert git(repository, "stash", "list") == ""


def test_the_worktrees_are_removed_when_measuring_is_stopped(repository: Path) -> None:
    with pytest.raises(KeyboardInterrupt), Repository.around(repository).sides("base") as (base, _):
        raise KeyboardInterrupt
    assert not base.folder.parent.exists()
    assert git(repository, "worktree", "list").count("\n") == 1


def test_hooks_of_the_user_do_not_run(repository: Path) -> None:
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {repository / 'ran'}\n")
    hook.chmod(0o755)
    with Repository.around(repository).sides("base"):
        pass
    assert not (repository / "ran").exists()


def test_a_folder_without_a_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not in the working tree of a git repository"):
        Repository.around(tmp_path)


def test_a_repository_without_commits_is_named(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    with pytest.raises(UsageError, match="has no commit yet"), Repository.around(tmp_path).sides("main"):
        pass


@pytest.mark.parametrize("revision", ["nowhere", "--all", "work.py"])
def test_an_unknown_revision_is_named(repository: Path, revision: str) -> None:
    with (
        pytest.raises(UsageError, match="is not a commit, branch or tag"),
        Repository.around(repository).sides(revision),
    ):
        pass


def test_a_shallow_clone_says_how_to_get_the_base(repository: Path, tmp_path: Path) -> None:
    first = git(repository, "rev-parse", "HEAD").strip()
    commit(repository, "a = 1\n")
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{repository}", "shallow")
    with (
        pytest.raises(UsageError, match="shallow clone; fetch it first: git fetch --unshallow"),
        Repository.around(tmp_path / "shallow").sides(first),
    ):
        pass


@pytest.mark.parametrize("allowed", [True, False])
def test_submodules_are_checked_out_or_noted(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, allowed: bool
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    git(inner, "init", "--quiet")
    commit(inner, "inside = 1\n", "inside.py")
    git(repository, "submodule", "--quiet", "add", str(inner), "inner")
    git(repository, "commit", "--quiet", "-m", "submodule")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "protocol.file.allow")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "always" if allowed else "never")
    with Repository.around(repository).sides("base") as (_, head):
        assert (head.folder / "inner" / "inside.py").exists() == allowed
        assert bool(head.notes) != allowed
    assert not head.folder.exists()
    assert git(repository, "worktree", "list").count("\n") == 1


def test_the_rounds_follow_from_the_budget_between_two_limits() -> None:
    assert promised_rounds(60.0, 3.0) == 20
    assert promised_rounds(-5.0, 3.0) == MIN_ROUNDS
    assert promised_rounds(1e6, 3.0) < 100


def test_the_way_to_run_is_parsed_as_written() -> None:
    assert parse_choice("pool:4:spawn:16") == Choice(executor="pool", workers=4, start_method="spawn", chunksize=16)
    assert parse_choice("threads:3") == Choice(executor="threads", workers=3)
    assert parse_choice("executor").executor == "process_pool_executor"
    for wrong in ("pools", "pool:x", "pool:2:sprawn", "pool:2:spawn:3:4", "serial:2"):
        with pytest.raises(UsageError, match="--as"):
            parse_choice(wrong)


def test_a_file_outside_of_the_repository_has_no_other_commit(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text("def f(n): return n\n")
    with pytest.raises(UsageError, match="is not in the repository"):
        gate("../elsewhere.py:f", "--base", "base")
