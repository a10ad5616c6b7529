"""The host side on a Windows CPython under Wine: paths, locks, atomic replacement, encodings, planning, store, CSVs."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from lab.targets.engine import Engine
from lab.targets.images.wine import WineSource, packed

pytestmark = pytest.mark.engine
Missing = Callable[[str], NoReturn]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEY = "3.13"
SHIPPED = ("lab", "tests", "docker", "reports/sample", ".github", ".ci")
FILES = ("pyproject.toml", "README.md", "noxfile.py", "reports/README.md", "constraints.txt", "constraints-dev.txt")
TIMEOUT_S = 600
LEAST_PASSED = 200
JOB_OBJECT_TESTS = 3


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory, missing: Missing) -> Path:
    place = tmp_path_factory.mktemp("wheels")
    options = ["--no-deps", "--only-binary=:all:", "--platform=win_amd64", f"--python-version={KEY}", "--quiet"]
    options += ["--require-hashes", "--requirement", str(HERE / "host-wheels.txt")]
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "--dest", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        missing(f"the wheels for Windows cannot be downloaded: {done.stderr.strip()[-300:]}")
    return place


def context(wheels: Path) -> dict[str, bytes]:
    """What the image is built from: packages, the clone as git has it, and the script that runs its tests."""
    found = {"Dockerfile": (HERE / "Dockerfile").read_bytes()}
    for wheel in wheels.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            found |= {f"site/{name}": archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    names = subprocess.run(
        ["git", "ls-files", "-z", *SHIPPED, *FILES], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return found | {
        f"clone/{name}": (ROOT / name).read_bytes() for name in names.stdout.split("\0") if (ROOT / name).is_file()
    }


@pytest.fixture(scope="module")
def image(engine: Engine, wheels: Path, missing: Missing) -> Iterator[str]:
    source = WineSource(engine)
    if KEY not in source.available():
        missing(f"there is no interpreter of Python {KEY} here, whose library the Windows runtime takes")
    base = source.base(KEY, lambda _text: None)
    built, _ = engine.client.images.build(
        fileobj=io.BytesIO(packed(context(wheels)).getvalue()),
        custom_context=True,
        buildargs={"BASE": base.reference},
        rm=True,
    )
    assert built.id is not None
    yield built.id
    engine.client.images.remove(built.id, force=True)


def run_there(engine: Engine, image: str, *names: str) -> str:
    """What pytest says of these files (none: the host side's) under Wine, once all has passed."""
    container = engine.client.containers.create(
        image,
        ["/usr/local/bin/python", "/opt/clone/tests/windows/on_windows.py", *names],
        user="65534:65534",
        network_mode="none",
        init=True,
    )
    try:
        container.start()
        code = container.wait(timeout=TIMEOUT_S)["StatusCode"]
        output = container.logs().decode("utf-8", "replace")
    finally:
        container.remove(force=True, v=True)
    assert code == 0, output[-8000:]
    return output


def passed(output: str) -> int:
    found = re.search(r"(\d+) passed", output)
    assert found is not None, output[-2000:]
    return int(found[1])


def test_what_differs_on_windows_is_tested_there(engine: Engine, image: str) -> None:
    output = run_there(engine, image)
    assert passed(output) >= LEAST_PASSED, output[-2000:]


def test_the_native_target_runs_there_from_a_folder_of_any_name(engine: Engine, image: str) -> None:
    assert passed(run_there(engine, image, "tests/windows/test_native_target.py")) == 1


def test_a_cell_ends_there_with_all_that_it_has_started(engine: Engine, image: str) -> None:
    output = run_there(engine, image, "tests/windows/test_job_objects.py")
    assert passed(output) == JOB_OBJECT_TESTS
    assert "skipped" not in output
