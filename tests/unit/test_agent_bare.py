"""The main programs that import nothing of the lab, loaded into this process: what is timed, and in which order."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import threading
import time
from multiprocessing.pool import ThreadPool
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lab.agent.toolkit import bare
from lab.agent.toolkit.bare import Bare, BareError

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[[str], Any]

FOLDER = Path(bare.FOLDER)


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a program of the folder, which finds its neighbours as it does when it is run."""
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("serving", "untimed"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def program(name: str) -> Any:
        spec = importlib.util.spec_from_file_location("lab_test_" + name, FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return program


class Clocked:
    """A context of ``multiprocessing`` whose calls each take a time of their own, and are noted."""

    def __init__(self, costs_ns: dict[str, int], received: list[Any] | None = None) -> None:
        self.costs_ns = costs_ns
        self.received = received or []
        self.now_ns = 0
        self.calls: list[str] = []
        self.arguments: list[Any] = []
        self.exitcode = 0
        self.pid = 77

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any, **settings: Any) -> Any:
            self.calls.append(name)
            self.arguments.append((args, settings))
            self.now_ns += self.costs_ns.get(name, 0)
            if name == "Pipe":
                return self, self
            return self.received.pop(0) if name == "recv" else self

        return call


@pytest.fixture
def clocked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Clocked]:
    def install(received: list[Any] | None = None, **costs_ns: int) -> Clocked:
        context = Clocked(costs_ns, received)
        monkeypatch.setattr("multiprocessing.get_context", lambda _method: context)
        monkeypatch.setattr("time.perf_counter_ns", lambda: context.now_ns)
        return context

    return install


# --- pools and processes ----------------------------------------------------------------------------------------------


class PoolOf:
    """A context whose pools have workers in threads; each worker that starts takes so long until its first task."""

    def __init__(self, delays_s: list[float]) -> None:
        self.delays_s = delays_s
        self.Semaphore = threading.Semaphore

    def Pool(self, workers: int, initializer: Any, arguments: Any) -> ThreadPool:  # noqa: N802 - the context's name
        delays = iter(self.delays_s)

        def start(*given: Any) -> None:
            time.sleep(next(delays))
            initializer(*given)

        return ThreadPool(workers, start, arguments)


def test_a_pool_is_ready_when_its_last_worker_has_answered_and_first_answers_come_from_the_first(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_s = 0.3
    monkeypatch.setattr("multiprocessing.get_context", lambda _method: PoolOf([0.0, 0.0, late_s]))
    elapsed = load("pool_start").Main("fork", 3).batch(1)
    assert elapsed["construct"] < elapsed["first_answer"] < late_s * 1e9 <= elapsed["start_ready"]
    assert elapsed["close_join"] > 0


def test_a_pool_whose_worker_never_comes_is_an_error_with_the_number_and_no_hang(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = load("pool_start")
    monkeypatch.setattr(program, "DEADLINE_S", 0.05)
    monkeypatch.setattr("multiprocessing.get_context", lambda _method: PoolOf([0.0, 0.6]))
    with pytest.raises(RuntimeError, match=r"1 of 2 workers took a task within 0\.05 s"):
        program.Main("spawn", 2).batch(1)


def test_every_worker_of_a_pool_introduces_itself_once(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.get_context", lambda _method: PoolOf([0.0, 0.1]))
    children = [SimpleNamespace(pid=1), SimpleNamespace(pid=2), SimpleNamespace(pid=2)]
    monkeypatch.setattr("multiprocessing.active_children", lambda: children)
    serving = load("serving")
    monkeypatch.setitem(sys.modules, "serving", serving)
    monkeypatch.setattr(serving, "describe", threading.get_ident)
    found = load("pool_start").Main("fork", 2).children()
    assert len(set(found["workers"])) == 2
    assert (found["parent"], found["count"]) == (os.getpid(), 2)


def test_start_and_join_of_a_process_lie_in_each_other(
    load: Load, clocked: Callable[..., Clocked], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = SimpleNamespace(nothing=print, stamp=input)
    monkeypatch.setitem(sys.modules, "__main__", program)
    context = clocked(Process=2, start=30, join=400)
    main = load("process_starter").Main("fork", payload_bytes=4)
    assert main.batch(2) == {"start_join": 2 * 432, "start": 2 * 32, "join": 2 * 400}
    assert context.calls == 2 * ["Process", "start", "join"]
    assert context.arguments[0] == ((), {"target": print, "args": (b"\1" * 4,)})
    assert main.first() == 432
    assert load("process_starter").Main("fork").args == ()


def test_the_first_instruction_of_a_child_is_reported_by_the_child_and_its_end_is_not_timed(
    load: Load, clocked: Callable[..., Clocked], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(nothing=print, stamp=input))
    context = clocked([7, 1007], Process=2, start=30, join=968)
    main = load("process_starter").Main("spawn")
    assert main.first_instruction(2) == 7 + (1007 - 1000)
    assert context.calls == ["Pipe", *2 * ["Process", "start", "recv", "join"], "close", "close"]


def test_a_parent_holds_what_it_was_asked_to_hold(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(nothing=print, stamp=input))
    main = load("process_starter").Main("fork", parent_bytes=3 << 20)
    assert [len(block) for block in main.ballast] == [1 << 20] * 3
    if sys.platform == "linux":
        assert main.resident_bytes() > 3 << 20


def test_a_payload_is_taken_whole_and_modules_are_counted_without_the_one_that_counts(
    load: Load, tmp_path: Path
) -> None:
    untimed = load("untimed")
    answers: list[Any] = []
    end = SimpleNamespace(send=answers.append)
    for payload in (b"\1\1\1", b"\1\0", b"\0\1"):
        untimed.take(end, payload)
    assert answers == [[3, True], [2, False], [2, False]]
    untimed.count_modules(tmp_path / "count")
    assert int((tmp_path / "count").read_text()) == len(sys.modules) - 1


def test_idle_workers_say_what_they_are_and_wait_until_they_are_stopped(
    load: Load, clocked: Callable[..., Clocked]
) -> None:
    context = clocked(["first", "second"])
    main = load("idle_workers").Main("fork", 2)
    assert main.start() == ["first", "second"]
    assert context.calls == 2 * ["Pipe", "Process", "start", "close", "recv"]
    assert context.arguments[1][1]["daemon"] is True
    context.calls.clear()
    assert main.stop() == [0, 0]
    assert context.calls == 2 * ["send", "join"]


def test_an_idle_worker_reports_first(load: Load) -> None:
    happened: list[str] = []
    end = SimpleNamespace(recv=lambda: happened.append("waits"))
    load("idle_workers").wait(end, lambda _end: happened.append("tells"))
    assert happened == ["tells", "waits"]


# --- copy on write ----------------------------------------------------------------------------------------------------


def test_a_child_that_shares_objects_obeys_until_it_is_stopped(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    program = load("copy_on_write")
    monkeypatch.setattr("gc.collect", lambda: None)
    orders: list[Any] = ["read", "assign", "collect", "describe", None, "read"]
    answers: list[Any] = []
    data = [[number] for number in range(200)]
    program.obey(SimpleNamespace(recv=lambda: orders.pop(0), send=answers.append), data)
    assert answers[:3] == [199 * 100, 100, 200]
    assert answers[3]["pid"] == os.getpid()
    assert orders == ["read"]
    assert [item[0] for item in data] == [program.ASSIGNED] * 100 + list(range(100, 200))


@pytest.mark.parametrize(
    ("parent", "threads", "is_frozen"), [("plain", 0, False), ("frozen", 0, True), ("threaded", 4, False)]
)
def test_a_parent_of_shared_objects_is_plain_frozen_or_threaded(
    load: Load, monkeypatch: pytest.MonkeyPatch, parent: str, *, threads: int, is_frozen: bool
) -> None:
    frozen: list[bool] = []
    monkeypatch.setattr("gc.freeze", lambda: frozen.append(True))
    # Threads that end at once: the real ones wait for ever.
    monkeypatch.setattr("threading.Event", lambda: SimpleNamespace(wait=started.append))
    started: list[Any] = []
    monkeypatch.setattr("threading.Thread", lambda **_settings: SimpleNamespace(start=lambda: started.append(True)))
    main = load("copy_on_write").Main(parent, 3)
    assert (main.data, main.seen()) == ([[0], [1], [2]], 0)
    assert (len(started), bool(frozen)) == (threads, is_frozen)


def test_a_fork_says_who_came_of_it_and_its_end_is_waited_for(load: Load, clocked: Callable[..., Clocked]) -> None:
    context = clocked(["read by the child"])
    main = load("copy_on_write").Main("plain", 1)
    assert main.fork() == {"pid": 77, "threads": threading.active_count(), "warnings": 0}
    assert context.calls == ["Pipe", "Process", "start", "close"]
    assert main.order("read") == "read by the child"
    context.calls.clear()
    assert main.join() == 0
    assert context.calls == ["send", "join", "close"]


# --- switching --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("through", ["pipe", "semaphore"])
def test_two_threads_hand_over_in_turn(load: Load, through: str) -> None:
    main = load("switch").Main("threads", through)
    who = main.who()
    assert (who["pid"], who["own_pid"], who["other_thread"]) == (os.getpid(), os.getpid(), True)
    assert main.batch(10) > 0
    assert main.batch(2) > 0
    assert main.stop() == 0
    assert not main.other.is_alive()


def test_half_of_the_hand_overs_are_turns_of_the_other_side(load: Load) -> None:
    program = load("switch")
    turns: list[int] = []
    program.WAYS["pipe"] = lambda _context: SimpleNamespace(lead=turns.append, follow=turns.append)
    main = program.Main("threads", "pipe")
    main.who()
    main.batch(10)
    main.stop()
    assert turns == [5, 5]


# --- being told what to call ------------------------------------------------------------------------------------------


def test_a_program_answers_each_line_and_says_what_was_raised(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = load("serving")

    class Subject:
        def __init__(self, factor: int) -> None:
            self.factor = factor

        def times(self, number: int) -> int:
            return self.factor * number

    lines = b'["times", 4]\n["divide", 1]\n["times", 5]\n'
    out = io.StringIO()
    monkeypatch.setattr(sys, "argv", ["program", '{"factor": 3}'])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(lines)))
    monkeypatch.setattr(sys, "stdout", out)
    serving.serve(Subject)
    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [answer.get("result") for answer in answers] == [12, None, 15]
    assert answers[1]["error"].startswith("AttributeError: ")


def test_a_process_names_what_it_had_to_compile_and_whether_it_knows_the_lab(
    load: Load, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    serving = load("serving")
    (tmp_path / "kept.pyc").write_text("")

    def add(name: str, cached: str | None, origin: str) -> None:
        module = ModuleType(name)
        module.__spec__ = SimpleNamespace(cached=cached, origin=origin)  # type: ignore[assignment]
        monkeypatch.setitem(sys.modules, name, module)

    add("t_compiled", str(tmp_path / "missing.pyc"), "t.py")
    add("t_kept", str(tmp_path / "kept.pyc"), "t.py")
    add("t_binary", str(tmp_path / "missing.pyc"), "t.so")
    add("__mp_main__", str(tmp_path / "missing.pyc"), "t.py")
    found = serving.describe()
    assert {name for name in found["uncached"] if name.startswith(("t_", "__mp"))} == {"t_compiled"}
    assert found["lab"] is True
    assert (found["pid"], found["ppid"], found["modules"]) == (os.getpid(), os.getppid(), len(sys.modules))
    told: list[Any] = []
    serving.send_description(SimpleNamespace(send=told.append))
    assert told[0]["pid"] == os.getpid()


class Program:
    """What ``Bare`` starts, without a process: it answers with the lines that the test has, once it was asked."""

    made: list[Program]
    answers: list[str]

    def __init__(self, command: list[str], **_streams: Any) -> None:
        self.command = command
        self.pid = 99
        self.asked: list[Any] = []
        self.written: list[bytes] = []
        self.stdin = self
        self.stdout = self
        self.closed = 0
        Program.made.append(self)

    def write(self, line: bytes) -> None:
        if self.answers == ["dead"]:
            raise BrokenPipeError
        self.written.append(line)

    def flush(self) -> None:
        self.asked += map(json.loads, self.written)
        self.written.clear()

    def readline(self) -> bytes:
        assert not self.written, "nothing was asked yet: the question waits in a buffer"
        return self.answers.pop(0).encode()

    def close(self) -> None:
        self.closed += 1

    def wait(self) -> int:
        return 3


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> type[Program]:
    Program.made = []
    monkeypatch.setattr("subprocess.Popen", Program)
    return Program


def test_a_call_reaches_the_program_at_once_and_brings_its_answer(program: type[Program]) -> None:
    program.answers = ['{"result": 5}\n', '{"result": {"a": 1}}\n', '{"result": 8}\n', '{"error": "it broke"}\n', ""]
    with Bare("switch", executor="threads") as main:
        assert main.pid == 99
        assert main.call("add", 2, 3) == 5
        assert main.batch(7) == {"a": 1}
        assert main.batch_of("lead")(4) == 8
        with pytest.raises(BareError, match="it broke"):
            main.call("fail")
        with pytest.raises(BareError, match="ended with code 3"):
            main.call("die")
    (process,) = program.made
    assert process.asked == [["add", 2, 3], ["batch", 7], ["lead", 4], ["fail"], ["die"]]
    assert process.command == [sys.executable, "-I", str(FOLDER / "switch.py"), '{"executor": "threads"}', str(FOLDER)]
    assert process.closed == 2
    program.answers = ["dead"]
    with pytest.raises(BareError, match="has ended"), Bare("switch") as main:
        main.call("add")


def test_imports_stand_before_a_copy_of_the_program(
    program: type[Program], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program.answers = []
    with Bare("process_start", ("json", "re")):
        pass
    copy = Path(program.made[0].command[2])
    assert copy == tmp_path / "process_start.py"
    original = (FOLDER / "process_start.py").read_text(encoding="utf-8")
    assert copy.read_text(encoding="utf-8") == "import json\nimport re\n" + original
