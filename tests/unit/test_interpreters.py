from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from lab.targets.interpreters import find_interpreters, key_order, normal_arch, python_tag, search

OWN_KEY = f"{sys.version_info.major}.{sys.version_info.minor}"


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def answering(path: Path, version: list[object], *, free_threaded: bool = False, name: str = "cpython") -> Path:
    told = (
        f'{{"implementation": "{name}", "version": {str(version).replace(chr(39), chr(34))}, '
        f'"free_threaded": {str(free_threaded).lower()}, "executable": "{path}", "prefix": "{path.parent}"}}'
    )
    return script(path, f"echo '{told}'")


def test_keys_sort_as_people_count() -> None:
    assert sorted(["3.13t", "3.9", "3.13", "3.10"], key=key_order) == ["3.9", "3.10", "3.13", "3.13t"]


def test_what_is_no_version_is_refused() -> None:
    for key in ("3", "3.x", "3.13.1", "", "py313"):
        with pytest.raises(ValueError, match="not a Python version"):
            key_order(key)


def test_tags_and_architectures_have_one_name() -> None:
    assert (python_tag("3.9"), python_tag("3.13t")) == ("py39", "py313t")
    assert (normal_arch("AMD64"), normal_arch("arm64"), normal_arch("x86_64")) == ("x86_64", "aarch64", "x86_64")


def test_this_interpreter_is_found_and_is_a_real_file() -> None:
    found = {interpreter.key: interpreter for interpreter in find_interpreters()}
    assert OWN_KEY in found
    assert all(found[key].executable == found[key].executable.resolve() for key in found)
    assert not [key for key in found if found[key].executable.parent.name == "shims"]
    assert list(found) == sorted(found, key=key_order)


@pytest.mark.skipif(sys.platform == "win32", reason="the candidates are shell scripts")
class TestCandidates:
    def test_the_newest_patch_wins_and_free_threaded_is_a_version_of_its_own(self, tmp_path: Path) -> None:
        found = search(
            [
                answering(tmp_path / "python3.14-a", [3, 14, 9, "final", 0]),
                answering(tmp_path / "python3.14-b", [3, 14, 10, "final", 0]),
                answering(tmp_path / "python3.14-c", [3, 14, 1, "final", 0], free_threaded=True),
                answering(tmp_path / "python3.15-a", [3, 15, 0, "candidate", 1]),
                answering(tmp_path / "python3.15-b", [3, 15, 0, "beta", 4]),
            ]
        )
        assert {interpreter.key: interpreter.patch for interpreter in found.interpreters} == {
            "3.14": "3.14.10",
            "3.14t": "3.14.1",
            "3.15": "3.15.0rc1",
        }
        assert not found.complaints

    def test_old_ones_and_other_implementations_are_left_out_without_a_word(self, tmp_path: Path) -> None:
        found = search(
            [
                answering(tmp_path / "python", [3, 8, 1, "final", 0]),
                answering(tmp_path / "python-other", [3, 11, 1, "final", 0], name="pypy"),
                script(tmp_path / "python3.7", "exit 1"),
            ]
        )
        assert not found.interpreters
        assert not found.complaints

    def test_broken_ones_are_named_and_passed_over(self, tmp_path: Path) -> None:
        broken = script(tmp_path / "python3.12", "echo no library >&2; exit 3")
        found = search([broken, tmp_path / "python3.13", Path(sys.executable)])
        assert [interpreter.key for interpreter in found.interpreters] == [OWN_KEY]
        assert len(found.complaints) == 2
        assert f"{broken} was passed over: it ended with code 3 (no library)" in found.complaints

    def test_the_stores_stub_is_named_with_the_remedy(self, tmp_path: Path) -> None:
        (tmp_path / "WindowsApps").mkdir()
        stub = script(tmp_path / "WindowsApps" / "python", "echo Python was not found >&2; exit 9")
        (complaint,) = search([stub]).complaints
        assert "Microsoft Store" in complaint
        assert "App execution aliases" in complaint

    def test_shims_are_not_asked(self, tmp_path: Path) -> None:
        (tmp_path / "shims").mkdir()
        assert not search([script(tmp_path / "shims" / "python3.13", "exit 1")]).complaints


def test_a_virtual_environment_stands_for_its_base(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", symlinks=sys.platform != "win32", with_pip=False)
    folder = "Scripts" if sys.platform == "win32" else "bin"
    (found,) = search([tmp_path / "env" / folder / Path(sys.executable).name]).interpreters
    assert found.prefix.resolve() == Path(sys.base_prefix).resolve()
    assert tmp_path not in found.executable.parents
