"""Whatever a file holds that the lab reads, it is read rightly or refused with a sentence; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.cases import check
from tests.fuzz.files import KINDS

CASES = 40  # of each kind; `nox -s fuzz` reads 100,000 in all


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_or_forged_file_is_read_rightly_or_refused_with_a_sentence(kind: str) -> None:
    found = check(kind, CASES, seed=1)
    assert not found.faults, "\n".join(found.faults.values())
    assert found.refused


@pytest.mark.parametrize("kind", KINDS)
def test_the_undamaged_file_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / KINDS[kind].name
    path.write_bytes(KINDS[kind].content())
    KINDS[kind].read(path)
