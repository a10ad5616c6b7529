"""The workflows are what GitHub takes, pinned and with no more rights than they need: as far as that shows offline."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

GITHUB = Path(__file__).resolve().parents[2] / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
ACTIONS = sorted((GITHUB / "actions").glob("*/action.yml"))
PINNED = re.compile(r"(- )?uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def run(*arguments: str | Path) -> None:
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=lambda path: path.parent.name + "/" + path.name)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    uses = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if "uses: " in line]
    uses = [line for line in uses if not line.startswith("#")]
    assert uses
    assert [line for line in uses if not PINNED.match(line)] == []


@pytest.mark.parametrize(
    ("schema", "paths"), [("vendor.github-workflows", WORKFLOWS), ("vendor.github-actions", ACTIONS)]
)
def test_the_files_are_valid_by_githubs_schema(schema: str, paths: list[Path]) -> None:
    run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *paths)


def test_actionlint_understands_every_expression_and_every_step() -> None:
    run(Path(sys.executable).with_name("actionlint"), "-shellcheck=", "-no-color", *WORKFLOWS)


def test_zizmor_finds_no_hole() -> None:
    run(Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", GITHUB)
