"""A real browser and the pages that it opens."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pandas as pd
import pytest
from click.testing import CliRunner
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from lab.commands.compare import command
from lab.report.building import build
from lab.runs.folder import RunFolder
from lab.tables import csv_files, schema
from tests.compared import noisy
from tests.manifests import manifest

CAPTURED = Path(__file__).parents[1] / "data" / "report-smoke"
QUIET = (
    "--headless=new",
    "--no-sandbox",  # CI runs as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser(missing: Callable[[str], NoReturn], tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Chromium of this machine, headless, with a profile of its own."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        missing("there is no chromium with its chromedriver here; on Debian: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = program
    for switch in (*QUIET, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=Service(driver))
    yield found
    found.quit()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the captured run's page."""
    folder = tmp_path_factory.mktemp("runs") / "smoke"
    shutil.copytree(CAPTURED, folder)
    build(RunFolder.existing(folder))
    return (folder / "index.html").as_uri()


@pytest.fixture(scope="session")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the page that compares two targets of a run, of which one takes longer."""
    folder = tmp_path_factory.mktemp("compared") / "run"
    folder.mkdir()
    times = [noisy(4, seed=seed, effect=1.0 + seed / 2) for seed in range(2)]
    csv_files.write(pd.concat(times), folder / "samples.csv", schema.SAMPLES)
    targets = [{"id": f"t{seed}", "facts": {"build_class": {"pgo": True}}} for seed in range(2)]
    host = {"label": "one", "cpu_model": "X", "cpus": 2, "os": "linux", "arch": "x86_64"}
    written = manifest(run_id="run", agent_hash="aaaa", host=host, created="2026-01-01T00:00:00+00:00", targets=targets)
    (folder / "manifest.json").write_text(written.encode(), encoding="utf-8")
    sides = [f"{folder}@t0", f"{folder}@t1", "--out", str(folder / "out")]
    result = CliRunner().invoke(command, sides, standalone_mode=False)
    assert result.exception is None
    return (folder / "out" / "compare.html").as_uri()
