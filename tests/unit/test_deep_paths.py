"""Run folders below long paths and names of any letters; run on a Windows CPython too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.runs.folder import RunFolder
from lab.runs.raw import End, Start, read_raw
from tests.manifests import manifest

START = Start(cell="a/b")
END = End(cell="a/b", status="ok")


def written(path: Path) -> Path:
    """A folder with one finished cell; its raw file."""
    with RunFolder.create(path) as folder:
        folder.write_manifest(manifest())
        for line in (START, END):
            folder.append_host_line("t", 0, line)
    return path / "raw" / "t.r0000.jsonl"


def test_a_folder_may_lie_deeper_than_260_characters_under_any_name(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["Läufe mit Lücken und Größe"] * 10)
    assert len(str(deep)) > 260
    try:
        raw = written(deep / "run")
    except UsageError as error:
        if sys.platform != "win32":
            raise
        pytest.skip(f"this user has not switched long paths on: {error}")
    assert [attempt.end is not None for attempt in read_raw(raw).attempts["a/b"]] == [True]
    assert RunFolder.existing(deep / "run").manifest().run_id == "r"


@pytest.mark.skipif(sys.platform == "win32", reason="with long paths on its limit is beyond what can be made here")
def test_a_path_too_long_for_what_a_run_writes_is_refused_before_it_begins(tmp_path: Path) -> None:
    longest = 4095 if sys.platform != "darwin" else 1023  # PATH_MAX without its end
    deep = tmp_path
    while len(str(deep)) < longest - 60:
        deep /= "d" * min(200, longest - 20 - len(str(deep)))
    with pytest.raises(UsageError, match=r"cannot be written .*choose another folder with --out"):
        RunFolder.create(deep)
