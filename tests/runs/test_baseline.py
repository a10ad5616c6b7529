"""A run that measures a baseline as well, from its plan to its resumption."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lab.errors import BadFiles
from lab.planning.baseline import parse_baseline
from lab.planning.limits import parse_limit
from lab.planning.plan import Options
from lab.planning.survey import Wanted
from lab.running.job import resume, run
from lab.targets.stage import PACKAGE
from tests.fake_machines import FakeMachine, quiet_console, signals_kept
from tests.fake_runs import FakeRunner

kept = pytest.fixture(autouse=True)(signals_kept)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Another checkout of the lab, with a change in its agent."""
    for name in ("lab/agent", "docker"):
        shutil.copytree(PACKAGE.parent / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "wine"))
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "lab")
    with (tmp_path / "lab" / "agent" / "scenario.py").open("a") as file:
        file.write("# other\n")
    return tmp_path


def test_a_run_is_resumed_with_the_baseline_that_it_began_with_and_with_no_other(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = FakeMachine().becomes(monkeypatch)
    console, _ = quiet_console()
    wanted = Wanted(
        user_images={},
        engine="none",
        cpus=(parse_limit("2"),),
        pythons=("3.13",),
        baseline=parse_baseline([str(checkout)]),
    )
    scenarios = ("pool.scaling/*pure_python*",)
    run(Options(profile="smoke", wanted=wanted, scenarios=scenarios, out=checkout / "run"), console)
    assert {start.target.is_baseline for start in machine.runner.starts} == {False, True}
    machine.runner = FakeRunner()
    resume(checkout / "run", console, quiet=True)
    (checkout / "lab" / "agent" / "scenario.py").write_text("# another\n")
    with pytest.raises(BadFiles, match="another baseline agent"):
        resume(checkout / "run", console, quiet=True)
    assert machine.runner.starts == [], "no cell was open"
