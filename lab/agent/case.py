"""What a scenario's function is given: the case's values, and the ways to check, to measure and to give up."""

from __future__ import annotations

import os
import time

from lab.agent.facts import bytecode
from lab.agent.interpreter import isolation
from lab.agent.measuring import batches, meters, placement, system_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    import multiprocessing.context
    from typing import Any, Callable, Dict, Iterable, List, Optional, Tuple

    from lab.agent.measuring.batches import Batch, Window

SAME_CPU_BATCH_NS = 10_000_000
CROSS_CPU_BATCH_NS = 30_000_000
QUOTA_PERIODS = 10  # a shorter window is bimodal under a quota, and its median hides the quota
PERCENTILES = (("latency_p50", 0.5), ("latency_p99", 0.99), ("latency_p999", 0.999))
LEAST_BEYOND = 10  # operations beyond a percentile that is reported
GOLDEN = 2654435769  # 2**32 over the golden ratio: neighbouring seeds come to lie far apart (Knuth, TAOCP 3, 6.4)
QUOTA_MARGIN = 1.1  # the windows shall hold ten whole periods whatever the calibration missed by


class VerificationError(AssertionError):
    """The case does not do what it says; it gets no time."""


class Unsupported(RuntimeError):
    """The case cannot run on this target; the message is a reason that a user understands."""


class Case:
    """One case on one target in one round."""

    def __init__(self, cell: Dict[str, Any], target: Dict[str, Any], emit: Callable[[Dict[str, Any]], None]) -> None:
        self.values: Dict[str, Any] = cell["values"]
        self.round: int = target["round"]
        self.cpus: List[int] = placement.allowed_cpus() or list(range(os.cpu_count() or 1))
        self.companion: Optional[Dict[str, Any]] = target.get("companion")  # address and key of the second container's
        self.timed_ns = 0
        self._loops: Dict[str, int] = cell.get("loops") or {}
        self._batches: int = target["batches"]
        self._quota: Optional[float] = target.get("quota")
        self._period_ns: int = (target.get("period_us") or 100_000) * 1000
        self._slowdown: float = target.get("inject_slowdown_percent") or 0.0
        self._seed: int = cell["seed"]
        self._own_cgroup: bool = target["own_cgroup"]
        self._meters = meters.Meters(self._own_cgroup)
        self._surroundings = system_load.Surroundings()
        self._read: List[Tuple[Dict[str, Any], system_load.Reading, system_load.Reading, int]] = []
        self._emit = emit
        self._columns: Dict[str, Any] = {}

    def __getitem__(self, axis: str) -> Any:
        return self.values[axis]

    def context(self) -> multiprocessing.context.BaseContext:
        """The start method of this case; ``Unsupported`` where this system does not have it."""
        import multiprocessing

        method = self.values.get("start_method") or default_helper_method()
        if method == "default":
            return multiprocessing.get_context()
        if method not in multiprocessing.get_all_start_methods():
            raise Unsupported("the start method %s does not exist on this system" % method)
        self.describe(start_method=method)
        return multiprocessing.get_context(method)

    def sides(self) -> Any:
        """CPUs of the parent and the child for this case's placement; ``Unsupported`` where it cannot be had."""
        try:
            return placement.sides(self.values["placement"], self.round)
        except placement.PlacementError as error:
            raise Unsupported(str(error)) from None

    def describe(self, **columns: Any) -> None:
        """Set columns of samples.csv that hold for all samples that follow (tasks, chunksize, start_method)."""
        self._columns.update(columns)

    def verify(self, correct: bool, complaint: str) -> None:
        """Fail the case with ``complaint`` unless ``correct``: a wrong result is never a time."""
        if not correct:
            raise VerificationError(complaint)

    def verify_workers(self, observed: Iterable[Dict[str, Any]], parent: Optional[int]) -> None:
        """Check what workers say of themselves (see ``observe``): identity, limits, GIL, isolation, bytecode.

        ``parent`` is the process id that each must have as its parent, or None where a server forks them.
        """
        mine = observe()
        seen = {worker["pid"]: worker for worker in observed}
        self.verify(mine["pid"] not in seen, "a worker has the process id of its parent")
        for worker in seen.values():
            if parent is not None:
                self.verify(worker["ppid"] == parent, "a worker's getppid() is not its parent's getpid()")
            self.verify(worker["gil"] == mine["gil"], "the GIL is not as in the parent in a worker")
            self.verify(
                tuple(worker["isolation"]) == mine["isolation"],
                "a worker has other interpreter flags than its parent; start it by lab.agent.interpreter.command",
            )
            self.verify(set(worker["cpus"] or []) <= set(self.cpus), "a worker may run on CPUs %s" % (worker["cpus"],))
            self.verify(
                not worker["uncached"],
                "a child compiled %s: no cached bytecode" % ", ".join(worker["uncached"][:3]),
            )

    def parent_of_workers(self) -> Optional[int]:
        """What getppid() gives in workers that this process starts: its own id; None where a server forks them."""
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
        run_in: int = 0,
        takes_turns: bool = False,
    ) -> None:
        """Calibrate once, warm up, then time batches, each after a short run-in; one sample line each.

        ``step``: operations that one call of the batch cannot be cut below (the tasks of one ``map``); loops are
        counted in operations. A batch that returns several numbers is several operations. ``bytes_each``: what one
        operation moves; the bytes a second of each batch stand beside its time. ``run_in``: how many untimed
        operations at least, where a batch of few long operations would have none. ``takes_turns``: several threads of a
        process are at work at once and give way to one another; each run-in then has another length.
        """
        batch = batches.slowed(batch, self._slowdown)
        loops = self._loops.get(operation)
        if loops is None:
            loops = self._calibrate(batch, step, self._batch_target_ns())
            self._emit({"kind": "calibration", "operation": operation, "loops": loops})
        # Under a quota a whole window of warm-up would double the cost of a cell and warms nothing further.
        warm_loops = max(1, round(loops / 10 / step)) * step if self._quota else loops
        warm_ns, _ = self._sample(operation, batches.at_least(batch, 0, step), warm_loops, index=0, warmup=1)
        window = batches.at_least(batch, QUOTA_PERIODS * self._period_ns if self._quota else 0, step)
        phases = self._phases() if takes_turns else [0.0] * self._batches
        for index, (offset_s, phase) in enumerate(zip(self._offsets_s(), phases)):
            if offset_s:
                time.sleep(offset_s)
            before = batches.run_in_loops(loops, step, warm_ns * step / warm_loops, phase)
            before = 0 if self._quota else max(run_in, before)
            elapsed_ns, done = self._sample(operation, window, loops, index=index, warmup=0, run_in=before)
            if bytes_each:
                rate = bytes_each * done * 1e9 / max(1, elapsed_ns)
                self.record(operation, "throughput", rate, index=index, unit="bytes/s", loops=done)

    def record(self, operation: str, metric: str, value: float, *, index: int = 0, **columns: Any) -> None:
        """One sample that is no batch: a count, a size, a rate, a percentile; ``columns`` as in ``describe``."""
        line = {"kind": "sample", "operation": operation, "metric": metric, "value": value}
        line.update({"sample": index, "warmup": 0, "columns": {**self._columns, **columns}})
        self._emit(line)

    def record_time(self, operation: str, elapsed_ns: int, *, loops: int = 1, index: int = 0) -> None:
        """One time that the scenario took itself, of ``loops`` operations; it has no warm-up and no calibration."""
        line = {"kind": "sample", "operation": operation, "loops": loops, "elapsed_ns": elapsed_ns}
        line.update({"sample": index, "warmup": 0, "columns": dict(self._columns)})
        self._emit(line)

    def record_latencies(self, operation: str, times_ns: List[int]) -> None:
        """Percentiles of single operations (``loops`` of them), each only where ten or more lie beyond it."""
        ordered = sorted(times_ns)
        for metric, share in PERCENTILES:
            beyond = round(len(ordered) * (1 - share))
            if beyond >= LEAST_BEYOND:
                self.record(operation, metric, ordered[len(ordered) - beyond - 1], loops=len(ordered))

    def record_memory(self, pids: Iterable[int]) -> None:
        """The largest PSS among the workers, in bytes, where ``/proc`` tells."""
        sizes = meters.peak_pss(set(pids))
        if sizes:
            self.record("worker_memory", "pss", max(sizes))

    def record_memory_of(self, operation: str, pid: int, *, index: int = 0) -> Dict[str, int]:
        """PSS and USS of one process, in bytes, where ``/proc`` tells."""
        sizes = meters.memory_of(pid)
        for metric, size in sizes.items():
            self.record(operation, metric, size, index=index)
        return sizes

    def close(self) -> None:
        """Release the counter files, and say of every batch what went on around it."""
        self._meters.close()
        self._surroundings.close()
        for line, before, after, batch_cpu_ns in self._read:
            cpu_ns: Optional[int] = line["spent"].get("cpu_ns")
            if cpu_ns is not None:
                cpu_ns += after.cpu_ns - before.cpu_ns - batch_cpu_ns  # what reading cost between the two
                cpu_ns += 0 if self._own_cgroup else system_load.inherited_cpu_ns(before, after)
            # What a second container does on these CPUs is the cell's own, and cannot be told from others' load.
            line["around"] = system_load.around(before, after, None if self.companion else cpu_ns)
        self._read.clear()

    def _offsets_s(self) -> List[float]:
        """Seconds to wait before each batch: under a quota windows start anywhere in a period, else at once."""
        if not self._quota:
            return [0.0] * self._batches
        import random

        offsets = random.Random(self._seed)  # noqa: S311 - the offsets shall be the same on every compared target
        return [offsets.random() * self._period_ns / 1e9 for _ in range(self._batches)]

    def _phases(self) -> List[float]:
        """By what share of a batch each one's run-in is longer: spread evenly, from a start that the seed gives."""
        first = (self._seed * GOLDEN & 0xFFFFFFFF) / 2**32
        return [(first + index / self._batches) % 1 for index in range(self._batches)]

    def _batch_target_ns(self) -> float:
        if self._quota:
            return QUOTA_PERIODS * QUOTA_MARGIN * self._period_ns
        # By the target's CPUs, not by the affinity of now: across CPUs each side is bound to one.
        one_cpu = self.values.get("placement") == "same_cpu" or len(self.cpus) == 1
        return batches.long_enough_ns(SAME_CPU_BATCH_NS if one_cpu else CROSS_CPU_BATCH_NS)

    def _calibrate(self, batch: Batch, step: int, target_ns: float) -> int:
        if not self._quota:
            return batches.calibrate(batch, target_ns, step)
        quota = self._quota

        def cost_under_quota(loops: int) -> float:
            before = self._meters.before()
            elapsed = batches.primary(batch(loops))
            spent = meters.difference(self._meters.after(), before)
            unthrottled = elapsed - spent.get("throttled_ns", 0)
            return max(float(unthrottled), spent.get("cpu_ns", 0) / quota)

        # A tenth of the window is enough to see the CPU time of an operation.
        tenth = batches.calibrate(batch, target_ns / 10, step, cost_under_quota)
        if tenth > step:
            return tenth * 10
        return batches.calibrate(batch, target_ns, step, cost_under_quota)

    def _sample(
        self, operation: str, window: Window, loops: int, *, index: int, warmup: int, run_in: int = 0
    ) -> Tuple[int, int]:
        """Time one batch and write its lines; the nanoseconds of its primary operation and how many loops they were.

        The counters cover the ``run_in`` too, which nothing may stand behind but the batch: ``spent_loops`` are both.
        """
        surroundings_before = self._surroundings.read()
        before = self._meters.before()
        cpu_ns = time.process_time_ns()
        if run_in:
            window(run_in)
        elapsed, loops = window(loops)
        cpu_ns = time.process_time_ns() - cpu_ns
        spent = meters.difference(self._meters.after(), before)
        surroundings_after = self._surroundings.read()
        by_operation = elapsed if isinstance(elapsed, dict) else {operation: elapsed}
        if not warmup:
            self.timed_ns += max(by_operation.values())
        for name, elapsed_ns in by_operation.items():
            line: Dict[str, Any] = {"kind": "sample", "operation": name, "loops": loops, "elapsed_ns": elapsed_ns}
            line.update({"sample": index, "warmup": warmup, "columns": dict(self._columns)})
            if name == operation:  # the counters cover the whole batch, so they stand with its primary operation
                line["spent"] = spent
                line["spent_loops"] = loops + run_in
                self._read.append((line, surroundings_before, surroundings_after, cpu_ns))
                if self.values.get("placement") == "free":
                    line["ran_on"] = placement.last_cpus(meters.process_tree())
            self._emit(line)
        return batches.primary(elapsed), loops


def default_helper_method() -> str:
    """How the other side of a measurement is started where starting is not what is measured."""
    import multiprocessing

    methods = multiprocessing.get_all_start_methods()
    return "fork" if "fork" in methods and methods[0] != "spawn" else "spawn"


def observe(parent: bool = True) -> Dict[str, Any]:
    """What this process says of itself: identity, CPUs, GIL, isolation, modules compiled because no cache was found.

    Without its ``parent`` where it may be a container's first process: CPython 3.13 for Windows then falls back to
    PssCaptureSnapshot, which Wine 10 does not have, and dies.
    """
    import sys

    return {
        "pid": os.getpid(),
        "ppid": os.getppid() if parent else None,
        "cpus": placement.allowed_cpus(),
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "isolation": isolation(),
        "uncached": bytecode.uncached_modules(),
        "modules": len(sys.modules),
    }
