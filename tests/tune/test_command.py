"""``lab tune`` as a command: its options, its refusals, and the files of real passes."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.commands.report import TUNE_OPTIONS
from lab.commands.report import command as report
from lab.commands.tune import command
from lab.errors import ExitCode, LabError, NothingToRunOn, UsageError
from lab.model import Limit, Target
from lab.runs.folder import RunFolder
from lab.runs.manifest import host
from lab.targets.interpreters import Interpreter, host_arch, host_os, interpreter_at
from lab.targets.native import can_pin
from lab.tune import page, places, record
from lab.tune.choices import SERIAL, Choice
from lab.tune.lines import lines
from lab.tune.places import NativePlace, chosen_interpreter, cpus_counted, native_targets
from lab.tune.subject import parse_subject
from lab.tune.wanted import Kept, Wanted, job_of
from tests.tune.simulated import Machine
from tests.tune.test_search import compute

WORK = """\
ITEMS = [1, 2, 3, 4]
OTHER = [5, 6]

def items():
    return ITEMS

def double(item):
    return 2 * item

def begin():
    pass
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a module, as the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "work.py").write_text(WORK, encoding="utf-8")
    return tmp_path


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """All targets are simulated machines, so that nothing is measured; figures have tests of their own."""

    @contextlib.contextmanager
    def opened(place: NativePlace, _folder: RunFolder) -> Iterator[Machine]:
        key, target = place.interpreter.key, place.native
        visible = cpus_counted(key.rstrip("t"), target, host().cpus or 0)
        yield Machine(job_s=compute, process_noise=0.01, cpus=target.limit.cpus, cpus_visible=visible, python=key)

    monkeypatch.setattr(NativePlace, "open", opened)
    monkeypatch.setattr(record, "finish", lambda *_: None)
    monkeypatch.setattr(page, "pictures", lambda *_: [])


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments), standalone_mode=False)


def refusal(*arguments: str) -> LabError:
    error = invoke(*arguments).exception
    assert isinstance(error, LabError), error
    return error


@pytest.mark.usefixtures("simulated")
def test_json_is_one_object_on_standard_output_and_names_the_page(work: Path) -> None:
    found = invoke("work.py:double", "--python", sys.executable, "--cpus", "1", "--json", "--out", "out")
    assert found.exception is None
    result = json.loads(found.stdout)
    assert result["function"] == "work.py:double"
    assert "times serial (" in result["targets"][0]["answer"]
    assert Path(result["page"]).is_file()
    assert found.return_value == ExitCode.DONE
    assert json.loads((work / "out" / "manifest.json").read_text(encoding="utf-8"))["profile"] == "tune"


@pytest.mark.usefixtures("simulated")
def test_the_result_has_sentence_lines_and_table(work: Path) -> None:
    del work
    shown = invoke("work.py:double", "--python", sys.executable, "--cpus", "1", "--quiet", "--out", "out")
    assert "from work import ITEMS, double" in shown.stdout
    assert "95% interval" in shown.stdout
    assert shown.stdout.splitlines()[-1].endswith("index.html")


@pytest.mark.usefixtures("simulated")
def test_resume_takes_the_options_from_the_folder(work: Path) -> None:
    invoke("work.py:double", "--python", sys.executable, "--cpus", "1", "--quiet", "--out", "out")
    journal = next((work / "out").glob("*.jsonl"))
    whole = journal.read_bytes()
    journal.write_bytes(b"".join(whole.splitlines(keepends=True)[:10]))
    again = invoke("--resume", "out", "--json")
    assert again.exception is None
    assert json.loads(again.stdout)["function"] == "work.py:double"
    assert journal.read_bytes().startswith(b"".join(whole.splitlines(keepends=True)[:10]))


@pytest.mark.usefixtures("simulated")
def test_report_rebuilds_the_page_from_journal_and_manifest_and_measures_nothing(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke("work.py:double", "--python", sys.executable, "--cpus", "1", "--quiet", "--out", "out")
    page = (work / "out" / "index.html").read_text(encoding="utf-8")
    answer = json.loads((work / "out" / "tune.json").read_text(encoding="utf-8"))["targets"][0]["answer"]
    (work / "out" / "index.html").unlink()
    monkeypatch.setattr(NativePlace, "open", lambda *_: pytest.fail("something was measured"))
    CliRunner().invoke(report, ["out"], standalone_mode=False, catch_exceptions=False)
    assert answer in page
    assert answer in (work / "out" / "index.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("simulated")
def test_report_of_a_stopped_tune_says_how_it_continues(work: Path) -> None:
    invoke("work.py:double", "--python", sys.executable, "--cpus", "1", "--quiet", "--out", "out")
    journal = next((work / "out").glob("*.jsonl"))
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:10]))
    with pytest.raises(UsageError, match="continue it with: python -m lab tune --resume out"):
        CliRunner().invoke(report, ["out"], standalone_mode=False, catch_exceptions=False)


@pytest.mark.usefixtures("simulated")
def test_a_folder_with_a_run_and_a_folder_of_no_tune_are_refused(work: Path) -> None:
    invoke("work.py:double", "--python", sys.executable, "--cpus", "1", "--quiet", "--out", "out")
    assert "--resume" in str(refusal("work.py:double", "--python", sys.executable, "--out", "out"))
    error = refusal("--resume", str(work))
    assert error.exit_code == ExitCode.BAD_FILES
    assert "not the folder of a tune" in str(error)


@pytest.mark.usefixtures("simulated")
def test_another_machine_or_interpreter_is_not_resumed(work: Path) -> None:
    invoke("work.py:double", "--python", sys.executable, "--cpus", "1", "--quiet", "--out", "out")
    options = work / "out" / TUNE_OPTIONS
    kept = json.loads(options.read_text(encoding="utf-8"))
    kept["pythons"] = dict.fromkeys(kept["pythons"], "3.9.0")
    options.write_text(json.dumps(kept), encoding="utf-8")
    assert "another Python of" in str(refusal("--resume", "out"))


@pytest.mark.parametrize(
    ("arguments", "part", "code"),
    [
        ((), "tune needs a function", ExitCode.USAGE),
        (("missing.py:double",), "does not exist", ExitCode.USAGE),
        (("work.py",), "names no function", ExitCode.USAGE),
        (("work.py:double", "--cpus", "0"), "not a CPU limit", ExitCode.USAGE),
        (("work.py:double", "--python", "no/python"), "cannot be used", ExitCode.NOTHING_TO_RUN_ON),
        (("work.py:double", "--python", "3.99"), "name an interpreter", ExitCode.NOTHING_TO_RUN_ON),
        (("work.py:double", "--budget", "soon"), "not a duration", ExitCode.USAGE),
        (("work.py:double", "--resume", "x"), "leave out work.py:double", ExitCode.USAGE),
        (("--resume", "x", "--cpus", "1"), "leave out --cpus", ExitCode.USAGE),
    ],
)
def test_what_cannot_be_carried_out_is_refused(
    work: Path, arguments: tuple[str, ...], part: str, code: ExitCode
) -> None:
    del work
    error = refusal(*arguments)
    assert part in str(error)
    assert error.exit_code == code


@pytest.mark.parametrize(
    ("items", "init", "imports", "mapped"),
    [
        ("", "", "from work import ITEMS, double", "double, ITEMS"),
        ("OTHER", "", "from work import OTHER, double", "double, OTHER"),
        ("items", "begin", "from work import begin, double, items", "double, items()"),
        ("range(20)", "", "from work import double", "double, range(20)"),
    ],
)
def test_the_lines_name_what_the_user_named(work: Path, items: str, init: str, imports: str, mapped: str) -> None:
    job = job_of(parse_subject("work.py:double", items=items, initializer=init, folder=work))
    program = lines(Choice(executor="pool", workers=2), job)
    assert imports in program
    assert mapped in program
    assert ("initializer=begin" in program) == bool(init)


def test_options_are_kept_as_they_were(tmp_path: Path) -> None:
    wanted = Wanted(target="work.py:double", folder=str(tmp_path), cpus="2,0.5q", check="approx", budget_s=30)
    here = host()
    kept = Kept(wanted=wanted, machine=here.machine, kernel=here.kernel or "", pythons={"c2": "3.13.0"})
    kept.write(tmp_path)
    assert Kept.read(tmp_path) == kept
    kept.refuse_others(kept, tmp_path)


def test_the_projects_environment_comes_before_the_newest_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(places, "interpreter_at", asked.append)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    chosen_interpreter("", tmp_path)
    chosen_interpreter("other/python", tmp_path)
    assert asked == [str(python), str(tmp_path / "other" / "python")]


def test_python_counts_the_machine_before_3_13_and_its_affinity_since() -> None:
    target = Target(
        id="c1",
        key="3.12",
        engine="none",
        os=host_os(),
        arch=host_arch(),
        limit=Limit(mode="affinity", cpus=1),
        cpus_visible=1,
    )
    assert cpus_counted("3.13", target, 8) == 1
    assert cpus_counted("3.12", target, 8) == 8


def test_each_limit_is_a_target() -> None:
    interpreter = interpreter_at(sys.executable)
    found = native_targets(interpreter, "1,1,0.5q")
    assert [target.limit.cpus for target in found] == [1, 0.5]
    with pytest.raises(UsageError, match="exceeds"):
        native_targets(interpreter, "4096")


def test_no_interpreter_is_nothing_to_run_on(tmp_path: Path) -> None:
    with pytest.raises(NothingToRunOn, match=r"3\.99"):
        chosen_interpreter("3.99", tmp_path)


@pytest.mark.skipif(not can_pin(), reason="this system cannot bind processes to CPUs")
def test_a_function_that_raises_ends_with_the_users_own_traceback_and_leaves_no_run(work: Path) -> None:
    (work / "work.py").write_text("ITEMS = [1]\ndef double(item):\n    raise ValueError('odd')\n", encoding="utf-8")
    error = refusal("work.py:double", "--python", sys.executable, "--cpus", "1", "--quiet", "--out", "out")
    assert error.exit_code == ExitCode.USAGE
    assert "ValueError: odd for item 0" in str(error)
    assert 'work.py", line 3, in double' in str(error)
    assert not [path for path in (work / "out").iterdir() if path.name != ".lock"]


@pytest.mark.skipif(not can_pin(), reason="this system cannot bind processes to CPUs")
def test_real_passes_become_raw_lines_and_rows_of_the_csvs(work: Path) -> None:
    interpreter: Interpreter = interpreter_at(sys.executable)
    target = native_targets(interpreter, "1")[0]
    place = NativePlace(
        subject=parse_subject("work.py:double", folder=work), interpreter=interpreter, native=target, run_id="test"
    )
    choices = [SERIAL, Choice(executor="threads", workers=2)]
    with RunFolder.create(work / "out") as folder:
        record.begin(folder, [target], 0, "python -m lab tune work.py:double")
        with place.open(folder) as bench:
            bench.items()
            readings = [*bench.measure(choices, 0), *bench.measure(choices, 1)]
        record.finish(folder, "own.double", {target.id: choices})
    with (work / "out" / "samples.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["operation"] == "pass" and row["metric"] == "wall_time"]
    assert {row["scenario"] for row in rows} == {"own.double"}
    assert {(row["case"], row["round"]) for row in rows} == {
        (case, number) for case in ("serial", "threads-w2") for number in "01"
    }
    assert sorted(float(row["value"]) for row in rows) == sorted(float(reading.wall_ns) for reading in readings)
    assert (work / "out" / "summary.csv").is_file()
