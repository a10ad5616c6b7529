"""The command line in this process, the interpreter that native tests measure, and what all of them need."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import cli
from lab.targets.interpreters import find_interpreters

Lab = Callable[..., tuple[str, str]]
HERE = Path(__file__).parent
NEEDED = (
    pytest.mark.interpreters,
    pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system cannot bind a process to a CPU"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark this folder's tests; the hook is given those of all folders."""
    for item in items:
        if HERE in item.path.parents:
            for mark in NEEDED:
                item.add_marker(mark)


@pytest.fixture(scope="session")
def newest() -> str:
    return [found.key for found in find_interpreters() if not found.free_threaded][-1]


@pytest.fixture(scope="session")
def lab() -> Lab:
    return carry_out


def carry_out(*arguments: str | Path, expect: int = 0) -> tuple[str, str]:
    """Carry out a command in this process, which has paid for the imports once: standard output and error."""
    out, error = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        patch.setattr(sys, "argv", ["lab", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    assert end.value.code == expect, error.getvalue()
    return out.getvalue(), error.getvalue()
