"""What ``--json`` prints matches the published JSON Schema of its command, and stands alone on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from lab import cli, pipeline
from lab.commands.objects import SCHEMAS, regenerate_schemas, schemas
from lab.doctor.finding import ok
from lab.targets.images.inventory import ImageRow
from lab.validation.selfcheck import results
from tests.fake_machines import FakeMachine, signals_kept
from tests.fake_runs import Answer, FakeRunner

TESTS = Path(__file__).resolve().parents[1]
DATA = TESTS / "data"
DERIVE_ALL = pipeline.derive_all  # FakeMachine replaces it
SCALING = ("--scenario", "pool.scaling/*pure_python*", "--python", "3.13", "--rounds", "5")
RUN_OPTIONS = (*SCALING, "--cpus", "1,2", "--engine", "none")
kept = pytest.fixture(autouse=True)(signals_kept)


def checked(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """The object, which has been validated against the published schema of its command."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)
    validator.check_schema(schema)
    validator(schema).validate(found)
    return found


def called(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int) -> dict[str, Any]:
    """What a command prints on standard output; anything but one object is an error."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["lab", *map(str, arguments), "--json"])
        with pytest.raises(SystemExit) as end:
            cli.main()
    out, err = capsys.readouterr()
    assert end.value.code == code, err
    found: dict[str, Any] = json.loads(out)
    return found


def printed(capsys: pytest.CaptureFixture[str], *arguments: str | Path, code: int = 0) -> dict[str, Any]:
    """The object that a command prints, validated."""
    return checked(str(arguments[0]), called(capsys, *arguments, code=code))


@pytest.fixture(scope="module")
def machine() -> Iterator[None]:
    """A machine with two CPUs and no engine, whose cells are answered by a fake runner; reports are really made."""
    with pytest.MonkeyPatch.context() as patch:
        FakeMachine().becomes(patch)
        patch.setattr("lab.pipeline.derive_all", DERIVE_ALL)
        yield


@pytest.fixture
def run(machine: None, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]) -> Path:
    del machine
    path = tmp_path_factory.getbasetemp() / "json-run"
    if not path.exists():
        found = printed(capsys, "run", *RUN_OPTIONS, "--out", path)
        assert found["folder"] == str(path)
        assert Path(found["page"]).is_file()
        assert found["failed"] == []
        assert found["answers"]
        assert found["seconds"]["wall_s"] > 0
    return path


def test_every_published_schema_is_that_of_its_class() -> None:
    assert regenerate_schemas(check=True) == [], "regenerate them with: nox -s docs"
    assert {path.name for path in SCHEMAS.glob("*.json")} == set(schemas())


def test_every_command_but_docs_has_json_with_a_schema() -> None:
    assert {f"{name}.json" for name in cli.COMMANDS} - set(schemas()) == {"docs.json"}


def test_a_run_and_what_reads_it(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = (f"{run}@py313-linux-native-c{cpus}" for cpus in (1, 2))
    compared = printed(capsys, "compare", one, two, "--out", tmp_path / "compared")
    assert {row["verdict"] for row in compared["rows"]} <= {"slower", "faster", "same", "inconclusive", "not measured"}
    assert printed(capsys, "advise", run)["run"] == str(run)
    judged = printed(capsys, "reproduce", run, "--judge", run, "--out", tmp_path / "judged")
    assert sum(judged["counts"].values()) == len(judged["rows"])
    assert Path(printed(capsys, "export", run, "--out", tmp_path / "run.zip")["file"]).is_file()


def test_a_failed_cell_is_named_and_the_exit_code_is_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    FakeMachine(runner=FakeRunner(script=lambda *_: Answer(status="failed", reason="why"))).becomes(monkeypatch)
    monkeypatch.setattr("lab.pipeline.derive_all", DERIVE_ALL)
    found = printed(capsys, "run", *RUN_OPTIONS, "--out", tmp_path / "run", code=1)
    assert found["failed"]
    assert printed(capsys, "report", tmp_path / "run")["failed"] == found["failed"]


def test_a_plan_and_a_dry_run_print_the_same_object(machine: None, capsys: pytest.CaptureFixture[str]) -> None:
    del machine
    found = printed(capsys, "plan", *RUN_OPTIONS)
    assert checked("plan", called(capsys, "run", *RUN_OPTIONS, "--dry-run", code=0)) == found


def test_streams_and_merged_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stream = DATA / "stream" / "samples.jsonl"
    for host in ("one", "two"):
        assert printed(capsys, "import", stream, "--host", host, "--out", tmp_path / host)["failed"] == []
    merged = printed(capsys, "merge", tmp_path / "one", tmp_path / "two", "--out", tmp_path / "both")
    assert merged["folder"] == str(tmp_path / "both")
    assert printed(capsys, "report", tmp_path / "both")["answers"] == merged["answers"]


def test_what_needs_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "list")["scenarios"]
    (tmp_path / "law.csv").write_text("workers,throughput\n1,1.0\n2,1.9\n4,3.4\n8,5.6\n")
    assert printed(capsys, "fit", tmp_path / "law.csv")["model"]
    monkeypatch.setattr("lab.doctor.examination.examine", lambda: [ok("a check", "nothing")])
    assert printed(capsys, "doctor")["checks"][0]["state"] == "ok"
    monkeypatch.setattr("lab.targets.cleanup.clean", lambda *_, **__: iter(["3 compiled stages removed"]))
    assert printed(capsys, "clean")["done"] == ["3 compiled stages removed"]
    row = ImageRow(
        reference="comparison-lab:3.13-0", python="3.13", source="host", size_bytes=1, created="", base_digest=""
    )
    monkeypatch.setattr("lab.targets.engine.connect", lambda _kind: None)
    monkeypatch.setattr("lab.targets.images.list_images", lambda _engine: (row,))
    assert printed(capsys, "images")["images"][0]["python"] == "3.13"


def test_the_recorded_results_of_the_long_commands() -> None:
    checked("selfcheck", json.loads(msgspec.json.encode(results.read(DATA / "selfcheck"))))
    checked("bench", json.loads((TESTS.parent / "reports/sample/bench/bench.json").read_text(encoding="utf-8")))
