"""Runs pytest in a fresh interpreter for the sampler: ``python driver.py JOB.json``, from the root of the copy.

A job with ``lines`` records which test runs which line; one without runs ``tests`` in their order until one fails.
The answer goes into the job's ``result``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

Lines = dict[str, dict[int, set[str]]]  # file -> line -> contexts


def main(job: dict[str, Any]) -> None:
    """Run a job; its result is written as JSON."""
    sys.path[0] = os.getcwd()  # noqa: PTH109 - as `python -m pytest` has it
    options = ["-q", "--no-header", "-p", "no:cacheprovider", *job["options"]]
    if importlib.util.find_spec("hypothesis"):
        options += ["--hypothesis-seed=1"]
    result = Path(job["result"])
    answer = record(job, options) if "lines" in job else check(job, options, result.with_suffix(".running"))
    result.write_text(json.dumps(answer), encoding="utf-8")


# --- one mutant ------------------------------------------------------------------------------------------------------


class Check:
    """Runs the selected tests in their order, and keeps which one fails."""

    def __init__(self, tests: list[str], running: Path) -> None:
        self.tests = tests
        self.running = running
        self.failed: str | None = None
        self.passed = 0

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = {test: place for place, test in enumerate(self.tests)}
        # A mutant may change a parameter that stands in a test's id: then every parameter of that test is taken.
        gone = order.keys() - {item.nodeid for item in items}
        functions = {test.split("[")[0]: order[test] for test in sorted(gone)}
        places = {item.nodeid: order.get(item.nodeid, functions.get(item.nodeid.split("[")[0])) for item in items}
        items[:] = [item for item in items if places[item.nodeid] is not None]
        items.sort(key=lambda item: places[item.nodeid] or 0)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running.write_text(nodeid, encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid
        elif report.when == "call" and report.passed:
            self.passed += 1

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.failed = self.failed or report.nodeid


def check(job: dict[str, Any], options: list[str], running: Path) -> dict[str, Any]:
    """Exit code of pytest, and the id of what failed first."""
    plugin = Check(job["tests"], running)
    files = list(dict.fromkeys(test.split("::")[0] for test in job["tests"]))
    code = pytest.main(["-x", "--tb=no", "--disable-warnings", *options, *files], plugins=[plugin])
    return {"code": int(code), "failed": plugin.failed, "passed": plugin.passed}


# --- the map of lines to tests ---------------------------------------------------------------------------------------


class Record:
    """Switches the context with every test, every file of tests that is collected, and every fixture that is shared."""

    def __init__(self, folder: Path, package: str, coverage: Any) -> None:
        self.folder = folder
        self.package = package
        self.coverage = coverage
        self.context = ""
        self.users: dict[str, set[str]] = defaultdict(set)  # context -> tests that depend upon it
        self.seconds: dict[str, float] = defaultdict(float)
        self.failed: set[str] = set()
        self.files: set[str] = set()
        self.switch("")

    def switch(self, context: str) -> str:
        """Say who runs from now on, to coverage.py and to new processes; who did before."""
        before, self.context = self.context, context
        self.coverage.switch_context(context)
        new = self.folder / "context.new"
        new.write_text(context, encoding="utf-8")
        new.replace(self.folder / "context")
        return before

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            self.users[item.nodeid].add(item.nodeid)
            self.users[_file(item)].add(item.nodeid)
            information: Any = getattr(item, "_fixtureinfo", None)
            for definitions in information.name2fixturedefs.values() if information else ():
                for definition in definitions:
                    self.users[_shared(definition)].add(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: pytest.Collector) -> Generator[None, object, object]:
        # What a file of tests computes when it is imported (parameters, constants) is for all of its tests.
        self.files.add(_file(collector))
        before = self.switch(_file(collector))
        try:
            return (yield)
        finally:
            self.switch(before)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        # What a test finds in a cache it has not run: another test would be the only one that covers those lines.
        for module in [module for name, module in sys.modules.items() if name.split(".")[0] in {self.package, "tests"}]:
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear") and hasattr(value, "__wrapped__"):
                    value.cache_clear()
        self.switch(item.nodeid)
        try:
            return (yield)
        finally:
            self.switch("")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, object, object]:
        if fixturedef.scope == "function":
            return (yield)
        self.users[_shared(fixturedef)].update(self.users[self.context])  # asked for by name, in the test
        before = self.switch(_shared(fixturedef))
        try:
            return (yield)
        finally:
            self.switch(before)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)


def _file(node: pytest.Item | pytest.Collector) -> str:
    return node.nodeid.split("::")[0]


def _shared(definition: Any) -> str:
    return f"fixture {definition.baseid}::{definition.argname}"


def record(job: dict[str, Any], options: list[str]) -> dict[str, Any]:
    """Seconds of each test, those that failed, for each file and line the tests that run it (by position), and the
    lines of each file that ran while tests were collected.
    """
    import coverage

    folder, package, root = Path(job["lines"]), job["package"], Path.cwd()
    os.environ["COVERAGE_CORE"] = "ctrace"  # the one that knows contexts on every Python
    measure = coverage.Coverage(data_file=None, config_file=False, include=[f"{root}/{package}/*"], messages=False)
    measure.start()
    del os.environ["COVERAGE_CORE"]
    plugin = Record(folder, package, measure)
    pytest.main(["--tb=line", *options, *job["tests"]], plugins=[plugin])
    measure.stop()
    (folder / "context").unlink()

    lines: Lines = defaultdict(lambda: defaultdict(set))
    data = measure.get_data()
    for path in data.measured_files():
        for line, contexts in data.contexts_by_lineno(path).items():
            lines[Path(path).relative_to(root).as_posix()][line].update(contexts)
    for file, line, context in written(folder):
        lines[file][line].add(context)

    tests = list(plugin.seconds)
    number = {test: place for place, test in enumerate(tests)}
    numbers = {
        context: sorted(number[user] for user in users if user in number) for context, users in plugin.users.items()
    }
    return {
        "seconds": plugin.seconds,
        "failed": sorted(plugin.failed),
        "lines": {
            file: {
                line: sorted({place for context in contexts for place in numbers.get(context, ())})
                for line, contexts in of_file.items()
            }
            for file, of_file in lines.items()
        },
        "collected": {
            file: sorted(line for line, contexts in of_file.items() if contexts & plugin.files)
            for file, of_file in lines.items()
        },
    }


def written(folder: Path) -> Iterator[tuple[str, int, str]]:
    """File, line and context of what recorder.py wrote in other processes; a torn last line is passed over."""
    for path in sorted(folder.glob("*.lines")):
        context = ""
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            file, _, line = text.rpartition(":")
            if text.startswith("="):
                context = text[1:]
            elif line.isdigit():
                yield file, int(line), context


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
