"""Imported modules without cached bytecode are found, and only those."""

from __future__ import annotations

import compileall
import importlib.util
import os
import re
import sys
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from lab.agent.facts import bytecode


@pytest.fixture(autouse=True)
def bytecode_is_looked_up_once() -> None:
    """Override the fixture of this folder: here every test looks up the bytecode itself."""


def imported(monkeypatch: pytest.MonkeyPatch, path: Path, name: str) -> ModuleType:
    path.write_text("VALUE = 1\n", encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    return module


def test_a_module_without_a_cache_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    imported(monkeypatch, tmp_path / "fresh.py", "lab_test_fresh")
    assert "lab_test_fresh" in bytecode.uncached_modules()


def test_a_compiled_module_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    imported(monkeypatch, tmp_path / "warm.py", "lab_test_warm")
    compileall.compile_file(str(tmp_path / "warm.py"), quiet=2)
    assert "lab_test_warm" not in bytecode.uncached_modules()


def test_main_built_in_and_foreign_modules_need_no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "lab_test_bare", ModuleType("lab_test_bare"))
    without_origin = ModuleType("lab_test_namespace")
    without_origin.__spec__ = ModuleSpec("lab_test_namespace", None)
    monkeypatch.setitem(sys.modules, "lab_test_namespace", without_origin)
    main = imported(monkeypatch, tmp_path / "script.py", "__mp_main__")
    assert isinstance(main.__loader__, SourceFileLoader)
    named = bytecode.uncached_modules()
    assert not {"lab_test_bare", "lab_test_namespace", "__mp_main__", "sys", "builtins"} & set(named)


def test_the_staged_folder_holds_the_package() -> None:
    assert (Path(bytecode.stage_folder()) / "lab" / "agent" / "facts" / "bytecode.py").is_file()


def test_compiling_a_folder_leaves_tests_and_site_packages_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", None)  # where PYTHONPYCACHEPREFIX is set, nothing would be here
    for folder in ("kept", "test", "site-packages"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "module.py").write_text("", encoding="utf-8")
    # in this process: the worker processes of compileall are not what is tested
    compileall.compile_dir(str(tmp_path), quiet=2, rx=re.compile(bytecode.UNUSED))
    assert [path.parent.parent.name for path in tmp_path.rglob("*.pyc")] == ["kept"]


@pytest.mark.skipif(os.name == "nt", reason="modes of files are POSIX's")
def test_a_clone_that_only_its_owner_may_read_is_made_readable_for_all(tmp_path: Path) -> None:
    """An image's user is nobody; what may be run stays so, and nothing becomes writable."""
    folder, module, program = tmp_path / "lab", tmp_path / "lab/module.py", tmp_path / "lab/program"
    folder.mkdir()
    for path, mode in ((module, 0o600), (program, 0o700), (folder, 0o700)):
        path.touch()
        path.chmod(mode)
    bytecode.make_readable(str(folder))
    assert [path.stat().st_mode & 0o777 for path in (folder, module, program)] == [0o755, 0o644, 0o744]
