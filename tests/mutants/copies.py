"""The copy that mutants are made in, runs of pytest there, and which tests run which line."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from tests.mutants.mutations import Mutant

PACKAGE = "lab"
HERE = Path(__file__).resolve().parent
SLOW_S = 1.0  # slower tests run after all others: most mutants are killed before
MTIME_STEP_S = 10  # bytecode is matched by the whole seconds of its source's time


@dataclass(frozen=True)
class Outcome:
    """How a run of pytest ended: ``survived``, ``killed`` or ``timeout``, and the test that was the last."""

    word: str
    test: str | None
    seconds: float


@dataclass
class Copy:
    """A copy of the working tree, below ``folder``, in which tests run; nothing is written outside ``folder``."""

    root: Path
    folder: Path
    options: list[str] = field(default_factory=list)
    mutations: int = 0

    @classmethod
    def of(cls, working_tree: Path, folder: Path) -> Copy:
        """Copy what git would: tracked files, and new ones that it does not ignore."""
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=working_tree, check=True, capture_output=True, text=True).stdout
        root = folder / "copy"
        for name in filter(None, names.split("\0")):
            if (source := working_tree / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, root / name)
        return cls(root.resolve(), folder)

    def run_mutant(self, mutant: Mutant, tests: list[str], limit_s: float) -> Outcome:
        """Run tests on the mutant, each file's in one fresh interpreter, until one fails."""
        path = self.root / mutant.file
        source, status = path.read_bytes(), path.stat()
        self.mutations += 1
        when = status.st_mtime + MTIME_STEP_S * self.mutations
        path.write_bytes(mutant.apply(source))
        os.utime(path, (when, when))
        try:
            return self.run_tests(tests, limit_s)
        finally:
            path.write_bytes(source)
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def run_tests(self, tests: list[str], limit_s: float) -> Outcome:
        """Run tests on the copy as it is, in one fresh interpreter, until one fails."""
        start = time.monotonic()
        answer = self.drive({"tests": tests}, limit_s)
        seconds = time.monotonic() - start
        if "timeout" in answer:
            return Outcome("timeout", answer["timeout"], seconds)
        if answer.get("code") == 0:
            return Outcome("survived", None, seconds)
        return Outcome("killed", answer.get("failed"), seconds)

    def drive(self, job: dict[str, Any], limit_s: float | None) -> dict[str, Any]:
        """Run driver.py in a session of its own; ``{"timeout": the running test}`` where it takes too long."""
        shutil.rmtree(self.root / ".hypothesis", ignore_errors=True)  # examples that failed on another mutant
        result = self.folder / "result.json"
        running = result.with_suffix(".running")
        for old in (result, running):
            old.unlink(missing_ok=True)
        (self.folder / "job.json").write_text(json.dumps({**job, "result": str(result), "options": self.options}))
        command = [sys.executable, str(HERE / "driver.py"), str(self.folder / "job.json")]
        with (self.folder / "output.txt").open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                process.wait(limit_s)
            except subprocess.TimeoutExpired:
                return {"timeout": running.read_text() if running.exists() else None}
            finally:
                _kill_session(process)
        return json.loads(result.read_text()) if result.exists() else {"code": process.returncode}

    def environment(self) -> dict[str, str]:
        """Caches go into the folder, and every interpreter keeps its bytecode."""
        own = {"XDG_CACHE_HOME": str(self.folder / "cache"), "TMPDIR": str(self.folder / "tmp")}
        (self.folder / "tmp").mkdir(exist_ok=True)
        left_out = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST")
        return {name: value for name, value in os.environ.items() if name not in left_out} | own


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """End what is left of a run, also what its tests started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@dataclass(frozen=True)
class Map:
    """Which tests run which line, and how long each takes; made by one run of all tests."""

    tests: list[str]
    seconds: list[float]
    lines: dict[str, dict[int, list[int]]]
    collected: dict[str, set[int]]  # file -> lines that ran while tests were imported
    importers: dict[str, set[str]]  # file -> files of the package or of tests that import it
    failed: list[str]

    def covering(self, mutant: Mutant) -> list[str]:
        """The tests that run the mutant's statement, fast ones first, those of one file together.

        What runs at import, a function that is called there included, runs for every test. Taken are those that run
        anything of the file or load it by its name, the same for each file that imports it, and all tests of a test
        file that imports it. A file of which nothing was recorded is a script that does not import the package: taken
        are the tests that run its folder's ``__init__.py``.
        """
        of_file = self.lines.get(mutant.file, {})
        statement = range(mutant.first, mutant.last + 1)
        found = {test for line in statement for test in of_file.get(line, ())}
        if not of_file:
            found |= self.of_files({str(Path(mutant.file).with_name("__init__.py"))})
        elif mutant.at_import or not self.collected.get(mutant.file, set()).isdisjoint(statement):
            found |= self.of_files({mutant.file} | self.importing(mutant.file))
        return [self.tests[test] for test in self.in_order(found)]

    def of_files(self, files: set[str]) -> set[int]:
        """Tests that run anything of the files, or that stand in one of them."""
        own = {place for place, test in enumerate(self.tests) if test.split("::")[0] in files}
        return own | {test for file in files for tests in self.lines.get(file, {}).values() for test in tests}

    def importing(self, file: str) -> set[str]:
        """Files that import this one, also by way of a package's ``__init__.py``."""
        found: set[str] = set()
        waiting = [file]
        while waiting:
            new = self.importers.get(waiting.pop(), set()) - found
            found |= new
            waiting += [one for one in new if one.endswith("/__init__.py")]
        return found

    def in_order(self, tests: set[int]) -> list[int]:
        slow = {test: self.seconds[test] > SLOW_S for test in tests}
        of_group: dict[tuple[bool, str], float] = {}
        for test in tests:
            group = (slow[test], self.tests[test].split("::")[0])
            of_group[group] = of_group.get(group, 0.0) + self.seconds[test]

        def place(test: int) -> tuple[bool, float, str, int]:
            name = self.tests[test].split("::")[0]
            return slow[test], of_group[slow[test], name], name, test

        return sorted(tests, key=place)

    def expected_s(self, tests: list[str]) -> float:
        """Seconds that tests took when the map was made."""
        of_test = dict(zip(self.tests, self.seconds, strict=True))
        return sum(of_test[test] for test in tests)


def make_map(working_tree: Path, folders: list[str], scratch: Path) -> Map:
    """The map of the working tree as it is: from the cache, or by a run of all tests in ``folders``."""
    scratch.mkdir()
    copy = Copy.of(working_tree, scratch)
    kept = platformdirs.user_cache_path("comparison-lab") / "mutants" / f"{_digest(copy.root, folders)}.json"
    if not kept.exists():
        print(
            f"recording which test of {' '.join(folders)} runs which line; this is kept until a file changes",
            flush=True,
        )
        answer = _record(copy, folders)
        kept.parent.mkdir(parents=True, exist_ok=True)
        new = kept.with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(answer), encoding="utf-8")
        new.replace(kept)
    answer = json.loads(kept.read_text(encoding="utf-8"))
    return Map(
        tests=list(answer["seconds"]),
        seconds=list(answer["seconds"].values()),
        lines={file: {int(line): of for line, of in lines.items()} for file, lines in answer["lines"].items()},
        collected={file: set(lines) for file, lines in answer["collected"].items()},
        importers=find_importers(copy.root),
        failed=answer["failed"],
    )


def _record(copy: Copy, folders: list[str]) -> dict[str, Any]:
    records = copy.folder / "lines"
    records.mkdir()
    recorder = shutil.copy(HERE / "recorder.py", copy.folder)
    call = f"exec(open({str(recorder)!r}, encoding='utf-8').read(), found := {{}})"
    with (copy.root / PACKAGE / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{call}\nfound['record']({str(records)!r}, {PACKAGE!r})\ndel found\n")
    answer = copy.drive({"tests": folders, "lines": str(records), "package": PACKAGE}, None)
    if not answer.get("seconds"):
        output = (copy.folder / "output.txt").read_text(encoding="utf-8", errors="replace")
        sys.exit(f"no test ran in {' '.join(folders)}; name folders with tests by --tests. pytest said:\n{output}")
    return answer


def _digest(root: Path, folders: list[str]) -> str:
    """Of all that the map depends upon: the package, the tests, what they share, how it is recorded, this Python."""
    digest = hashlib.sha256(repr((sorted(folders), sys.version)).encode())
    tops = [root / PACKAGE, *(root / folder for folder in folders), root / "tests" / "data"]
    files = {path for top in tops for path in ([top] if top.is_file() else top.rglob("*")) if path.is_file()}
    for path in sorted(files | set((root / "tests").glob("*.py")) | {HERE / "driver.py", HERE / "recorder.py"}):
        digest.update(f"{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def find_importers(root: Path) -> dict[str, set[str]]:
    """File of the package -> the files that import it, tests among them, by the import statements."""
    found: dict[str, set[str]] = {}
    for path in sorted([*(root / PACKAGE).rglob("*.py"), *(root / "tests").rglob("test_*.py")]):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            else:
                continue
            for name in names:
                stem = name.replace(".", "/")
                for file in (f"{stem}.py", f"{stem}/__init__.py"):
                    found.setdefault(file, set()).add(path.relative_to(root).as_posix())
    return found
