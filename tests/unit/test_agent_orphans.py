"""Semaphores of a killed cell are removed by the prefix that the cell gave them, and those of others never."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from lab.agent.cleanup.semaphores import SHARED_MEMORY, new_prefix, remove_left

if TYPE_CHECKING:
    from pathlib import Path

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows its semaphores as files")
LEAVES_ONE = """
import os, sys
from lab.agent.cleanup.semaphores import name_by

name_by(sys.argv[1])
if __name__ == "__main__":
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    lock = context.Lock()
    print(lock._semlock.name, flush=True)
    os._exit(0)  # and the tracker is killed, too
"""


def test_only_semaphores_of_the_prefix_are_removed(tmp_path: Path) -> None:
    for name in ("sem.mp-other", "sem.mpaa-1", "sem.mpaa-2", "sem.mpaab-3", "psm_other"):
        (tmp_path / name).write_bytes(bytes(32))
    assert remove_left("/mpaa", str(tmp_path)) == ["sem.mpaa-1", "sem.mpaa-2"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["psm_other", "sem.mp-other", "sem.mpaab-3"]


@linux
def test_the_semaphore_of_another_program_stays_although_no_visible_process_has_it_mapped() -> None:
    """As in a /dev/shm that two containers share, where neither sees the processes of the other."""
    path = os.path.join(SHARED_MEMORY, f"sem.mp-{os.getpid()}other")  # noqa: PTH118
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(bytes(32))
    try:
        remove_left(new_prefix())
        assert os.path.exists(path)  # noqa: PTH110
    finally:
        os.unlink(path)  # noqa: PTH108


@linux
def test_a_process_names_its_semaphores_by_the_prefix() -> None:
    prefix = new_prefix()
    made = subprocess.run(
        [sys.executable, "-c", LEAVES_ONE, prefix], stdout=subprocess.PIPE, encoding="ascii", check=True, timeout=60
    ).stdout.strip()
    assert made.startswith(prefix + "-")
    remove_left(prefix)
    assert not [name for name in os.listdir(SHARED_MEMORY) if name.startswith("sem." + prefix[1:])]  # noqa: PTH208


def test_prefixes_differ_and_other_systems_have_none(tmp_path: Path) -> None:
    assert new_prefix(str(tmp_path)) != new_prefix(str(tmp_path))
    assert new_prefix(str(tmp_path / "none")) == ""
    assert remove_left("", str(tmp_path)) == []
    assert remove_left("/mpaa", str(tmp_path / "none")) == []
    assert multiprocessing.current_process()._config["semprefix"] == "/mp"  # type: ignore[attr-defined]
