"""Files of an image run by hand become a run folder with its tables."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.running.imports.whole import import_files
from lab.runs.folder import RunFolder
from tests.fake_machines import derive_tables, unheard

CONTENT = (Path(__file__).parents[1] / "data" / "stream" / "samples.jsonl").read_bytes()


def test_files_become_a_run_folder_with_all_that_is_derived_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.pipeline.derive_all", derive_tables)
    for name, content in (("one.jsonl", CONTENT), ("two.jsonl", CONTENT + b'{"cell":"x')):
        (tmp_path / name).write_bytes(content)
    names = [str(tmp_path / name) for name in ("one.jsonl", "two.jsonl")]
    said: list[str] = []
    path, _ = import_files(names, out=tmp_path / "run", label="box", say=said.append)
    found = RunFolder.existing(path).manifest()
    assert path == tmp_path / "run"
    assert found.command == "python -m lab import one.jsonl two.jsonl"
    assert (found.rounds_done, found.unfinished_attempts, found.host.label) == (2, 0, "box")
    assert found.profile == "imported"
    assert len(said) == 1
    assert found.notes == tuple(said)
    assert "two.jsonl: its last line is cut off" in said[0]
    assert (path / "samples.csv").is_file()
    monkeypatch.chdir(tmp_path)
    path, _ = import_files(names[:1], out=None, label="box", say=said.append)
    assert path == Path("reports", "runs", RunFolder.existing(path).manifest().run_id)
    with pytest.raises(UsageError, match="holds a run already"):
        import_files(names, out=tmp_path / "run", label="box", say=said.append)


def test_a_stream_is_read_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.pipeline.derive_all", derive_tables)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(CONTENT)))
    path, _ = import_files(["-"], out=tmp_path / "run", label="box", say=unheard)
    assert RunFolder.existing(path).manifest().rounds_done == 1
