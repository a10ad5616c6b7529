"""The report of a captured run folder."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from lab.errors import BadFiles
from lab.report.building import build
from lab.runs.folder import RunFolder

CAPTURED = Path(__file__).parents[1] / "data" / "report-smoke"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "smoke"
    shutil.copytree(CAPTURED, path)
    return path


def derived(folder: Path) -> dict[str, bytes]:
    files = [folder / "index.html", folder / "report.md", *sorted((folder / "figures").iterdir())]
    return {path.name: path.read_bytes() for path in files}


def test_a_rebuilt_report_is_byte_identical(folder: Path) -> None:
    report = build(RunFolder.existing(folder))
    first = derived(folder)
    shutil.rmtree(folder / "figures")
    build(RunFolder.existing(folder))
    assert derived(folder) == first
    assert report.missing["quota_cost"] == "pool.scaling was not measured with cpu mode quota"
    assert set(report.figures) == {name.removesuffix(".svg") for name in first if name.endswith(".svg")}
    assert all(f"{name}.png" in first for name in report.figures)
    shown = first["index.html"].decode()
    check_self_contained(shown)
    check_ids(shown)
    assert "It shows that everything works, but supports no conclusion" in shown


def check_self_contained(shown: str) -> None:
    for address in re.findall(r'(?:src|href)="([^"]*)"', shown):
        assert address.startswith(("#", "figures/")), address
    assert re.findall(r"<script[^>]*>", shown) == ["<script>"]  # the page's own, inline
    assert "@import" not in shown


def check_ids(shown: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', shown)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', shown)) <= set(ids)


def test_a_folder_that_is_not_a_run_is_refused_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="run folder"):
        build(RunFolder.existing(tmp_path))
