"""The five locks between the agent and the rest of the world; each goes red when it is broken."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lab

if TYPE_CHECKING:
    from tests.agent.conftest import Result, Stage

REPOSITORY = Path(lab.__file__).resolve().parent.parent
AGENT = REPOSITORY / "lab" / "agent"
FILES = sorted(AGENT.rglob("*.py"))
STDLIB_3_9 = {
    line
    for line in (REPOSITORY / "tests" / "data" / "stdlib-3.9.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
}
TYPING_ONLY = {"typing", "types"}  # inside `if TYPE_CHECKING:` only: importing typing costs a fresh interpreter 5 ms
COSTLY = {"typing", "dataclasses", "inspect", "pathlib", "subprocess", "compileall", "pkgutil", "multiprocessing"}
ISOLATED_WITH_SITE = 3  # see probes/flags_of_all.py

CELLS: list[dict[str, Any]] = [
    {"scenario": "ipc.round_trip", "values": {"mechanism": "pipe", "payload_bytes": 64, "payload": "bytes"}},
    {"scenario": "ipc.round_trip", "values": {"mechanism": "queue", "payload_bytes": 64, "payload": "object"}},
    {"scenario": "process.start", "values": {"start_method": "fork"}},
    {"scenario": "process.start", "values": {"start_method": "spawn"}},
    {"scenario": "pool.overflow", "values": {"start_method": "fork", "workers": 2}},
    {"scenario": "state.lost_updates", "values": {"container": "value", "locking": "get_lock", "workers": 2}},
]

pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


# --- lock 1: import-linter -------------------------------------------------------------------------------------------


def agent_contract() -> dict[str, Any]:
    contracts: list[dict[str, Any]] = pyproject["tool"]["importlinter"]["contracts"]
    (found,) = [contract for contract in contracts if contract.get("source_modules") == ["lab.agent"]]
    return found


def test_the_import_contracts_hold() -> None:
    command = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_agent_is_the_lowest_layer_of_all_of_the_lab() -> None:
    contracts = pyproject["tool"]["importlinter"]["contracts"]
    (layers,) = [contract for contract in contracts if contract["type"] == "layers"]
    assert layers["containers"] == ["lab"]
    assert layers["exhaustive"]
    assert layers["layers"][-1] == "agent"


def test_the_contract_names_every_package_the_lab_depends_on() -> None:
    names = {requirement.split(">=")[0] for requirement in pyproject["project"]["dependencies"]}
    assert names <= set(agent_contract()["forbidden_modules"])


# --- lock 2: the standard library of 3.9, wherever an import stands --------------------------------------------------


def imports(tree: ast.AST) -> list[str]:
    """Every module that is imported anywhere in the file: at its top, in functions, under conditions."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "the agent imports by full names"
            found.append(node.module or "")
            if node.module == "lab":
                found += [f"lab.{alias.name}" for alias in node.names]
    return found


def is_offered(module: str, *, bare: bool) -> bool:
    top = module.partition(".")[0]
    if top in ("lab", ""):
        return module in ("lab", "lab.agent") or module.startswith("lab.agent.")
    if bare:  # main programs find what they share beside them
        return (AGENT / "toolkit" / "bare" / f"{module}.py").exists() or top in STDLIB_3_9 & sys.stdlib_module_names
    return top in STDLIB_3_9 & sys.stdlib_module_names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(AGENT).as_posix())
def test_every_import_is_of_the_agent_or_of_the_standard_library(path: Path) -> None:
    found = imports(ast.parse(path.read_text(encoding="utf-8")))
    foreign = [module for module in found if not is_offered(module, bare=path.parent.name == "bare")]
    assert foreign == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(AGENT).as_posix())
def test_every_file_is_in_the_syntax_of_3_9(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(AGENT).as_posix())
def test_typing_is_imported_for_type_checkers_only(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_runtime = [node for node in tree.body if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node))]
    assert not TYPING_ONLY & {module for node in at_runtime for module in imports(node)}


def test_a_cell_imports_nothing_that_it_need_not(stage: Stage, newest: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(stage.folder)!r}); import lab.agent.cell; print(*sys.modules)"
    done = subprocess.run([newest, "-I", "-S", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not COSTLY & set(done.stdout.split())


# --- lock 3: ruff's target -------------------------------------------------------------------------------------------


def ruff_settings(path: Path) -> str:
    command = [sys.executable, "-m", "ruff", "check", "--show-settings", str(path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, encoding="utf-8", check=True, timeout=60)
    return done.stdout


def test_ruff_takes_the_agent_for_3_9_and_the_host_for_3_11() -> None:
    assert "linter.unresolved_target_version = 3.9\n" in ruff_settings(AGENT / "main.py")
    assert "linter.unresolved_target_version = 3.11\n" in ruff_settings(REPOSITORY / "lab" / "text.py")


# --- lock 4: it runs on every interpreter, with nothing installed ----------------------------------------------------


def cells() -> list[dict[str, Any]]:
    return [
        {
            **entry,
            "id": f"{entry['scenario']}/{number}",
            "case": str(number),
            "values": {"placement": "same_cpu", **entry["values"]},
            "seed": number,
            "deadline_s": 60.0,
        }
        for number, entry in enumerate(CELLS)
    ]


def assert_all_measured(result: Result, version: str) -> None:
    assert result.exit_code == 0, result.stderr
    kinds = [line["kind"] for line in result.lines]
    assert (kinds[0], kinds[-1]) == ("facts", "done")
    assert result.of("facts")[0]["facts"]["python"].startswith(version.rstrip("t") + ".")
    assert [line["cell"] for line in result.of("start")] == [cell["id"] for cell in cells()]
    assert [(line["status"], line["reason"]) for line in result.of("end")] == [("ok", "")] * len(CELLS)
    assert {line["cell"] for line in result.of("sample")} == {cell["id"] for cell in cells()}
    result.assert_nothing_left()


@pytest.mark.interpreters
def test_there_are_several_interpreters_to_run_on(interpreters: dict[str, Path], require: Any) -> None:
    require(len(interpreters) > 1, f"only {', '.join(interpreters) or 'none'} of 3.9 and newer is on this machine")


@pytest.mark.interpreters
@pytest.mark.parametrize("version", ["3.9", "3.10", "3.11", "3.12", "3.13", "3.13t", "3.14", "3.14t", "3.15", "3.15t"])
def test_the_staged_folder_runs_with_nothing_installed(
    version: str, interpreters: dict[str, Path], stage: Stage
) -> None:
    if version not in interpreters:
        pytest.skip(f"no Python {version} on this machine")
    assert_all_measured(stage.run(interpreters[version], *cells(), flags=("-I", "-S")), version)


# --- lock 5: what is measured is isolated from what a base image has installed ---------------------------------------


def test_all_that_is_measured_runs_isolated_and_with_site(stage: Stage, newest: Path) -> None:
    stage.add_probes()
    cell = {"id": "probe/x", "scenario": "probe.flags_of_all", "case": "x", "values": {}, "seed": 1, "deadline_s": 30.0}
    result = stage.run(newest, cell)
    assert result.end["status"] == "ok", result.end["reason"]
    observed = {line["operation"]: line["value"] for line in result.of("sample")}
    assert observed == {"cell": ISOLATED_WITH_SITE, "child": ISOLATED_WITH_SITE, "bare": ISOLATED_WITH_SITE}


MAY_NAME_IT = {"interpreter.py", "facts/build.py"}  # the one way to start an interpreter; what program this is


def names_the_interpreter(tree: ast.AST) -> bool:
    """Whether the code could start an interpreter by itself, and so without the flags that isolate it."""
    names = {"executable", "_base_executable", "get_executable", "set_executable"}
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    return bool(names & (attributes | imported))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(AGENT).as_posix())
def test_interpreters_are_started_in_one_way_only(path: Path) -> None:
    named = names_the_interpreter(ast.parse(path.read_text(encoding="utf-8")))
    assert named == (path.relative_to(AGENT).as_posix() in MAY_NAME_IT), "use lab.agent.interpreter.command"


def test_a_cell_whose_workers_are_not_isolated_fails(stage: Stage, newest: Path) -> None:
    stage.add_probes()
    cell = {"id": "probe/x", "scenario": "probe.not_isolated", "case": "x", "values": {}, "seed": 1, "deadline_s": 30.0}
    result = stage.run(newest, cell)
    assert result.end["status"] == "failed"
    assert "interpreter flags" in result.end["reason"]
    assert not result.of("sample")


def test_an_interpreter_started_by_the_agent_is_isolated_as_the_agent_is(stage: Stage, newest: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(stage.folder)!r}); from lab.agent import interpreter; import subprocess; "
        "print(subprocess.check_output(interpreter.command('-c', 'import sys; print(*sys.flags)')).split()[:9] == "
        "' '.join(map(str, sys.flags)).encode().split()[:9])"
    )
    for flags in (["-I"], ["-I", "-S"], ["-I", "-O"], ["-I", "-S", "-OO"]):
        done = subprocess.run([newest, *flags, "-c", code], capture_output=True, text=True, check=True, timeout=60)
        assert done.stdout == "True\n", flags
