"""A captured run under Wine goes through the code of every other run, and is labelled Wine wherever it shows."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from lab.agent.scenario import discover
from lab.agent.toolkit.channels.axes import NAMED_PIPE_EDGE
from lab.pipeline import derive
from lab.report.data import for_figures, load
from lab.runs.folder import RunFolder
from lab.tables import csv_files, schema

CAPTURED = Path(__file__).parents[1] / "data" / "wine-smoke"
VERSIONS = {"3.11", "3.13"}
# What Windows does not have; each of these rows has to say so.
MISSING = {"fifo", "unix_socket", "posix_mq", "sysv_mq", "eventfd", "signal"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wine") / "run"
    shutil.copytree(CAPTURED, folder)
    derive(RunFolder.existing(folder))
    return folder


@pytest.fixture(scope="module")
def samples(run: Path) -> pd.DataFrame:
    return csv_files.read(run / "samples.csv", schema.SAMPLES)


def test_two_versions_of_windows_are_read_as_any_other_target(samples: pd.DataFrame) -> None:
    answered = samples[samples["status"] == "ok"]
    assert set(answered["python"].str.rpartition(".")[0]) == VERSIONS
    assert set(answered["os"]) == {"windows"}
    assert set(answered["cpus_observed"]) == {2.0}
    assert set(answered["start_method"].dropna()) <= {"spawn", "default"}


def test_what_windows_does_not_have_is_a_row_with_its_reason(samples: pd.DataFrame) -> None:
    unsupported = samples[samples["status"] == "unsupported"]
    assert set(unsupported["mechanism"].dropna()) >= MISSING
    assert unsupported["reason"].str.len().gt(10).all()


def test_the_edge_of_named_pipes_is_in_the_table_of_sizes(run: Path) -> None:
    sizes = csv_files.read(run / "ipc_sizes.csv", schema.IPC_SIZES)
    edge = sizes[sizes["payload_bytes"].isin(NAMED_PIPE_EDGE)]
    found = set(zip(edge["mechanism"], edge["payload_bytes"], strict=True))
    assert found == {(name, size) for name in ("pipe", "duplex_pipe") for size in NAMED_PIPE_EDGE}
    assert edge["message_ns"].gt(0).all()
    assert "of 129 B over a named pipe" in (run / "report.md").read_text(encoding="utf-8")


def test_the_table_of_targets_has_their_clocks(run: Path) -> None:
    assert "QueryPerformanceCounter(), steps of " in (run / "report.md").read_text(encoding="utf-8")


def test_summary_and_laws_are_made_of_it(run: Path) -> None:
    summary = csv_files.read(run / "summary.csv", schema.SUMMARY)
    assert summary.loc[summary["status"] == "ok", "estimate"].gt(0).any()
    assert (run / "claims.csv").stat().st_size > 0


def test_it_is_labelled_wine_everywhere(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    assert all("-windows-wine-" in target["id"] and target["facts"]["wine"] for target in manifest["targets"])
    for page in ("report.md", "index.html"):
        assert "Windows under Wine" in (run / page).read_text(encoding="utf-8")


def test_wine_and_native_windows_are_never_in_one_figure(run: Path) -> None:
    data = load(RunFolder.existing(run))
    assert for_figures(data) is data
    first = next(iter(data.targets.values()))
    native = replace(first, id="py313-windows-native-c2", engine="none", wine=False)
    row = replace(data.rows[0], target=native.id)
    both = replace(data, targets={**data.targets, native.id: native}, rows=(*data.rows, row))
    drawn = for_figures(both)
    assert set(drawn.targets) == {native.id}
    assert drawn.rows == (row,)


def test_every_scenario_that_has_a_number_is_drawn_on_the_page(run: Path) -> None:
    measured = {row.scenario for row in load(RunFolder.existing(run)).rows if row.estimate is not None}
    assert len(measured) == 26, "all but those that need fork or smaps"
    page = (run / "index.html").read_text(encoding="utf-8")
    for name in measured:
        shown = [figure for figure in discover()[name].figures if f'id="figure-{figure}"' in page]
        assert any((run / "figures" / f"{figure}.svg").is_file() for figure in shown), name


def test_the_tables_do_not_depend_on_whether_pyarrow_is_installed(run: Path, tmp_path: Path) -> None:
    """Where pyarrow can be imported, pandas would store texts in it, whose comparisons have no arithmetic."""
    pytest.importorskip("pyarrow")
    folder = tmp_path / "run"
    shutil.copytree(CAPTURED, folder)
    without = "import sys; sys.modules['pyarrow'] = None; from lab.cli import main; main()"
    subprocess.run([sys.executable, "-c", without, "report", folder], check=True, capture_output=True, timeout=120)
    tables = sorted(path.name for path in run.glob("*.csv"))
    assert "ipc_sizes.csv" in tables
    assert [name for name in tables if (folder / name).read_bytes() != (run / name).read_bytes()] == []
