"""Run the cells of one request, each in a fresh interpreter with a deadline, and stream their lines.

The supervisor ends a cell's whole process group, because nothing may outlive its cell: a Pool whose worker was killed
hangs for ever. A cell's temporary files go into a folder of its own, which is removed afterwards.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from lab.agent import interpreter
from lab.agent.cleanup import cpu_time, job_objects, semaphores
from lab.agent.facts import target as facts
from lab.agent.measuring.canary import canary
from lab.agent.protocol import (
    REQUEST_VARIABLE,
    STEPS,
    STREAM_VERSION,
    ProtocolError,
    decode_line,
    encode_line,
    kind_of,
    unpack_request,
)
from lab.agent.toolkit.work import steps_per_ms

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Dict, List, Optional, Tuple

REASON_LIMIT = 400  # characters of standard error in a reason
EXIT_GRACE_S = 5.0
TRACKER_GRACE_S = 2.0  # the time for multiprocessing's resource tracker to remove segments and semaphores
GROUP_LOOK_S = 0.005
ENDED_STATES = "ZX"  # zombie, dead
DRAIN_S = 0.2
QUEUE_NOTES = {"sysv-": "sysv_mq", "posixmq-": "posix_mq"}  # prefix of a note's name -> the module that reads the note


def supervise() -> int:
    """Read the request, write this target's facts, run every cell, and return the exit code of the process."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    try:
        request = read_request()
    except ProtocolError as error:
        print("agent: %s" % error, file=sys.stderr)
        return 2
    target = request["target"]
    target.setdefault(STEPS, steps_per_ms())
    observed = facts.collect()
    complaint = facts.mismatch(target, observed)
    _write(channel, {"kind": "facts", "schema_version": STREAM_VERSION, "facts": observed, "mismatch": complaint})
    if request.get("by_hand"):
        _write(channel, _self_description(request))
    _write(channel, canary("before"))
    for cell in request["cells"]:
        _write(channel, {"kind": "start", "cell": cell["id"]})
        for text in [_end(cell, "failed", complaint)] if complaint else run_in_fresh_interpreter(cell, target):
            channel.write(text)
        channel.flush()
    _write(channel, canary("after"))
    _write(channel, {"kind": "done"})
    return 0


def _self_description(request: Dict[str, Any]) -> Dict[str, Any]:
    """The line for streams without a host side: the request, the agent's hash, the engine, and the time."""
    from lab.agent.facts import identity

    return {
        "kind": "request",
        "request": request,
        "agent_hash": identity.agent_hash(os.path.abspath(sys.argv[0])),
        "engine": identity.container_engine(),
        "began_s": time.time(),
    }


def read_request() -> Dict[str, Any]:
    """Read the request from the environment (containers) or standard input (native); without one use the default.

    The variable is removed, so that it does not enlarge the environment of measured processes.

    Raises:
        ProtocolError: the request is not valid.
    """
    packed = os.environ.pop(REQUEST_VARIABLE, "")
    if not packed and not sys.stdin.isatty():
        packed = sys.stdin.read()
    if packed.strip():
        return unpack_request(packed)
    from lab.agent.default_request import default_request

    return default_request()


def run_in_fresh_interpreter(cell: Dict[str, Any], target: Dict[str, Any]) -> List[str]:
    """Run a cell, and return its lines; the last one is always an end record, even if the process dies or hangs."""
    scratch = tempfile.mkdtemp(prefix="lab-")
    try:
        return _run_in(scratch, cell, target)
    finally:
        _remove_message_queues(scratch)
        shutil.rmtree(scratch, ignore_errors=True)


def _remove_message_queues(scratch: str) -> None:
    """Remove message queues that a killed cell has left; a cell leaves a note in its folder for each queue it makes."""
    names = os.listdir(scratch)
    for beginning, module in QUEUE_NOTES.items():
        if any(name.startswith(beginning) for name in names):
            importlib.import_module("lab.agent.toolkit.channels." + module).remove_left(scratch)


def _run_in(scratch: str, cell: Dict[str, Any], target: Dict[str, Any]) -> List[str]:
    prefix = semaphores.new_prefix()
    with tempfile.TemporaryFile() as complaints:
        started_ns = time.perf_counter_ns()
        process = subprocess.Popen(
            (interpreter.in_users_environment if "own" in cell else interpreter.command)(sys.argv[0], "--cell"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            env={**_environment(cell), "TMPDIR": scratch, "TEMP": scratch, "TMP": scratch},
            start_new_session=True,
        )
        job = job_objects.job_of(process)
        lines = _collect(process, {"cell": cell, "target": target, "semaphores": prefix}, cell["deadline_s"])
        activity = cpu_time.activity_at_deadline(process.pid) if lines is None else ""
        end_tree(process, job)
        complaints.seek(0)
        tail = complaints.read().decode("utf-8", "replace").strip()[-REASON_LIMIT:]
    total_ns = time.perf_counter_ns() - started_ns
    last_kind, last = lines[-1] if lines else ("", "")
    if last_kind != "end":
        semaphores.remove_left(prefix)
    if lines is None:
        reason = "not finished after %g s" % cell["deadline_s"]
        return [_end(cell, "timeout", "; ".join(filter(None, (reason, activity))), total_ns)]
    if last_kind != "end":
        reason = "its process ended with code %s: %s" % (process.returncode, tail)
        calibrations = [text for kind, text in lines if kind == "calibration"]
        return [*calibrations, _end(cell, "failed", reason, total_ns)]
    texts = [text for _, text in lines[:-1]]
    end = decode_line(last)
    expected = end.pop("lines")
    if len(texts) != expected:
        return [_end(cell, "failed", "%d of the %d lines of its process arrived" % (len(texts), expected), total_ns)]
    split = end["split"]
    split["interpreter_ns"] = max(0, split.pop("entered_ns") - started_ns)
    split["total_ns"] = total_ns
    return [*texts, encode_line(end)]


def _environment(cell: Dict[str, Any]) -> Dict[str, str]:
    """The environment of a cell's interpreter: this one's, with what the cell sets (None: removes).

    A function of the user's own is imported in the user's environment, which PYTHONPATH belongs to. Subinterpreters
    find modules only through that variable, so that the folders of the function and of the agent are added to it.
    """
    found = dict(os.environ)
    for name, value in (cell.get("environment") or {}).items():
        found.pop(name, None)
        if value is not None:
            found[name] = value
    if "own" in cell:
        folders = [*cell["own"]["paths"], os.path.abspath(sys.argv[0]), found.get("PYTHONPATH", "")]
        found["PYTHONPATH"] = os.pathsep.join(filter(None, folders))
    return found


def end_tree(process: subprocess.Popen[bytes], job: Optional[job_objects.Job] = None) -> None:
    """End the process and all processes that it started.

    On Windows the job ends all of them. Without a job, taskkill ends the tree of processes whose parents still run.

    On other systems the group gets SIGTERM first. multiprocessing's resource tracker ignores that signal, notices that
    the other processes have ended, and removes their segments and semaphores from /dev/shm. With SIGKILL alone these
    would stay for ever.
    """
    if not hasattr(os, "killpg"):
        if job is not None:
            job.end()
        elif process.poll() is None:
            subprocess.call(["taskkill", "/T", "/F", "/PID", str(process.pid)], stdout=subprocess.DEVNULL)
        process.wait()
        return
    for stop in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, stop)
        if _group_has_ended(process, time.monotonic() + TRACKER_GRACE_S):
            return


def _group_has_ended(process: subprocess.Popen[bytes], limit: float) -> bool:
    """Wait until no process of the group runs, at most until ``limit`` (monotonic seconds); whether none does."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, limit - time.monotonic()))
    if process.returncode is None:
        return False
    while _group_lives(process.pid):
        if time.monotonic() > limit:
            return False
        time.sleep(GROUP_LOOK_S)
    return True


def _group_lives(group: int) -> bool:
    """Whether any process of the group runs; a process that has ended and was not waited for does not count."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass  # an orphan of the group: without an init process, orphans become children of the supervisor
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False  # macOS returns EPERM for a group whose processes have ended and await the init process
    if not os.path.exists("/proc/self/stat"):
        return True
    return any(_runs_in(group, pid) for pid in os.listdir("/proc") if pid.isdigit())


def _runs_in(group: int, pid: str) -> bool:
    """Whether a process belongs to the group and runs (fields 3 and 5 of ``/proc/PID/stat``)."""
    try:
        with open("/proc/%s/stat" % pid, encoding="ascii", errors="replace") as file:
            state, _, its_group = file.read().rpartition(")")[2].split()[:3]
    except (OSError, ValueError):
        return False
    return int(its_group) == group and state not in ENDED_STATES


def _collect(
    process: subprocess.Popen[bytes], request: Dict[str, Any], deadline_s: float
) -> Optional[List[Tuple[str, str]]]:
    """Collect kind and text of a cell's lines until its end record or its death; None if the deadline passes first.

    Blocking threads wait for lines, because a polling loop would wake up during batches and disturb them.
    """
    events: queue.Queue[Optional[bytes]] = queue.Queue()
    threading.Thread(target=_read_lines, args=(process.stdout, events), daemon=True).start()
    threading.Thread(target=_wait, args=(process, events), daemon=True).start()
    with contextlib.suppress(OSError):  # it died before it read; its exit code and standard error show why
        assert process.stdin is not None
        process.stdin.write(json.dumps(request).encode())
        process.stdin.close()
    lines: List[Tuple[str, str]] = []
    limit = time.monotonic() + deadline_s
    ended = False
    while True:
        try:
            text = events.get(timeout=max(0.0, limit - time.monotonic()))
        except queue.Empty:
            return lines if ended else None
        if text is None:
            return lines if ended else lines + _sealed(_left_over(events))
        lines += _sealed([text])
        if not ended and lines and lines[-1][0] == "end":
            ended = True  # let it exit by itself: that removes its semaphores and segments
            limit = time.monotonic() + EXIT_GRACE_S


def _sealed(lines: List[bytes]) -> List[Tuple[str, str]]:
    """Kind and text of the complete lines; a line that a death cut off is left out."""
    found = []
    for line in lines:
        text = line.decode("utf-8", "replace")
        try:
            found.append((kind_of(text), text.rstrip("\n") + "\n"))
        except ProtocolError:
            continue
    return found


def _left_over(events: queue.Queue[Optional[bytes]]) -> List[bytes]:
    """The lines that are still in the pipe of a process that has died without an end record."""
    texts: List[bytes] = []
    while True:
        try:
            text = events.get(timeout=DRAIN_S)
        except queue.Empty:
            return texts
        if text is not None:
            texts.append(text)


def _read_lines(stream: IO[bytes], events: queue.Queue[Optional[bytes]]) -> None:
    with stream:
        for line in stream:
            events.put(line)


def _wait(process: subprocess.Popen[bytes], events: queue.Queue[Optional[bytes]]) -> None:
    process.wait()
    events.put(None)


def _end(cell: Dict[str, Any], status: str, reason: str, total_ns: int = 0) -> str:
    split = {"timed_ns": 0, "warmup_ns": 0, "interpreter_ns": 0, "total_ns": total_ns}
    return encode_line({"kind": "end", "cell": cell["id"], "status": status, "reason": reason, "split": split})


def _write(channel: IO[str], line: Dict[str, Any]) -> None:
    channel.write(encode_line(line))
    channel.flush()
