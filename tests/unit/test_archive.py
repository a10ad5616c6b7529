"""A run travels as one file, and a file that is none is refused before anything of it is written."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.archive import opened, pack, unpack
from lab.errors import BadFiles

MakeRun = Callable[..., Path]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_comes_out_of_its_archive_as_it_went_in(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    (run / ".lock").touch()
    (run / "samples.csv").write_bytes(b"x\r\n1\r\n")
    archive = pack(run, tmp_path / "a.zip")
    with opened(archive) as folder:
        assert contents(folder) == {name: content for name, content in contents(run).items() if name != ".lock"}
        kept = folder
    assert not kept.exists()


def test_the_same_files_give_the_same_bytes(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    first = pack(run, tmp_path / "first.zip").read_bytes()
    os.utime(run / "manifest.json", (1, 1))
    (run / "manifest.json").chmod(0o600)
    assert pack(run, tmp_path / "second.zip").read_bytes() == first


@pytest.mark.parametrize(
    "name",
    ["../manifest.json", "/run/manifest.json", "run/../x.csv", "run/raw/../../x.csv", "C:/x.csv", "run\\x.csv",
     "run/.git/hooks.md", "run/run.sh", "run/raw/deep/x.jsonl", "x.csv", "run//x.csv"],
)  # fmt: skip
def test_names_that_no_run_has_are_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run/manifest.json", "{}")
        archive.writestr(name, "x")
    (tmp_path / "into").mkdir()
    with pytest.raises(BadFiles, match="nothing was unpacked"):
        unpack(path, tmp_path / "into")
    assert list((tmp_path / "into").iterdir()) == []


def test_a_link_in_an_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "link.zip"
    with zipfile.ZipFile(path, "w") as archive:
        link = zipfile.ZipInfo("run/manifest.json")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadFiles, match="which no run has"):
        unpack(path, tmp_path)


def test_damage_and_foreign_files_are_told(make_run: MakeRun, tmp_path: Path) -> None:
    archive = pack(make_run("a"), tmp_path / "a.zip")
    content = bytearray(archive.read_bytes())
    content[len(content) // 4] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(BadFiles, match=r"a\.zip"), opened(archive):
        pass
    for wrong in (b"", b"no archive"):
        archive.write_bytes(wrong)
        with pytest.raises(BadFiles, match="no archive of a run"), opened(archive):
            pass
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as file:
        file.writestr("a/manifest.json", "{}")
        file.writestr("b/manifest.json", "{}")
    with pytest.raises(BadFiles, match="does not hold one run"):
        unpack(tmp_path / "two.zip", tmp_path)
