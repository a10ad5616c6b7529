"""Measures one cell of a user's own function; its ``values["mode"]`` says what is measured.

``probe``     which executors this interpreter has
``items``     one serial pass: durations and sizes of the items; keeps the results that later passes must equal
``pass``      one pass by a choice, from the start of its pool to its end; results are compared afterwards
``timeline``  one more pass, which says which worker ran which item when
"""

from __future__ import annotations

import contextlib
import os
import pickle
import sys
import time

from lab.agent.measuring import meters
from lab.agent.own import executors, results
from lab.agent.own.code import Fault, ProcessStarts, described, load, own_traceback

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Dict, Iterator, List, Tuple

    from lab.agent.own.code import Code

TRIED = 3  # items that estimate how many a limit allows, and are run a second time
AGAIN_NS = 1_000_000_000  # the second time is spared where it would take longer
KEPT = "results.pickle"
COLUMNS = ("executor", "start_method", "workers", "chunksize")


def run_cell(cell: Dict[str, Any], target: Dict[str, Any]) -> Tuple[List[Dict[str, Any]], str, str, Dict[str, int]]:
    """Measure the cell; its lines, status, reason and split, as ``lab.agent.cell.run_cell`` returns them."""
    lines: List[Dict[str, Any]] = []
    began_ns = time.perf_counter_ns()
    timed_ns, status, reason = 0, "ok", ""
    own, values = cell["own"], cell["values"]
    try:
        if values["mode"] == "probe":
            lines.append({"kind": "own", "unavailable": executors.unavailable()})
        else:
            code = load(own)
            if values["mode"] == "items":
                lines.append({"kind": "own", **serial_pass(code, own, values)})
            else:
                timed_ns = one_pass(code, own, values, target["own_cgroup"], lines)
    except Fault as fault:
        status, reason = "failed", str(fault)
    except BaseException as error:  # the user's code may raise anything
        status, reason = "failed", why(error, values) + "\n" + own_traceback()
    total_ns = time.perf_counter_ns() - began_ns
    return lines if status == "ok" else [], status, reason, {"timed_ns": timed_ns, "warmup_ns": total_ns - timed_ns}


def why(error: BaseException, values: Dict[str, Any]) -> str:
    """One sentence about what an executor or the function raised."""
    text = described(error)
    if "daemonic processes are not allowed to have children" in text:
        return (
            "the function starts processes itself, which workers of a Pool may not: use ProcessPoolExecutor or threads"
        )
    if isinstance(error, MemoryError):
        return "%s ran out of memory: use fewer workers" % values["executor"]
    if type(error).__name__ in ("BrokenProcessPool", "TerminatedWorkerError"):
        return "a worker died (%s), as when the system ends it for its memory: use fewer workers" % text
    return "%s raises %s" % (values["executor"], text)


def chosen(total: int, count: int) -> List[int]:
    """Indexes of ``count`` items, spread evenly over all; all of them for 0."""
    if not 0 < count < total:
        return list(range(total))
    return [index * total // count for index in range(count)]


def serial_pass(code: Code, own: Dict[str, Any], values: Dict[str, Any]) -> Dict[str, Any]:
    """Durations (ns) and pickled sizes (bytes) of the items, in their order, and what the function was seen to do.

    Raises:
        Fault: the function raises, or returns something else each time.
    """
    limit_ns = values["limit_s"] * 1e9 if values.get("limit_s") else float("inf")
    before = process_state()
    with caught_output() as printed, ProcessStarts() as started:
        if code.init is not None:
            code.init()
        tried = chosen(len(code.items), TRIED)
        found, times_ns = {}, {}
        for index in tried:
            found[index], times_ns[index] = timed(code, index)
        if own["check"] != "none" and sum(times_ns.values()) < AGAIN_NS:
            for index in tried:
                check_repeats(code, index, found[index], own["check"])
        allowed = limit_ns / max(1.0, sum(times_ns.values()) / len(tried))
        indexes = chosen(len(code.items), 0 if allowed >= len(code.items) else max(len(tried), int(allowed)))
        began_ns = time.perf_counter_ns()
        done = []
        for index in indexes:  # the first ones again, now that they are warm
            found[index], times_ns[index] = timed(code, index)
            done.append(index)
            if time.perf_counter_ns() - began_ns > 2 * limit_ns:
                break
    kept = results.keep(os.path.join(own["folder"], KEPT), {index: found[index] for index in done})
    warnings = ["it prints; what it prints is left out" if printed() else "", *changes(before, process_state())]
    if started:
        warnings.append("it starts processes itself (%s), which workers of a Pool may not" % started[0])
    if own["check"] != "none" and kept < len(done):
        warnings.append(
            "only %d of %d results are compared: the rest is too large or cannot be pickled" % (kept, len(done))
        )
    return {
        "durations_ns": [times_ns[index] for index in done],
        "argument_bytes": [size(code.items[index]) for index in done],
        "result_bytes": [size(found[index]) for index in done],
        "import_ns": code.import_ns,
        "total": len(code.items),
        "warnings": [text for text in warnings if text],
    }


def timed(code: Code, index: int) -> Tuple[Any, int]:
    """The function's result for an item, and its time in ns.

    Raises:
        Fault: the function raises.
    """
    began_ns = time.perf_counter_ns()
    try:
        result = code.function(code.items[index])
    except BaseException as error:
        raise Fault(
            "the function raises %s for item %d, %s: mend it, or leave that item out\n%s"
            % (described(error), index, results.shown(code.items[index]), own_traceback())
        ) from None
    return result, time.perf_counter_ns() - began_ns


def check_repeats(code: Code, index: int, first: Any, check: str) -> None:
    """Call the function again for an item.

    Raises:
        Fault: it returns something else.
    """
    second, _ = timed(code, index)
    if not results.equal(first, second, check == "approx"):
        raise Fault(
            "the function returns something else each time (item %d: first %s, then %s), so results of pools cannot be "
            "compared: fix its random seed, or give --check approx or --check none"
            % (index, results.shown(first), results.shown(second))
        )


def size(thing: Any) -> int:
    """Size of the pickled thing in bytes; 0 where it cannot be pickled."""
    try:
        return len(pickle.dumps(thing))
    except Exception:
        return 0


def process_state() -> Dict[str, Any]:
    """What a function may change beside its result, as far as it can be seen cheaply."""
    return {
        "the current folder": os.getcwd(),
        "environment variables": dict(os.environ),
        "sys.path": list(sys.path),
        "the files of the current folder": sorted(os.listdir()),
    }


def changes(before: Dict[str, Any], after: Dict[str, Any]) -> List[str]:
    """A sentence for each difference."""
    return ["it changes %s, which processes do not share" % name for name in before if before[name] != after[name]]


@contextlib.contextmanager
def caught_output() -> Iterator[Callable[[], bool]]:
    """Send what is printed to a file; calling the value afterwards says whether anything was."""
    import tempfile

    sys.stdout.flush()
    kept, seen = os.dup(1), [0]
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 1)
        try:
            yield lambda: seen[0] > 0
        finally:
            sys.stdout.flush()
            seen[0] = os.fstat(file.fileno()).st_size
            os.dup2(kept, 1)
            os.close(kept)


def one_pass(
    code: Code, own: Dict[str, Any], values: Dict[str, Any], own_cgroup: bool, lines: List[Dict[str, Any]]
) -> int:
    """Run one pass or one timeline and add its lines; the timed ns.

    Raises:
        Fault: a result is not the serial one's.
    """
    indexes = chosen(len(code.items), values.get("count") or 0)
    items = [code.items[index] for index in indexes]
    spans = values["mode"] == "timeline"
    function = executors.Spanned(code.function) if spans else code.function
    note = os.path.join(os.environ["TMPDIR"], "ready")
    counters = meters.Meters(own_cgroup)
    seen: Dict[str, Any] = {}

    def look() -> None:
        seen.update(meters.difference(counters.after(), before))
        seen["memory"] = meters.peak_memory(meters.process_tree())

    before = counters.before()
    origin_ns = time.monotonic_ns()
    done = executors.run(values, code, function, items, note=note, look=look)
    counters.close()
    if spans:
        lines.append({"kind": "own", "spans": numbered(done.results, indexes, origin_ns)})
        return done.map_ns + done.end_ns
    difference = results.first_difference(os.path.join(own["folder"], KEPT), indexes, done.results, own["check"])
    if difference:
        raise Fault("%s gives another result than the serial pass: %s" % (values["executor"], difference))
    columns = {name: values[name] for name in COLUMNS if values[name]}
    columns["tasks"] = len(items)
    common = {"kind": "sample", "sample": 0, "warmup": 0, "columns": columns}
    wall_ns = done.map_ns + done.end_ns
    spent = {name: seen[name] for name in ("cpu_ns", "throttled_ns", "switches") if name in seen}
    lines.append({**common, "operation": "pass", "loops": 1, "elapsed_ns": wall_ns, "spent": spent, "spent_loops": 1})
    if done.workers:
        lines.append({**common, "operation": "start", "loops": 1, "elapsed_ns": done.start_ns})
        lines.append({**common, "operation": "workers", "metric": "count", "value": done.workers})
    if seen["memory"]:
        lines.append({**common, "operation": "all_processes", "metric": "pss", "value": seen["memory"]})
    return wall_ns


def numbered(found: List[Tuple[str, int, int]], indexes: List[int], origin_ns: int) -> List[List[int]]:
    """Worker (numbered by its first item), item, begin and end in ns since the start of the pass, by begin."""
    workers: Dict[str, int] = {}
    ordered = sorted(zip(found, indexes), key=lambda pair: pair[0][1])
    return [
        [workers.setdefault(worker, len(workers)), index, began_ns - origin_ns, ended_ns - origin_ns]
        for (worker, began_ns, ended_ns), index in ordered
    ]
