"""The user's own function, measured by real interpreters of this machine."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.model import Limit, Target
from lab.targets.interpreters import interpreter_at
from lab.targets.native import NativeRunner, can_pin
from lab.tune.bench import TargetBench, native_bench
from lab.tune.choices import PLAIN_EXECUTOR, PLAIN_POOL, SERIAL, Choice
from lab.tune.subject import Check, parse_subject

pytestmark = pytest.mark.skipif(not can_pin(), reason="this system cannot bind processes to CPUs")

WORK = """
    import os, random, sys, time
    from multiprocessing import Process

    ITEMS = list(range(12))
    BEGUN = []

    def square(n):
        return n * n

    def begin():
        BEGUN.append(os.getpid())

    def begun(n):
        return len(BEGUN)

    def raises(n):
        if n == 7:
            raise ValueError("seven is not wanted")
        return n

    def differs(n):
        return random.random()

    def nearly(n):
        return n + random.random() * 1e-12

    def where(n):
        return os.getpid()

    def prints(n):
        print("noise", n)
        return n

    def nests(n):
        process = Process(target=time.sleep, args=(0,))
        process.start()
        process.join()
        return n

    def dies(n):
        if BEGUN:
            os._exit(9)
        return n

    def large_for_a_moment(n):
        return len(bytearray(200 << 20))

    def threads_of_libraries(n):
        return os.environ.get("OMP_NUM_THREADS")

    anonymous = lambda n: n
    generator = (n for n in range(3))
    unpicklable = [sys.stdout]

    def items():
        return [1, 2]
"""

Bench = Callable[..., TargetBench]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    from contextlib import ExitStack

    (tmp_path / "work.py").write_text(textwrap.dedent(WORK))
    interpreter = interpreter_at(sys.executable)
    runner = NativeRunner({interpreter.key: interpreter})
    target = Target(
        id="native", key=interpreter.key, engine="none", os=interpreter.os, arch=interpreter.arch, cpus_visible=1,
        limit=Limit(mode="affinity", cpus=1),
    )  # fmt: skip
    with ExitStack() as stack:

        def made(name: str, items: str = "", initializer: str = "", check: Check = "equal") -> TargetBench:
            subject = parse_subject(
                f"work.py:{name}", items=items, initializer=initializer, check=check, folder=tmp_path
            )
            return stack.enter_context(native_bench(subject, target, runner, cpus_visible=1))

        yield made


def test_all_executors_of_this_python_give_the_serial_results(bench: Bench) -> None:
    made = bench("square")
    items = made.items()
    assert len(items.durations_ns) == 12
    assert items.total == 0
    assert not items.warnings
    choices = [
        SERIAL, PLAIN_POOL, PLAIN_EXECUTOR,
        Choice(executor="threads", workers=2),
        Choice(executor="pool", workers=2, start_method="spawn", chunksize=3),
        Choice(executor="process_pool_executor", workers=2, start_method="spawn"),
    ]  # fmt: skip
    readings = made.measure(choices, 3)
    assert [reading.choice for reading in readings] == choices
    assert {(reading.status, reading.reason, reading.round) for reading in readings} == {("ok", "", 3)}
    assert all(0 < reading.start_ns < reading.wall_ns for reading in readings[1:])
    assert [reading.pool_workers for reading in readings[3:]] == [2, 2, 2]
    assert readings[4].cpu_ns > readings[0].cpu_ns  # two interpreters were started
    if sys.platform == "linux":
        assert readings[4].memory_bytes > readings[0].memory_bytes > 0


def test_a_subset_of_the_items_is_spread_evenly(bench: Bench) -> None:
    made = bench("square")
    spans = made.timeline(Choice(executor="threads", workers=2), count=4)
    assert sorted(span.item for span in spans) == [0, 3, 6, 9]
    assert {span.worker for span in spans} <= {0, 1}
    assert all(span.start_ns <= span.end_ns for span in spans)


def test_a_limit_runs_some_of_the_items(bench: Bench) -> None:
    made = bench("square", "range(100000)")
    items = made.items(limit_s=0.002)
    assert items.total == 100000
    assert 0 < len(items.durations_ns) < 100000


def test_the_initializer_runs_once_in_each_worker_and_in_the_serial_run(bench: Bench) -> None:
    made = bench("begun", initializer="begin")
    made.items()
    readings = made.measure([SERIAL, Choice(executor="pool", workers=2, start_method="spawn")], 0)
    assert [reading.status for reading in readings] == ["ok", "ok"], readings


def test_library_threads_are_set_before_the_interpreter_starts(bench: Bench) -> None:
    made = bench("threads_of_libraries", check="equal")
    made.items()
    (same,) = made.measure([SERIAL], 0)
    assert same.status == "ok"
    (other,) = made.measure([Choice(executor="serial", library_threads=3)], 0)
    assert "item 0 gives '3' and not" in other.reason


def test_another_result_in_a_pool_is_shown_with_its_item(bench: Bench) -> None:
    made = bench("where", check="equal")
    made.items()
    (reading,) = made.measure([Choice(executor="pool", workers=1, start_method="spawn")], 0)
    assert reading.status == "failed"
    assert reading.reason.startswith("pool gives another result than the serial pass: item 0 gives ")
    assert reading.wall_ns == 0


def test_approx_takes_numbers_that_nearly_agree(bench: Bench) -> None:
    with pytest.raises(UsageError, match="returns something else each time"):
        bench("nearly").items()
    made = bench("nearly", "range(1, 5)", check="approx")
    made.items()
    assert [reading.status for reading in made.measure([Choice(executor="threads", workers=2)], 0)] == ["ok"]


@pytest.mark.parametrize(
    ("name", "items", "sentence"),
    [
        ("missing", "", "the function missing does not exist in work: name one that does"),
        ("ITEMS", "", "ITEMS of work is not a function but a list"),
        ("anonymous", "", "define it with `def` at the top of its module"),
        ("differs", "", "the function returns something else each time (item 0: first "),
        ("raises", "", "the function raises ValueError: seven is not wanted for item 7, 7"),
        ("square", "generator", "generator is a generator, which can be used only once: make it a list"),
        ("square", "range(0)", "range(0) is empty"),
        ("square", "unpicklable", "item 0 of unpicklable cannot be pickled"),
        ("square", "nothing_here", "the items nothing_here does not exist in work"),
        ("square", "1 / 0", "--items 1 / 0 raises ZeroDivisionError"),
        ("square", "42", "42 is an int and not a sequence of items"),
    ],
)
def test_bad_input_ends_in_one_sentence(bench: Bench, name: str, items: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        bench(name, items).items()
    assert sentence in str(refused.value).partition("\n")[0]


def test_the_users_own_traceback_follows_and_nothing_of_the_lab(bench: Bench) -> None:
    with pytest.raises(UsageError) as refused:
        bench("raises").items()
    text = str(refused.value)
    assert 'raise ValueError("seven is not wanted")' in text
    assert "lab/agent" not in text.replace("\\", "/")


def test_a_function_that_prints_is_noted_and_its_output_enters_nothing(bench: Bench) -> None:
    made = bench("prints")
    assert "it prints; what it prints is left out" in made.items().warnings
    (reading,) = made.measure([Choice(executor="pool", workers=2, start_method="spawn")], 0)
    assert reading.status == "ok"


def test_a_function_that_starts_processes_cannot_run_in_a_pool(bench: Bench) -> None:
    made = bench("nests", "range(2)")
    assert any("starts processes itself" in warning for warning in made.items().warnings)
    (reading,) = made.measure([Choice(executor="pool", workers=1, start_method="spawn")], 0)
    assert "which workers of a Pool may not" in reading.reason


def test_a_function_that_ends_its_process_is_named_with_the_exit_code(bench: Bench) -> None:
    made = bench("dies", "range(2)", "begin")
    with pytest.raises(UsageError, match="its process ended with code 9"):
        made.items()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("import not_there_at_all\ndef f(n): return n\n", "has no module not_there_at_all"),
        ("raise RuntimeError('no')\n", "importing other raises RuntimeError: no"),
        ("import sys\nsys.exit(3)\n", "importing other raises SystemExit: 3"),
        (
            "import subprocess, sys\nsubprocess.run([sys.executable, '-c', ''])\ndef f(n): return n\n",
            "starts processes",
        ),
        ("def f(n): return n\n", "other has neither ITEMS nor items()"),
    ],
)
def test_a_module_that_cannot_be_used_is_named(bench: Bench, tmp_path: Path, text: str, sentence: str) -> None:
    made = bench("square")
    (tmp_path / "other.py").write_text(text)
    made.subject = parse_subject("other.py:f", folder=tmp_path)
    with pytest.raises(UsageError) as refused:
        made.items()
    assert sentence in str(refused.value)


def test_what_python_lacks_is_said_with_its_reason(bench: Bench) -> None:
    found = bench("square").unavailable()
    if sys.version_info < (3, 14):
        assert "new in Python 3.14" in found["interpreter_pool_executor"]
    assert "serial" not in found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports the peaks of processes")
def test_memory_that_was_freed_before_the_end_counts_at_its_peak(bench: Bench) -> None:
    made = bench("large_for_a_moment", "range(2)")
    made.items()
    (serial,) = made.measure([SERIAL], 0)
    assert serial.memory_bytes > 200 << 20


def test_after_a_resume_results_are_compared_all_the_same(bench: Bench) -> None:
    first = bench("where")
    second = bench("where")
    second.remember(first.items())
    (reading,) = second.measure([Choice(executor="pool", workers=1, start_method="spawn")], 0)
    assert "gives another result than the serial pass" in reading.reason
