"""A lab that is asked to end cleans up, whenever the signal arrives."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.running import job

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has neither SIGHUP nor os.kill with a handler")
SIGNALS = ("SIGTERM", "SIGHUP")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """What arrives too early for the lab is noted as an error instead of ending the tests."""

    def missed(number: int, _frame: object) -> None:
        raise AssertionError(f"{signal.Signals(number).name} would have ended the lab without clean-up")

    before = {name: signal.signal(getattr(signal, name), missed) for name in SIGNALS}
    yield
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_during_planning_stops_like_ctrl_c(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the plan is made, containers are examined."""
    monkeypatch.setattr(job, "make_plan", lambda *_: os.kill(os.getpid(), getattr(signal, name)))
    with pytest.raises(KeyboardInterrupt):
        job.run(cast("Any", SimpleNamespace(quiet=True)), cast("Any", None))
