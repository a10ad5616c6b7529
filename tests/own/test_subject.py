"""How the command line names the user's function."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.tune.subject import Reference, parse_subject


def test_a_file_is_imported_by_its_stem_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "work.py").touch()
    subject = parse_subject("work.py:resize", items="ITEMS", initializer="begin", folder=tmp_path)
    assert subject.function == Reference(module="work", name="resize", folder=tmp_path)
    assert subject.items == Reference(module="work", name="ITEMS", folder=tmp_path)
    assert subject.initializer == Reference(module="work", name="begin", folder=tmp_path)
    assert subject.label == "own.resize"
    assert subject.folders == (tmp_path,)


def test_a_file_of_a_package_is_imported_with_its_package(tmp_path: Path) -> None:
    (tmp_path / "app" / "deep").mkdir(parents=True)
    for name in ("app/__init__.py", "app/deep/__init__.py", "app/deep/jobs.py"):
        (tmp_path / name).touch()
    function = parse_subject("app/deep/jobs.py:score", folder=tmp_path).function
    assert function == Reference(module="app.deep.jobs", name="score", folder=tmp_path)


def test_a_module_is_looked_for_from_the_working_folder(tmp_path: Path) -> None:
    subject = parse_subject("app.jobs:score", items="app.data:items", folder=tmp_path)
    assert subject.function == Reference(module="app.jobs", name="score", folder=tmp_path)
    assert subject.items == Reference(module="app.data", name="items", folder=tmp_path)


def test_items_may_be_an_expression(tmp_path: Path) -> None:
    assert parse_subject("app:f", items="range(2000)", folder=tmp_path).items == "range(2000)"
    assert parse_subject("app:f", items="[1, 2]", folder=tmp_path).items == "[1, 2]"


def test_a_windows_path_keeps_its_drive(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"C:\\x\\work\.py"):
        parse_subject(r"C:\x\work.py:resize", folder=tmp_path)


@pytest.mark.parametrize("text", ["work.py", "work.py:", ":f", "work.py:not a name", "a b:f", "work.py:f()"])
def test_what_names_no_function_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "work.py").touch()
    with pytest.raises(UsageError, match="write it as"):
        parse_subject(text, folder=tmp_path)
