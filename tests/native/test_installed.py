"""The wheel and the sdist as a user installs them: in an empty environment, called in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.conftest import Missing

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [*map(str, command)], cwd=cwd, env=clean, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", folder, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """The wheel, built from the unpacked sdist as pip builds it."""
    with tarfile.open(sdist) as archive:
        archive.extractall(sdist.parent, filter="data")
    source = sdist.parent / sdist.name.removesuffix(".tar.gz")
    done = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", sdist.parent, cwd=source)
    assert done.returncode == 0, done.stderr
    return next(sdist.parent.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory, missing: Missing) -> Path:
    """The program in an environment that holds nothing but what the wheel asks for."""
    folder = tmp_path_factory.mktemp("installed") / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    scripts = folder / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / Path(sys.executable).name
    done = install(python, constraints(wheel.parent), wheel)
    if done.returncode != 0 and "No matching distribution" in done.stderr:
        missing("no package index can be reached, so that the wheel cannot be installed")
    assert done.returncode == 0, done.stderr
    return scripts / ("comparison-lab.exe" if os.name == "nt" else "comparison-lab")


def install(python: Path, pinned: Path, what: str | Path) -> subprocess.CompletedProcess[str]:
    options: list[str | Path] = ["--quiet", "--no-compile", "--constraint", pinned]
    return run(sys.executable, "-m", "pip", "--python", python, "install", *options, what)


def constraints(folder: Path) -> Path:
    """The pinned versions without their hashes, because the wheel itself has none."""
    lines = (ROOT / "constraints-dev.txt").read_text(encoding="utf-8").splitlines()
    path = folder / "constraints.txt"
    path.write_text("\n".join(line.rstrip(" \\") for line in lines if "==" in line), encoding="utf-8")
    return path


def test_without_arguments_it_shows_two_commands_by_its_own_name(installed: Path, tmp_path: Path) -> None:
    done = run(installed, cwd=tmp_path)
    assert done.returncode == 0
    assert "comparison-lab run" in done.stdout
    assert "comparison-lab plan" in done.stdout
    assert "python -m" not in done.stdout + run(installed, "--help").stdout + run(installed, "export", "--help").stdout


def test_a_message_names_the_program_as_it_was_called(installed: Path, tmp_path: Path) -> None:
    done = run(installed, "advise", cwd=tmp_path)
    assert done.returncode == 2
    assert "comparison-lab run" in done.stderr
    assert "python -m" not in done.stderr


def test_it_measures_and_reports_in_an_empty_folder_with_and_without_pyarrow(installed: Path, tmp_path: Path) -> None:
    options = ["--engine", "none", "--profile", "smoke", "--scenario", "process.memory", "--quiet", "--out"]
    done = run(installed, "run", *options, "without", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    python = installed.with_name(Path(sys.executable).name)
    added = install(python, constraints(tmp_path), "pyarrow")
    assert added.returncode == 0, added.stderr
    done = run(installed, "report", "without", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "without" / "index.html").stat().st_size > 10_000


def test_it_has_what_images_are_built_from(wheel: Path, installed: Path) -> None:
    code = "from lab.targets.images.catalogue import official_references; print(len(official_references()))"
    done = run(installed.with_name(Path(sys.executable).name), "-c", code, cwd=wheel.parent)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
