"""Each export is opened by the program that it is made for, and holds the numbers of the CSVs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import frictionless
import pandas as pd
import pyarrow.parquet
import pyperf
import pytest
from click.testing import CliRunner
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from lab.commands.export import command
from lab.errors import UsageError
from lab.exports import FORMATS
from lab.pipeline import derive
from lab.runs.folder import RunFolder
from lab.tables import csv_files, schema

DATA = Path(__file__).resolve().parents[1] / "data"


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of one round with all its CSVs."""
    path = tmp_path_factory.mktemp("exports") / "smoke"
    shutil.copytree(DATA / "raw-smoke", path)
    with RunFolder.existing(path) as folder:
        derive(folder)
    return path


@pytest.fixture
def quick(tmp_path: Path) -> Path:
    """The manifest and summary.csv of a real run of five rounds, whose estimates have intervals."""
    return Path(shutil.copytree(DATA / "quick-run", tmp_path / "quick"))


def export(run: str | Path, name: str, out: Path) -> Path:
    done = CliRunner().invoke(command, [str(run), "--format", name, "--out", str(out)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return out


def refusal(*arguments: str | Path) -> str:
    done = CliRunner().invoke(command, [*map(str, arguments)])
    assert isinstance(done.exception, UsageError)
    return str(done.exception)


def target_of(run: Path) -> str:
    return str(csv_files.read(run / "samples.csv", schema.SAMPLES)["target"].iloc[0])


def test_pyperf_reads_the_times_of_every_process(smoke: Path, tmp_path: Path) -> None:
    suite = pyperf.BenchmarkSuite.load(str(export(smoke, "pyperf", tmp_path / "run.json")))
    samples = csv_files.read(smoke / "samples.csv", schema.SAMPLES)
    times = samples[(samples["metric"] == "wall_time") & (samples["status"] == "ok") & (samples["warmup"] == 0)]
    values = [value for benchmark in suite.get_benchmarks() for value in benchmark.get_values()]
    assert len(values) == len(times) > 50
    assert sorted(values) == pytest.approx(sorted(times["value"] / 1e9))
    benchmarks = times.groupby(["target", "scenario", "case", "operation"], dropna=False)
    assert len(suite.get_benchmarks()) == benchmarks.ngroups


def test_pyperf_compares_two_exports_of_one_target_by_name(smoke: Path, tmp_path: Path) -> None:
    run = f"{smoke}@{target_of(smoke)}"
    first, second = (export(run, "pyperf", tmp_path / name) for name in ("a.json", "b.json"))
    for arguments in (["compare_to", first, second], ["stats", first], ["hist", first]):
        compared = [sys.executable, "-m", "pyperf", *map(str, arguments)]
        done = subprocess.run(compared, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
    assert target_of(smoke) not in {benchmark.get_name() for benchmark in pyperf.BenchmarkSuite.load(str(first))}


def test_github_action_benchmark_gets_one_entry_per_estimate_of_which_less_is_better(
    quick: Path, tmp_path: Path
) -> None:
    entries = json.loads(export(quick, "benchmark", tmp_path / "run.json").read_bytes())
    summary = csv_files.read(quick / "summary.csv", schema.SUMMARY)
    kept = summary[(summary["status"] == "ok") & summary["estimate"].notna() & ~summary["unit"].str.endswith("/s")]
    assert [entry["value"] for entry in entries] == kept["estimate"].tolist()
    assert len({entry["name"] for entry in entries}) == len(entries) > 10
    assert all(set(entry) == {"name", "unit", "value", "range", "extra"} for entry in entries)


def test_bencher_gets_the_ends_of_the_intervals(quick: Path, tmp_path: Path) -> None:
    found = json.loads(export(quick, "bmf", tmp_path / "run.json").read_bytes())
    latencies = [measures["latency"] for measures in found.values() if "latency" in measures]
    with_ends = [one for one in latencies if "lower_value" in one]
    assert len(with_ends) > 10
    assert all(one["lower_value"] <= one["value"] <= one["upper_value"] for one in with_ends)


def test_prometheus_parses_the_gauges_in_base_units(quick: Path, tmp_path: Path) -> None:
    text = export(quick, "openmetrics", tmp_path / "run.prom").read_text(encoding="utf-8")
    families = {family.name: family for family in text_string_to_metric_families(text)}  # type: ignore[no-untyped-call]
    times = families["comparison_lab_wall_time_seconds"].samples
    summary = csv_files.read(quick / "summary.csv", schema.SUMMARY)
    kept = summary[(summary["metric"] == "wall_time") & (summary["status"] == "ok") & summary["estimate"].notna()]
    found = [sample.value for sample in times if sample.labels["bound"] == "estimate"]
    assert found == pytest.approx((kept["estimate"] * 1e-9).tolist())
    assert {sample.labels["bound"] for sample in times} == {"estimate", "ci_low", "ci_high"}


def test_parquet_holds_the_rows_and_types_of_the_samples(smoke: Path, tmp_path: Path) -> None:
    path = export(smoke, "parquet", tmp_path / "run.parquet")
    samples = csv_files.read(smoke / "samples.csv", schema.SAMPLES)
    frame = pd.read_parquet(path)
    assert len(frame) == len(samples)
    assert frame["value"].tolist() == pytest.approx(samples["value"].tolist(), nan_ok=True)
    fields = pyarrow.parquet.read_schema(path)
    assert [str(fields.field(name).type) for name in ("value", "workers")] == ["double", "int64"]


def test_frictionless_finds_every_csv_valid_by_its_table_schema(smoke: Path) -> None:
    path = export(smoke, "datapackage", smoke / "datapackage.json")
    report = frictionless.Package(str(path)).validate()
    assert report.valid, report.flatten(["name", "rowNumber", "fieldName", "type", "message"])[:5]
    described = {resource["path"] for resource in json.loads(path.read_bytes())["resources"]}
    assert described == {str(found.relative_to(smoke).as_posix()) for found in smoke.rglob("*.csv")}


def test_one_target_is_exported_alone(smoke: Path, tmp_path: Path) -> None:
    target = target_of(smoke)
    found = json.loads(export(f"{smoke}@{target}", "benchmark", tmp_path / "one.json").read_bytes())
    every = json.loads(export(smoke, "benchmark", tmp_path / "all.json").read_bytes())
    assert 0 < len(found) < len(every)
    assert {f"{target} {entry['name']}" for entry in found} <= {entry["name"] for entry in every}


def test_every_format_has_a_place_beside_the_run(quick: Path) -> None:
    done = CliRunner().invoke(command, [str(quick), "--format", "bmf"], catch_exceptions=False)
    assert Path(done.output.strip()) == quick.with_name("quick.bmf.json")
    assert not list(quick.parent.rglob("*.partial"))


def test_what_cannot_be_exported_is_refused_with_the_next_step(quick: Path, smoke: Path, tmp_path: Path) -> None:
    assert all(name in refusal(quick, "--format", "xml") for name in ["archive", *FORMATS])
    assert "leave out --out" in refusal(smoke, "--format", "datapackage", "--out", tmp_path / "elsewhere.json")
    assert "without @" in refusal(f"{smoke}@{target_of(smoke)}", "--format", "datapackage")
