"""What keeps a choice from being N times as fast on N CPUs: each cause by a rule stated here, with its evidence. Pure.

The rules, each a threshold on something that was measured; several can hold at once:

- ``throttling``: the quota stopped the processes for at least 5% of the time.
- ``start``: starting the pool takes at least 10% of the time.
- ``uneven items``: the chunks, dealt out in order to workers that never wait for anything else, keep the last worker
  busy for at least 10% longer than an even share. Where no item takes twice the mean, the chunks are to blame.
- ``the GIL``: the function computes, the build has a GIL, and no number of threads takes less than 0.9 times as long as
  serial.
- ``size of results`` (or of arguments) and ``hand-over``: all processes together take at least 10% more CPU time than
  the serial pass, their start not counted as far as it is known. Where items are large, 64 KiB pickled on average,
  size is named; where they are short, below 1 ms, the hand-over of each item.
- ``memory bandwidth``: the same excess of CPU time, but items are neither large nor short, so each takes longer where
  others run beside it. Shared cores, caches and a lower clock look the same from within.
"""

from __future__ import annotations

import heapq
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lab.report import labels
from lab.report.speedup import ideal
from lab.tune.choices import Bench
from lab.tune.search import Found
from lab.tune.verdict import Option, Verdict, limiting_cpus, speedups

THROTTLED = 0.05
START = 0.1
UNEVEN = 1.1
LONG_ITEM = 2  # times the mean
MORE_CPU = 1.1
THREADS_ALIKE = 0.9
LARGE_BYTES = 65536
SHORT_NS = 1e6
GOOD_EFFICIENCY = 0.9


@dataclass(frozen=True, kw_only=True)
class Cause:
    """A limiting factor: its name in a few words, and a sentence with the evidence."""

    name: str
    evidence: str


def causes(found: Found, verdict: Verdict, option: Option, bench: Bench) -> list[Cause]:
    """The causes that limit an option, by the rules above; none where it is as fast as the CPUs allow."""
    fast = ideal(option.workers, limiting_cpus(verdict, bench.cpus))
    if option.choice.executor == "serial" or (option.speedup.low or 0.0) >= GOOD_EFFICIENCY * fast:
        return _gil(found, verdict, bench)
    rules = (_throttling(option), _start(option), _uneven(found, option), _cpu_time(found, verdict, option))
    return [*(cause for cause in rules if cause), *_gil(found, verdict, bench)]


def _throttling(option: Option) -> Cause | None:
    share = option.throttled_ns / option.wall_ns
    if share < THROTTLED:
        return None
    return Cause(
        name="throttling", evidence=f"the quota stopped the processes for {share:.0%} of the time, summed over CPUs"
    )


def _start(option: Option) -> Cause | None:
    share = option.start_ns / option.time_ns.value
    if share < START:
        return None
    took = labels.duration(option.start_ns)
    return Cause(name="start", evidence=f"the pool needs {took} to start, {share:.0%} of the time for all items")


def _uneven(found: Found, option: Option) -> Cause | None:
    known = found.items.durations_ns
    durations = [known[index * len(known) // found.total] for index in range(found.total)]
    size = option.choice.chunksize
    if not size:  # as Pool.map and Executor.map choose it
        size = -(-found.total // (4 * option.workers)) if option.choice.executor == "pool" else 1
    over = makespan(durations, option.workers, size) / (sum(durations) / option.workers)
    if over < UNEVEN:
        return None
    mean, longest = statistics.fmean(durations), max(durations)
    evidence = f"dealt out in chunks of {size}, the items keep the last worker busy for {over:.2f} times an even share"
    if longest < LONG_ITEM * mean:
        return Cause(name="chunks that cannot be shared out evenly", evidence=evidence)
    evidence += f"; the longest item takes {labels.duration(longest)}, the mean one {labels.duration(mean)}"
    return Cause(name="uneven items", evidence=evidence)


def makespan(durations_ns: Sequence[int], workers: int, chunksize: int) -> int:
    """When the last worker ends, in ns, if each takes the next chunk as soon as it is free."""
    ends = [0] * workers
    for first in range(0, len(durations_ns), chunksize):
        heapq.heapreplace(ends, ends[0] + sum(durations_ns[first : first + chunksize]))
    return max(ends)


def _cpu_time(found: Found, verdict: Verdict, option: Option) -> Cause | None:
    serial, items = verdict.serial, found.items
    if not serial.cpu_ns or not option.cpu_ns or option.choice.executor == "threads":
        return None
    more = option.cpu_ns / serial.cpu_ns
    if more < MORE_CPU:
        return None
    spent = f"all processes together take {more:.2f} times the CPU time of a serial pass"
    arguments, results = statistics.fmean(items.argument_bytes), statistics.fmean(items.result_bytes)
    if max(arguments, results) >= LARGE_BYTES:
        name, size = ("size of results", results) if results >= arguments else ("size of arguments", arguments)
        return Cause(name=name, evidence=f"{spent}, and {name.split()[-1]} have {labels.size(size)} each, pickled")
    mean = statistics.fmean(items.durations_ns)
    if mean < SHORT_NS:
        extra = (option.cpu_ns - serial.cpu_ns) / found.count
        evidence = f"{spent}: {labels.duration(extra)} more per item, of which each takes {labels.duration(mean)}"
        return Cause(name="hand-over", evidence=evidence)
    evidence = f"{spent}, and items are neither large nor short: they slow each other down"
    return Cause(name="memory bandwidth, shared cores or a lower clock", evidence=evidence)


def _gil(found: Found, verdict: Verdict, bench: Bench) -> list[Cause]:
    """Threads lose early where a GIL stops them, so this looks at the search's own blocks, too."""
    by_choice = speedups(found.scale, [*found.search, *found.final])
    threads = {item: value for item, value in by_choice.items() if item.executor == "threads" and item.workers > 1}
    if bench.python.endswith("t") or bench.cpus <= 1 or not threads or not limiting_cpus(verdict, bench.cpus):
        return []
    best = max(threads, key=lambda item: threads[item].value)
    value = threads[best]
    if (value.high or value.value) > 1 / THREADS_ALIKE:
        return []
    return [
        Cause(
            name="the GIL, for threads",
            evidence=f"{labels.counted(best.workers, 'threads')} are {labels.number(value.value)} times as fast as "
            f"serial ({labels.interval(value)}), although the function computes",
        )
    ]
