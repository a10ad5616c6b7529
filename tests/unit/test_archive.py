"""A run travels as one file, and a file that is none is refused before anything of it is written."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import BadFiles, UsageError
from lab.runs import archive as archives
from lab.runs.archive import check, opened, pack, unpack

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


def test_an_archive_goes_into_a_folder_that_is_not_there_yet_and_leaves_nothing_beside_it(
    make_run: MakeRun, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "place" / "a.zip"
    assert pack(make_run("a"), out) == out
    assert list(out.parent.iterdir()) == [out]
    check(out)


def test_an_archive_replaces_the_one_before_it(make_run: MakeRun, tmp_path: Path) -> None:
    out = tmp_path / "a.zip"
    out.write_bytes(b"old")
    pack(make_run("a"), out)
    with opened(out) as folder:
        assert (folder / "manifest.json").is_file()


def test_an_archive_that_cannot_be_written_is_reported_and_leaves_nothing(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="--out"):
        pack(run, tmp_path / "file" / "a.zip")
    (tmp_path / "a.zip" / "taken").mkdir(parents=True)
    with pytest.raises(UsageError, match="--out"):
        pack(run, tmp_path / "a.zip")
    assert not list(tmp_path.glob("*.partial"))


def test_only_what_belongs_to_a_run_is_packed(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run("a")
    (run / "figures").mkdir()
    (run / "other").mkdir()
    for name in ("figures/a.svg", "figures/a.png", "report.md", "index.html", "raw/x.torn", "other/b.csv", "notes.txt"):
        (run / name).write_text(name)
    with opened(pack(run, tmp_path / "a.zip")) as folder:
        found = set(contents(folder))
    assert found == set(contents(run)) - {".lock", "other/b.csv", "notes.txt"}
    assert {"figures/a.svg", "figures/a.png", "report.md", "index.html", "raw/x.torn"} <= found


def test_a_link_is_not_packed(make_run: MakeRun, tmp_path: Path) -> None:
    """What it leads to is somebody's file, not the run's."""
    run = make_run("a")
    (tmp_path / "secret.csv").write_text("mine")
    try:
        (run / "secret.csv").symlink_to(tmp_path / "secret.csv")
    except OSError:
        pytest.skip("this user cannot make links here")
    with opened(pack(run, tmp_path / "a.zip")) as folder:
        assert not (folder / "secret.csv").exists()


def test_a_folder_is_opened_as_it_stands(make_run: MakeRun) -> None:
    run = make_run("a")
    with opened(run) as folder:
        assert folder == run
    assert run.is_dir()


def test_what_is_no_run_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="not a run folder"):
        pack(tmp_path, tmp_path / "a.zip")
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_would_fill_the_disk_is_refused(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = pack(make_run("a"), tmp_path / "a.zip")
    with zipfile.ZipFile(out) as file:
        size = sum(entry.file_size for entry in file.infolist())
    monkeypatch.setattr(archives, "LARGEST_BYTES", size)
    check(out)
    monkeypatch.setattr(archives, "LARGEST_BYTES", size - 1)
    for read in (check, lambda path: unpack(path, tmp_path / "into")):
        with pytest.raises(BadFiles, match="would take more"):
            read(out)
    assert not (tmp_path / "into").exists()


def test_an_archive_of_too_many_files_is_refused(
    make_run: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = pack(make_run("a"), tmp_path / "a.zip")
    with zipfile.ZipFile(out) as file:
        files = len(file.infolist())
    monkeypatch.setattr(archives, "MOST_FILES", files)
    check(out)
    monkeypatch.setattr(archives, "MOST_FILES", files - 1)
    with pytest.raises(BadFiles, match="files, so nothing was unpacked"):
        check(out)


def test_names_that_are_one_file_on_windows_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("run/manifest.json", "run/x.csv", "run/X.csv"):
            archive.writestr(name, "{}")
    with pytest.raises(BadFiles, match="does not hold one run"):
        check(path)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "twice.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("run/manifest.json", "run/x.csv"):
            archive.writestr(name, "{}")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("run/x.csv", "{}")
    with pytest.raises(BadFiles, match="does not hold one run"):
        check(path)


def test_a_run_without_its_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "half.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run/raw/a.jsonl", "{}")
    with pytest.raises(BadFiles, match=r"manifest\.json"):
        check(path)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="cannot be unpacked"):
        check(tmp_path / "none.zip")


@pytest.mark.parametrize(
    "name",
    ["../manifest.json", "/run/manifest.json", "run/../x.csv", "run/raw/../../x.csv", "C:/x.csv", "run\\x.csv",
     "run/con.csv", "run/NUL.md", "aux/x.csv", "run /x.csv", "run/x\n.csv", "run/\u202ex.csv", f"run/{'x' * 300}.csv",
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
    with pytest.raises(BadFiles, match="not a file of a run"):
        unpack(path, tmp_path)


def test_damage_and_foreign_files_are_reported(make_run: MakeRun, tmp_path: Path) -> None:
    archive = pack(make_run("a"), tmp_path / "a.zip")
    content = bytearray(archive.read_bytes())
    content[len(content) // 4] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(BadFiles, match=r"a\.zip"), opened(archive):
        pass
    for wrong in (b"", b"no archive"):
        archive.write_bytes(wrong)
        with pytest.raises(BadFiles, match="not an archive of a run"), opened(archive):
            pass
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as file:
        file.writestr("a/manifest.json", "{}")
        file.writestr("b/manifest.json", "{}")
    with pytest.raises(BadFiles, match="does not hold one run"):
        unpack(tmp_path / "two.zip", tmp_path)
