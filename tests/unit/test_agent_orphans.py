"""Semaphores of the killed: removed where nobody has them, left alone where somebody has."""

from __future__ import annotations

import mmap
import multiprocessing
import sys
from typing import TYPE_CHECKING

import pytest

from lab.agent.cleanup.semaphores import mapped, remove_orphans, semaphores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows its semaphores as files")
def test_only_new_semaphores_that_nobody_has_mapped_are_removed(tmp_path: Path) -> None:
    for name in ("sem.mp-old", "sem.mp-orphan", "sem.mp-held", "psm_other"):
        (tmp_path / name).write_bytes(bytes(32))
    before = {"sem.mp-old"}
    with (tmp_path / "sem.mp-held").open("r+b") as file, mmap.mmap(file.fileno(), 32):
        assert remove_orphans(before, str(tmp_path)) == ["sem.mp-orphan"]
    assert {path.name for path in tmp_path.iterdir()} == {"sem.mp-old", "sem.mp-held", "psm_other"}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows its semaphores as files")
def test_a_semaphore_that_another_program_has_just_made_is_left_alone() -> None:
    """Its maker has it mapped under the name that glibc made it by, not under the one that it is found by."""
    before = semaphores()
    lock = multiprocessing.get_context("spawn").Lock()
    (name,) = [name for name in semaphores() - before if name.endswith(lock._semlock.name.strip("/"))]  # type: ignore[attr-defined]
    assert mapped({name}) == {name}
    assert name not in remove_orphans(before)
    assert name in semaphores()


def test_where_there_is_no_such_folder_there_is_nothing(tmp_path: Path) -> None:
    assert semaphores(str(tmp_path / "none")) == set()
    assert remove_orphans(set(), str(tmp_path / "none")) == []
