"""The argument of a scenario's function: the case's axis values, and methods to verify, measure and record."""

from __future__ import annotations

import os
import time
from functools import partial

from lab.agent.facts import bytecode
from lab.agent.facts.build import gil_enabled
from lab.agent.interpreter import isolation
from lab.agent.measuring import batches, meters, placement, quota, system_load
from lab.agent.protocol import STEPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import multiprocessing.context
    from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

    from lab.agent.measuring.batches import Batch, Window

SAME_CPU_BATCH_NS = 10_000_000
CROSS_CPU_BATCH_NS = 30_000_000
PERCENTILES = (("latency_p50", 0.5), ("latency_p99", 0.99), ("latency_p999", 0.999))
LEAST_BEYOND = 10  # a percentile is reported only if at least this many operations lie beyond it
GOLDEN = 2654435769  # 2**32 over the golden ratio maps neighbouring seeds far apart (Knuth, TAOCP 3, 6.4)


class VerificationError(AssertionError):
    """A check of the case failed. The cell gets the status ``failed`` and no time."""


class Unsupported(RuntimeError):
    """The case cannot run on this target. The message is the reason that users read."""


class Untimed:
    """The wall time of a cell that is not timed, in nanoseconds by what it was spent on.

    ``start_ns`` until the first check: starting processes and pools; ``verification_ns`` from there to the first batch;
    ``calibration_ns``; ``warmup_batch_ns`` the batch that is marked as warm-up; ``untimed_ns`` the untimed iterations
    before and in batches; ``reading_ns`` the counters and the system load; ``memory_ns`` the memory of processes. What
    remains of a cell is its end.
    """

    def __init__(self) -> None:
        self.parts: Dict[str, int] = {}
        self._since_ns = time.perf_counter_ns()

    def end(self, part: str, timed_ns: int = 0) -> None:
        """Add the time since the last call to the part, but for ``timed_ns``."""
        now_ns = time.perf_counter_ns()
        self.parts[part] = self.parts.get(part, 0) + max(0, now_ns - self._since_ns - timed_ns)
        self._since_ns = now_ns

    def end_start(self) -> None:
        """End ``start_ns`` at the first check; later checks are part of what they stand in."""
        if not self.parts:
            self.end("start_ns")


class Case:
    """One case on one target in one round."""

    def __init__(self, cell: Dict[str, Any], target: Dict[str, Any], emit: Callable[[Dict[str, Any]], None]) -> None:
        self.values: Dict[str, Any] = cell["values"]
        self.round: int = target["round"]
        self.cpus: List[int] = placement.allowed_cpus() or list(range(os.cpu_count() or 1))
        # Address and key of the server in the second container, if any.
        self.sidecar: Optional[Dict[str, Any]] = target.get("companion")  # word-ok: the request's key
        self.timed_ns = 0
        self.untimed = Untimed()
        self._loops: Dict[str, int] = cell.get("loops") or {}
        self._guesses: Dict[str, int] = cell.get("guesses") or {}
        self._batches: int = target["batches"]
        self._quota: Optional[float] = target.get("quota")
        self._period_ns: int = (target.get("period_us") or 100_000) * 1000
        self._slowdown: float = target.get("inject_slowdown_percent") or 0.0
        self._steps_per_ms: Optional[int] = target.get(STEPS)
        self._seed: int = cell["seed"]
        self._own_cgroup: bool = target["own_cgroup"]
        self._meters = meters.Meters(self._own_cgroup)
        self._system_load = system_load.SystemLoad()
        self._read: List[Tuple[Dict[str, Any], system_load.Reading, system_load.Reading, int]] = []
        self._emit = emit
        self._columns: Dict[str, Any] = {}
        self._bound: Optional[Dict[str, Any]] = None

    def __getitem__(self, axis: str) -> Any:
        return self.values[axis]

    def context(self) -> multiprocessing.context.BaseContext:
        """The multiprocessing context of this case's start method.

        Raises:
            Unsupported: this system does not have the start method.
        """
        import multiprocessing

        method = self.values.get("start_method") or default_helper_method()
        if method == "default":
            return multiprocessing.get_context()
        if method not in multiprocessing.get_all_start_methods():
            raise Unsupported("the start method %s does not exist on this system" % method)
        self.describe(start_method=method)
        return multiprocessing.get_context(method)

    def sides(self) -> Any:
        """CPUs of the parent and of the child for this case's placement (None: unbound).

        Raises:
            Unsupported: the placement is not possible on this target.
        """
        try:
            mine, theirs = placement.sides(self.values["placement"], self.round)
        except placement.PlacementError as error:
            raise Unsupported(str(error)) from None
        self._note_bound([*(mine or []), *(theirs or [])])
        return mine, theirs

    def team_cpus(self, size: int) -> Optional[List[int]]:
        """CPUs that the members of a team are bound to in turn, one thread per core first; None: unbound."""
        found = placement.team_cpus()
        self._note_bound((found or [])[:size])
        return found

    def _note_bound(self, cpus: List[int]) -> None:
        """Keep for the raw lines the CPUs that processes are bound to, and whether their cores are known."""
        if cpus:
            self._bound = {"cpus": cpus, "cores": "known" if placement.are_cores_known(cpus) else "unknown"}

    def steps(self, task_ns: int) -> int:
        """Number of steps of ``lab.agent.toolkit.work.spin`` in a task of this length; at least one.

        All targets of a run get the steps that take so long on the first of them, so that a slower Python does the same
        work and takes longer. The raw lines record how many there are in a millisecond.
        """
        if self._steps_per_ms is None:
            raise ValueError("the request has no %s, which the supervisor adds" % STEPS)
        self._emit({"kind": "calibration", "operation": STEPS, "loops": self._steps_per_ms})
        return max(1, round(task_ns * self._steps_per_ms / 1_000_000))

    def describe(self, **columns: Any) -> None:
        """Set columns of samples.csv (tasks, chunksize, start_method) for all samples recorded from now on."""
        self._columns.update(columns)

    def verify(self, correct: bool, complaint: str) -> None:
        """Raise ``VerificationError`` with ``complaint`` unless ``correct``, so that wrong results never get a time."""
        self.untimed.end_start()
        if not correct:
            raise VerificationError(complaint)

    def verify_workers(self, observed: Iterable[Dict[str, Any]], parent: Optional[int]) -> None:
        """Check what workers report about themselves (see ``observe``): identity, limits, GIL, isolation, bytecode.

        ``parent`` is the process id that each worker must have as its parent, or None where a server forks them.
        """
        self.untimed.end_start()
        mine = observe()
        seen = {worker["pid"]: worker for worker in observed}
        self.verify(mine["pid"] not in seen, "a worker has the process id of its parent")
        for worker in seen.values():
            if parent is not None:
                self.verify(worker["ppid"] == parent, "a worker's getppid() is not its parent's getpid()")
            self.verify(worker["gil"] == mine["gil"], "a worker's GIL is not in the same state as its parent's")
            self.verify(
                tuple(worker["isolation"]) == mine["isolation"],
                "a worker has other interpreter flags than its parent; start it with lab.agent.interpreter.command",
            )
            self.verify(set(worker["cpus"] or []) <= set(self.cpus), "a worker may run on CPUs %s" % (worker["cpus"],))
            self.verify(
                not worker["uncached"],
                "a child found no cached bytecode for %s and compiled it" % ", ".join(worker["uncached"][:3]),
            )

    def parent_of_workers(self) -> Optional[int]:
        """Process id that getppid() returns in workers of this process; None where a server forks them."""
        return None if self._used_method() == "forkserver" else os.getpid()

    def _used_method(self) -> str:
        import multiprocessing

        method: str = self.values.get("start_method") or default_helper_method()
        return multiprocessing.get_all_start_methods()[0] if method == "default" else method

    def measure(
        self,
        operation: str,
        batch: Batch,
        *,
        step: int = 1,
        bytes_each: int = 0,
        least_warm_up: int = 0,
        takes_turns: bool = False,
        check: Optional[Callable[[], None]] = None,
    ) -> None:
        """Calibrate, record one warm-up batch, then time batches, each after a short untimed warm-up.

        Each batch becomes one sample line per operation: a batch that returns several times measures several
        operations.

        Args:
            operation: name of the operation that the batch's first (or only) time belongs to.
            batch: see ``lab.agent.measuring.batches``.
            step: the number of loops is a multiple of this. One call of a ``map`` of 32 tasks, whose loops count
                tasks, has a step of 32.
            bytes_each: bytes that one operation moves. If given, the throughput in bytes/s of each batch is recorded
                as well.
            least_warm_up: least number of untimed loops before each batch. It serves batches of few long operations,
                which would have none.
            takes_turns: whether several threads of a process work at once and yield to one another. If so, each
                warm-up before a batch has another length.
            check: called after the warm-up batch, to verify its results before anything is timed. So a job of a large
                part of a second needs no run that serves its verification alone.
        """
        self.untimed.end("verification_ns")
        batch = batches.slowed(batch, self._slowdown)
        loops, warm_ns, warm_loops = self._warm_up(operation, batch, step)
        if check:
            check()
            self.untimed.end("verification_ns")
        times = []
        if self._quota:
            counters, period_ns = self._meters.of_group, self._period_ns
            under = quota.Windows(batch, loops, step, counters=counters, quota=self._quota, period_ns=period_ns)
            times = [
                self._sample(operation, under.window, loops, index=index, warmup=0, warm_up=under.warm_up)
                for index in range(self._batches)
            ]
            under.verify()
        else:
            for index, phase in enumerate(self._phases() if takes_turns else [0.0] * self._batches):
                before = batches.warm_up_loops(loops, step, warm_ns * step / warm_loops, phase)
                warm_up = partial(untimed, batch, max(least_warm_up, before))
                times.append(self._sample(operation, plain(batch), loops, index=index, warmup=0, warm_up=warm_up))
        for index, (elapsed_ns, done) in enumerate(times if bytes_each else ()):
            rate = bytes_each * done * 1e9 / max(1, elapsed_ns)
            self.record(operation, "throughput", rate, index=index, unit="bytes/s", loops=done)

    def _warm_up(self, operation: str, batch: Batch, step: int) -> Tuple[int, int, int]:
        """Find the loops of a batch and record its warm-up batch; return those loops, and time (ns) and loops of this.

        The batch that verifies a remembered number of loops is the warm-up batch at the same time.
        """
        loops, guess = self._loops.get(operation), self._guesses.get(operation, 0)
        target_ns = self._batch_target_ns() if loops is None else 0.0
        warm_ups = 0
        if loops is None and guess and not self._quota:
            guess = batches.multiple(guess, step)
            warm_ns, _ = self._sample(operation, plain(batch), guess, index=0, warmup=1)
            loops = batches.verified_loops(guess, warm_ns, target_ns, step)
            if loops is not None:
                self._emit({"kind": "calibration", "operation": operation, "loops": loops})
                return loops, warm_ns, guess
            warm_ups, guess = 1, 0
        if loops is None:
            loops = self._calibrate(batch, step, target_ns, guess)
            self._emit({"kind": "calibration", "operation": operation, "loops": loops})
            self.untimed.end("calibration_ns")
        # Under a quota a whole window of warm-up would double the cell's duration without a further effect.
        warm_loops = max(1, round(loops / 10 / step)) * step if self._quota else loops
        warm_ns, _ = self._sample(operation, plain(batch), warm_loops, index=warm_ups, warmup=1)
        return loops, warm_ns, warm_loops

    def record(self, operation: str, metric: str, value: float, *, index: int = 0, **columns: Any) -> None:
        """Record one sample that is not a timed batch: a count, a size, a rate or a percentile.

        ``columns`` are further columns of samples.csv for this sample alone.
        """
        line = {"kind": "sample", "operation": operation, "metric": metric, "value": value}
        line.update({"sample": index, "warmup": 0, "columns": {**self._columns, **columns}})
        self._emit(line)

    def record_time(self, operation: str, elapsed_ns: int, *, loops: int = 1, index: int = 0) -> None:
        """Record a time that the scenario took itself, of ``loops`` operations, without calibration or warm-up."""
        line = {"kind": "sample", "operation": operation, "loops": loops, "elapsed_ns": elapsed_ns}
        line.update({"sample": index, "warmup": 0, "columns": dict(self._columns)})
        self._emit(line)

    def record_latencies(self, operation: str, times_ns: List[int]) -> None:
        """Record percentiles of the times of single operations, each only if ten or more operations lie beyond it."""
        ordered = sorted(times_ns)
        for metric, share in PERCENTILES:
            beyond = round(len(ordered) * (1 - share))
            if beyond >= LEAST_BEYOND:
                self.record(operation, metric, ordered[len(ordered) - beyond - 1], loops=len(ordered))

    def record_memory(self, pids: Iterable[int]) -> None:
        """Record the largest PSS among the processes, in bytes, if ``/proc`` reports it."""
        self.untimed.end("verification_ns")
        sizes = meters.pss_sizes(set(pids))
        self.untimed.end("memory_ns")
        if sizes:
            self.record("worker_memory", "pss", max(sizes))

    def record_memory_of(self, operation: str, pid: int, *, index: int = 0) -> Dict[str, int]:
        """Record and return PSS and USS of one process, in bytes; empty if ``/proc`` does not report them."""
        self.untimed.end("verification_ns")
        sizes = meters.memory_of(pid)
        self.untimed.end("memory_ns")
        for metric, size in sizes.items():
            self.record(operation, metric, size, index=index)
        return sizes

    def close(self) -> None:
        """Close the counter files, and add the system load to the line of every batch."""
        self._meters.close()
        self._system_load.close()
        for line, before, after, batch_cpu_ns in self._read:
            cpu_ns: Optional[int] = line["spent"].get("cpu_ns")
            if cpu_ns is not None:
                cpu_ns += after.cpu_ns - before.cpu_ns - batch_cpu_ns  # CPU time of the readings themselves
                cpu_ns += 0 if self._own_cgroup else system_load.inherited_cpu_ns(before, after)
            # The second container works for this cell on the same CPUs; its CPU time cannot be separated from
            # that of other processes, so the cell's own CPU time is unknown.
            line["around"] = system_load.load_between(before, after, None if self.sidecar else cpu_ns)
        self._read.clear()

    def _phases(self) -> List[float]:
        """Extra warm-up before each batch, as a share of the batch: evenly spread from a start given by the seed."""
        first = (self._seed * GOLDEN & 0xFFFFFFFF) / 2**32
        return [(first + index / self._batches) % 1 for index in range(self._batches)]

    def _minor_faults(self) -> Dict[str, int]:
        """The page faults of all processes, where the cost depends on the allocator; otherwise empty."""
        found = meters.minor_faults(meters.process_tree()) if self.values.get("allocator") else None
        return {} if found is None else {"minor_faults": found}

    def _batch_target_ns(self) -> float:
        if self._quota:
            return quota.WINDOW_PERIODS * quota.MARGIN * self._period_ns
        # The target's CPUs count, not the present affinity: in ``cross_cpu`` each side is bound to one CPU.
        one_cpu = self.values.get("placement") == "same_cpu" or len(self.cpus) == 1
        return batches.batch_target_ns(SAME_CPU_BATCH_NS if one_cpu else CROSS_CPU_BATCH_NS)

    def _calibrate(self, batch: Batch, step: int, target_ns: float, guess: int = 0) -> int:
        if not self._quota:
            return batches.calibrate(batch, target_ns, step, guess=guess)
        allowed = self._quota

        def cost_under_quota(loops: int) -> float:
            before = self._meters.before()
            elapsed = batches.primary(batch(loops))
            spent = meters.difference(self._meters.after(), before)
            unthrottled = elapsed - spent.get("throttled_ns", 0)
            return max(float(unthrottled), spent.get("cpu_ns", 0) / allowed)

        # A tenth of the window suffices to measure the CPU time of an operation.
        tenth = batches.calibrate(batch, target_ns / 10, step, cost_under_quota, guess / 10)
        if tenth > step:
            return tenth * 10
        return batches.calibrate(batch, target_ns, step, cost_under_quota)

    def _sample(
        self,
        operation: str,
        window: Window,
        loops: int,
        *,
        index: int,
        warmup: int,
        warm_up: Optional[Callable[[], Tuple[int, int]]] = None,
    ) -> Tuple[int, int]:
        """Time one batch and emit its lines; return the ns of its primary operation and the number of loops timed.

        The batch must follow its ``warm_up`` immediately, so the counters are read before that and cover both:
        ``spent_loops`` is the sum. A warm-up returns its loops and the CPU time in ns that it spent otherwise.
        """
        load_before = self._system_load.read()
        faults = self._minor_faults()
        before = self._meters.before()
        cpu_ns = time.process_time_ns()
        self.untimed.end("reading_ns")
        untimed_loops, other_ns = warm_up() if warm_up else (0, 0)
        elapsed, loops = window(loops)
        longest_ns = max(elapsed.values()) if isinstance(elapsed, dict) else elapsed
        self.untimed.end("warmup_batch_ns" if warmup else "untimed_ns", 0 if warmup else longest_ns)
        cpu_ns = time.process_time_ns() - cpu_ns
        spent = meters.difference(self._meters.after(), before)
        if "cpu_ns" in spent:
            spent["cpu_ns"] = max(0, spent["cpu_ns"] - other_ns)
        spent.update(meters.difference(self._minor_faults(), faults))
        load_after = self._system_load.read()
        self.untimed.end("reading_ns")
        by_operation = elapsed if isinstance(elapsed, dict) else {operation: elapsed}
        if not warmup:
            self.timed_ns += longest_ns
        for name, elapsed_ns in by_operation.items():
            line: Dict[str, Any] = {"kind": "sample", "operation": name, "loops": loops, "elapsed_ns": elapsed_ns}
            line.update({"sample": index, "warmup": warmup, "columns": dict(self._columns)})
            if name == operation:  # the counters cover the whole batch, so its primary operation carries them
                line["spent"] = spent
                line["spent_loops"] = loops + untimed_loops
                self._read.append((line, load_before, load_after, cpu_ns))
                if self._bound:
                    line["bound_to"] = self._bound
                if self.values.get("placement") == "free":
                    line["ran_on"] = placement.last_cpus(meters.process_tree())
            self._emit(line)
        return batches.primary(elapsed), loops


def plain(batch: Batch) -> Window:
    """A window that is one batch."""
    return lambda loops: (batch(loops), loops)


def untimed(batch: Batch, loops: int) -> Tuple[int, int]:
    """Run a batch, unless it has no loops, without using its time; return its loops and 0, as a warm-up does."""
    if loops:
        batch(loops)
    return loops, 0


def default_helper_method() -> str:
    """Start method of the other process where the start itself is not measured: fork if it is usual, else spawn."""
    import multiprocessing

    methods = multiprocessing.get_all_start_methods()
    return "fork" if "fork" in methods and methods[0] != "spawn" else "spawn"


def observe(parent: bool = True) -> Dict[str, Any]:
    """Describe this process: ids, allowed CPUs, GIL, interpreter flags, modules imported without cached bytecode.

    Pass ``parent=False`` where this may be a container's first process. There CPython 3.13 for Windows falls back to
    PssCaptureSnapshot in getppid() and dies, because Wine 10 does not have that function.
    """
    import sys

    return {
        "pid": os.getpid(),
        "ppid": os.getppid() if parent else None,
        "cpus": placement.allowed_cpus(),
        "gil": gil_enabled(),
        "isolation": isolation(),
        "uncached": bytecode.uncached_modules(),
        "modules": len(sys.modules),
    }
