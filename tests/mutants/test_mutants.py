"""The sampler of mutants: which faults it makes, which it draws, and how each of them ends in a small project."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.copies import Copy, find_importers, make_map
from tests.mutants.mutations import code_lines, find_mutants, is_change
from tests.mutants.sample import EQUIVALENT, Trial, divide, draw, main, summary

SOURCE = {
    "lab/__init__.py": "",
    "lab/steps.py": """\
from lab.limits import LIMIT

def double(number):
    return number + number

def weak(number):
    return number * 3

def nobody(number):
    return number - 1

def count(end):
    number = 0
    while number < end:
        number += 1
    return number

def allowed(number):
    return number < LIMIT

def built():
    return ["a", "b"]
""",
    "lab/limits.py": "LIMIT = 10\n",
    "lab/agent/__init__.py": "",
    "lab/agent/work.py": "def work():\n    return 6 + 1\n",
    "lab/agent/script.py": "print(20 - 1)\n",
    "lab/colours/__init__.py": """\
import importlib

def colour(name):
    return importlib.import_module("lab.colours." + name).COLOUR
""",
    "lab/colours/paint.py": """\
class Colour:
    def __init__(self, name, size):
        self.name = name
        self.size = size + 1
""",
    "lab/colours/red.py": "from lab.colours.paint import Colour\n\nCOLOUR = Colour('red', 6)\n",
    "tests/test_steps.py": '''\
import os, shutil, subprocess, sys
from pathlib import Path
import pytest
import lab.agent
from lab import steps

CODE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from lab.agent.work import work
print(work(), flush=True)
os._exit(0)
"""

@pytest.fixture(scope="module")
def built():
    return steps.built()

def test_length(built):
    assert len(built) == 2

def test_first(built):
    assert built[0] == "a"

def test_double():
    assert steps.double(3) == 6

def test_weak():
    steps.weak(1)

def test_count():
    assert steps.count(3) == 3

def test_allowed():
    assert steps.allowed(9) and not steps.allowed(10)

def test_elsewhere(tmp_path):
    shutil.copytree(Path(lab.__file__).parent, tmp_path / "lab")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", CODE, tmp_path], capture_output=True, env={}, check=True)
    assert done.stdout.strip() == b"7"

def test_fails_without_any_fault():
    steps.double(1)
    assert False
''',
    "tests/test_colours.py": """\
import pytest
from lab.colours import colour
from lab.limits import LIMIT

COLOURS = [colour("red")]

@pytest.mark.parametrize("one", COLOURS)
def test_collected(one):
    assert one.name

def test_constant():
    assert LIMIT
""",
    "tests/test_later_colours.py": """\
from lab.colours import colour

def test_name():
    assert colour("red").name == "red"

def test_size():
    assert colour("red").size == 7
""",
}


def mutated(source: str, kind: str) -> set[str]:
    """The texts of the mutants of a kind."""
    text = source.encode()
    found = [mutant for mutant in find_mutants("lab/x.py", text) if mutant.kind == kind and is_change(mutant, text)]
    return {mutant.apply(text).decode() for mutant in found}


@pytest.mark.parametrize(
    ("kind", "source", "expected"),
    [
        ("comparison", "x = a < b", {"x = a <= b", "x = a >= b"}),
        ("comparison", "x = a is not (b)", {"x = a is (b)"}),
        ("comparison", "x = a  not in b", {"x = a  in b"}),
        ("comparison", "x = 0 <= a == b", {"x = 0 < a == b", "x = 0 > a == b", "x = 0 <= a != b"}),
        ("boolean", "x = a and b and (c or d)", {"x = a or b or (c or d)", "x = a and b and (c and d)"}),
        ("arithmetic", "x = (a  # a + b\n+ b)", {"x = (a  # a + b\n- b)"}),
        ("arithmetic", "x += -y", {"x -= -y", "x += y"}),
        ("arithmetic", 'x = "ü" + a ** b', {'x = "ü" - a ** b', 'x = "ü" + a * b'}),
        ("constant", 'x = f(1, 0.5, True, "key")', {
            'x = f(2, 0.5, True, "key")',
            'x = f(1, 1.0, True, "key")',
            'x = f(1, 0.5, False, "key")',
            'x = f(1, 0.5, True, "key_")',
        }),
        ("condition", "while a or b: c()", {"while not (a or b): c()"}),
        ("condition", "x = [a for a in b if not a]", {"x = [a for a in b if a]"}),
        ("call", "f(a)\nx = f(a)", {"pass\nx = f(a)"}),
        ("return", "def f(): return x\ndef g(): return None", {"def f(): return None\ndef g(): return None"}),
    ],
)  # fmt: skip
def test_a_mutant_has_one_fault_and_all_else_as_it_was(kind: str, source: str, expected: set[str]) -> None:
    assert mutated(source, kind) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""docstring"""',
        "x: Literal['a', 'b'] = y",
        "def f(x: 'int') -> 'int': ...",
        "raise Bad('not-there', 1)",
        "x = f'{a + 1} of them'",
        "x = 'a sentence of several words'",
        "if TYPE_CHECKING:\n    x = 1",
        "if __name__ == '__main__':\n    main()",
    ],
)
def test_what_no_test_can_notice_is_no_mutant(source: str) -> None:
    assert find_mutants("lab/x.py", source.encode()) == []


def test_lines_of_code_are_no_blank_lines_comments_or_docstrings() -> None:
    assert code_lines(b'"""One.\n\nTwo.\n"""\n# three\n\nx = 1\ny = (\n    2,\n)\n') == 2


def test_the_sample_is_divided_in_proportion_and_complete() -> None:
    assert divide(10, {"a": 100, "b": 49, "c": 51, "d": 0}) == {"a": 5, "b": 2, "c": 3, "d": 0}
    assert sum(divide(150, {"a": 7, "b": 11, "c": 13}).values()) == 150


def test_the_share_has_its_exact_interval() -> None:
    assert "0 of 10 mutants: 0.0% (95% interval 0.0% to 30.8%" in summary(0, 10)
    assert "117 of 190 mutants: 61.6% (95% interval 54.3% to 68.5%" in summary(117, 190)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with a package ``lab`` and its tests."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in SOURCE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "init", "-q", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def trial(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    scratch = tmp_path_factory.mktemp("scratch")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("platformdirs.user_cache_path", lambda name: scratch / name)
        known = make_map(project, ["tests"], scratch / "map")
        assert make_map(project, ["tests"], scratch / "again") == known  # from the cache
        assert not (scratch / "again" / "lines").exists()
        yield Trial(Copy.of(project, scratch), known, spare_s=10)


@pytest.mark.parametrize(
    ("file", "line", "kind", "ends"),
    [
        ("steps.py", 4, "arithmetic", ("killed", "test_double")),
        ("steps.py", 7, "arithmetic", ("survived", None)),
        ("steps.py", 10, "arithmetic", ("no test covers the line", None)),
        ("steps.py", 15, "arithmetic", ("timeout", "test_count")),
        ("steps.py", 22, "constant", ("killed", "test_first")),  # the fixture ran in another test
        ("limits.py", 1, "constant", ("killed", "test_allowed")),  # a constant, run at import, of another file
        ("agent/work.py", 2, "arithmetic", ("killed", "test_elsewhere")),  # a copy, in an isolated process
        # Loaded by its name, and imported by another test before: what runs there is noticed here.
        ("colours/red.py", 3, "constant", ("killed", "test_name")),
        ("colours/paint.py", 4, "arithmetic", ("killed", "test_size")),
    ],
)
def test_a_mutant_meets_the_tests_that_run_its_line(
    trial: Trial, file: str, line: int, kind: str, ends: tuple[str, str | None]
) -> None:
    name = f"lab/{file}"
    found = find_mutants(name, (trial.copy.root / name).read_bytes())
    mutant = next(mutant for mutant in found if (mutant.line, mutant.kind) == (line, kind))
    outcome = trial.run(mutant)
    by = outcome.test and outcome.test.rpartition("::")[2]
    assert (outcome.word, by) == ends
    assert (trial.copy.root / name).read_text(encoding="utf-8") == SOURCE[name]


def test_a_test_that_fails_without_a_fault_kills_nothing(trial: Trial) -> None:
    assert not trial.is_sound("tests/test_steps.py::test_fails_without_any_fault")
    assert trial.is_sound("tests/test_steps.py::test_double")


def test_a_script_that_imports_nothing_meets_the_tests_of_its_folder(trial: Trial) -> None:
    (mutant, *_) = find_mutants("lab/agent/script.py", b"print(20 - 1)\n")
    assert "tests/test_steps.py::test_elsewhere" in trial.map.covering(mutant)


def test_importers_are_found_by_name(project: Path) -> None:
    assert find_importers(project)["lab/limits.py"] == {"lab/steps.py", "tests/test_colours.py"}


def test_a_seed_draws_the_same_sample_and_no_line_twice(project: Path) -> None:
    first, again, other = (draw(project, ["lab"], seed=seed, count=6) for seed in (1, 1, 2))
    assert first == again != other
    assert len({(mutant.file, mutant.line) for mutant in first}) == 6


def test_the_command_reports_survivors_and_leaves_the_tree_alone(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr("platformdirs.user_cache_path", lambda name: tmp_path / name)
    (project / EQUIVALENT).parent.mkdir()
    (project / EQUIVALENT).write_text(
        '[[equivalent]]\nfile = "lab/limits.py"\nline = "LIMIT = 9"\nmutated = "LIMIT = 8"\nreason = "old"\n'
    )
    before = state(project)
    options = ["--seed", "1", "--under", "lab/s*.py", "--tests", "tests"]
    assert main([*options, "--count", "3", "--at-least", "100.1"]) == 1
    printed = capsys.readouterr().out
    assert "3/3 " in printed
    assert "of 3 mutants" in printed
    assert "no longer has: LIMIT = 9" in printed
    assert main([*options, "--count", "1", "--at-least", "0"]) == 0
    assert state(project) == before


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Content and time of every file, bytecode included."""
    names = [Path(top) / name for top, _, names in os.walk(folder) for name in names]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in names}
