"""What several test folders share: the engine, and the rule that nothing is skipped in silence."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

from lab.errors import NothingToRunOn
from lab.targets.engine import Engine, connect

Missing = Callable[[str], NoReturn]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported stays until the end: the collector need not go through it again and again.

    Hypothesis's plugin imports the whole of it at the end to say something, even where no test has used it.
    """
    gc.collect()
    gc.freeze()
    plugin = session.config.pluginmanager.get_plugin("hypothesispytest")
    if plugin is not None and "hypothesis" not in sys.modules:
        session.config.pluginmanager.unregister(plugin)


@pytest.fixture(scope="session")
def missing() -> Missing:
    """Skip with a reason; fail where LAB_REQUIRE_ALL=1 says that everything must be there, as in CI."""

    def skip_or_fail(reason: str) -> NoReturn:
        if os.environ.get("LAB_REQUIRE_ALL") == "1":
            pytest.fail(f"LAB_REQUIRE_ALL=1, but {reason}")
        pytest.skip(reason)

    return skip_or_fail


@pytest.fixture(scope="session")
def engine(missing: Missing) -> Iterator[Engine]:
    """The engine of this machine."""
    try:
        found = connect("auto")
    except NothingToRunOn as error:
        missing(str(error))
    yield found
    found.client.close()
