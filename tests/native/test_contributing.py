"""CONTRIBUTING.md, followed: its two example files in a copy of the lab, and nothing else edited."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"`(?P<path>[\w/]+\.py)`:\n\n```python\n(?P<code>.*?)```", re.DOTALL)
COPIED = ("lab", "docker", "tests", "README.md", "CONTRIBUTING.md", "pyproject.toml", "reports/README.md")
SCENARIO, CLAIM = "process.subprocess", "spawn_is_slower_than_subprocess"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
HERE = ("--engine", "none", "--python", PYTHON, "--cpus", "1")
FOUR_PLANS = """
from lab.cli import cli
for profile in ("smoke", "quick", "standard", "full"):
    cli.main(["plan", "--json", "--profile", profile, *{arguments!r}], standalone_mode=False)
    print("END")
"""

pytestmark = pytest.mark.skipif(sys.platform == "darwin", reason="macOS cannot bind a process to a CPU")
Lab = Callable[..., str]


@pytest.fixture(scope="module")
def examples() -> dict[str, str]:
    """Path in the repository -> the code that CONTRIBUTING.md shows for it."""
    found = {match["path"]: match["code"] for match in EXAMPLE.finditer((ROOT / "CONTRIBUTING.md").read_text("utf-8"))}
    assert len(found) == 2, list(found)
    return found


@pytest.fixture(scope="module")
def copy(examples: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the lab to which only the examples were added."""
    folder = tmp_path_factory.mktemp("lab")
    for name in COPIED:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    shutil.copytree(ROOT / "reports" / "sample", folder / "reports" / "sample")
    for path, code in examples.items():
        assert not (folder / path).exists(), "the example would replace a file of the lab"
        (folder / path).write_text(code, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def lab(copy: Path) -> Lab:
    """Runs a command of the copy and gives what it printed."""

    def run(*arguments: str | Path) -> str:
        return python(copy, "-m", "lab", *map(str, arguments))

    return run


def python(copy: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_it_is_listed_with_what_it_declares_and_what_it_leaves_out(lab: Lab) -> None:
    rows = {row["name"]: row for row in json.loads(lab("list", "--json"))["scenarios"]}
    assert rows[SCENARIO]["family"] == "process"
    assert rows[SCENARIO]["unsupported"] == "same_cpu: on macOS (no affinity)"
    own = lab("list").partition(f"{SCENARIO} ")[2].partition("\nprocess.")[0]
    assert "the tutorial's section: not in the tutorial" in own


def test_every_profile_plans_it(copy: Path) -> None:
    said = python(copy, "-c", FOUR_PLANS.format(arguments=[*HERE, "--scenario", SCENARIO])).split("END\n")
    plans = [json.loads(text) for text in said if text.strip()]
    cases = [[cell["case"] for cell in plan["cells"]] for plan in plans]
    assert cases == [["same_cpu"], ["same_cpu"], ["same_cpu"], ["same_cpu", "free"]]
    left_out = [plan["unplanned"] for plan in plans]
    assert left_out == [{SCENARIO: {"placement": ["free"]}}] * 3 + [{}]


@pytest.fixture(scope="module")
def run(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cell of it and the one that the claim compares, measured natively in a round."""
    out = tmp_path_factory.mktemp("runs") / "run"
    chosen = ("--scenario", SCENARIO, "--scenario", "process.start/spawn-same_cpu")
    lab("run", *HERE, "--profile", "smoke", *chosen, "--out", out)
    return out


def test_it_is_measured_and_has_rows(run: Path) -> None:
    samples = pd.read_csv(run / "samples.csv")
    mine = samples[(samples["scenario"] == SCENARIO) & (samples["metric"] == "wall_time")]
    assert set(mine["status"]) == {"ok"}
    assert set(mine["operation"]) == {"run"}
    assert set(mine["case"]) == {"same_cpu"}
    assert {tuple(sorted(process)) for _, process in mine.groupby("process")["warmup"]} == {(0, 0, 0, 1)}
    assert mine["value"].between(1e6, 60e9).all(), "a Python does not start in less than a millisecond"


def test_the_claim_is_judged(run: Path) -> None:
    claims = pd.read_csv(run / "claims.csv")
    (mine,) = claims[claims["claim"] == CLAIM].to_dict("records")
    assert mine["source"] == "Python documentation, multiprocessing, Contexts and start methods"
    assert mine["reason"].startswith("1 of 5 rounds"), "its cells were found; a round decides nothing"
    assert mine["value"] > 0
    assert CLAIM in (run / "report.md").read_text("utf-8")


def test_the_report_shows_it(run: Path) -> None:
    assert SCENARIO in (run / "report.md").read_text("utf-8")
    assert SCENARIO in (run / "index.html").read_text("utf-8")


def test_the_readme_s_tables_have_them_and_nothing_else_was_touched(copy: Path, lab: Lab) -> None:
    before = digests(copy)
    lab("docs")
    after = digests(copy)
    assert {path for path in after if before.get(path) != after[path]} == {"lab/README.md"}
    tables = (copy / "lab" / "README.md").read_text("utf-8")
    assert f"| `{SCENARIO}` |" in tables
    assert f"| `{CLAIM}` |" in tables


def test_the_tests_that_look_at_every_scenario_and_claim_pass_with_them(copy: Path) -> None:
    """Those of plans, profiles and claims, of the agent's boundary, and one that runs the smallest cases for real."""
    boundary, path = "tests/agent/test_boundary.py", "scenarios/process/subprocess.py"
    chosen = [
        f"tests/agent/test_scenarios.py::test_the_smallest_cases_run[{SCENARIO}]",
        f"{boundary}::test_every_import_is_of_the_agent_or_of_the_standard_library[{path}]",
        f"{boundary}::test_every_file_is_in_the_syntax_of_3_9[{path}]",
        f"{boundary}::test_typing_is_imported_for_type_checkers_only[{path}]",
        f"{boundary}::test_interpreters_are_started_in_one_way_only[{path}]",
        "tests/unit/test_agent_scenario.py",
        "tests/unit/test_plan.py",
        "tests/unit/test_planned_cells.py",
        "tests/claims",
    ]
    said = python(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen)
    assert " passed" in said
    assert "failed" not in said


def test_the_examples_are_in_the_style_of_the_lab(copy: Path, examples: dict[str, str]) -> None:
    files = list(examples)
    for command in (["check"], ["format", "--check"]):
        python(copy, "-m", "ruff", *command, *files)
