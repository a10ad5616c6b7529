"""The answer for one target: a sentence, the lines to paste, a table with intervals, costs, causes, and settings."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.report import labels
from lab.stats.rounds import Estimate, LogRatio
from lab.text import plural
from lab.tune.causes import Cause, causes
from lab.tune.choices import PLAIN_POOL, SERIAL, Bench, Choice
from lab.tune.lines import Job, lines
from lab.tune.search import Found, pool_start_ns, projected_ns
from lab.tune.verdict import Option, Verdict, judge
from lab.tune.words import label, sentence_name

MEMORY_MARGIN = 1.25  # of a container's memory limit over the peak that was seen
CPU_STEP = 0.1  # of requests, in CPUs
MEMORY_STEP = 16 * 2**20
CPU_COUNT_SINCE = (3, 13)  # PYTHON_CPU_COUNT
DEFAULT_SIZED = ("pool", "process_pool_executor")  # have as many workers as Python counts CPUs, where none are given


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Everything that is said about one function on one target.

    ``costs``, ``quota`` and ``notes`` are sentences; ``kubernetes`` is YAML; ``pays_off`` is the number of items from
    which the recommended pool beats the serial pass, where that is known. ``pool`` is the recommended option, or the
    best pool where that is serial.
    """

    target: str
    sentence: str
    code: str
    found: Found
    verdict: Verdict
    pool: Option | None
    pays_off: Estimate | None
    costs: tuple[str, ...]
    causes: tuple[Cause, ...]
    quota: tuple[str, ...]
    kubernetes: str
    notes: tuple[str, ...]


def answer(target: str, found: Found, bench: Bench, job: Job) -> Answer:
    """Judge a search and put its result into words."""
    verdict = judge(found)
    pools = [option for option in verdict.options if option.choice.executor != "serial"]
    recommended = verdict.recommended
    best_pool = pools[0] if pools else None
    pool = recommended if recommended.choice.executor != "serial" else best_pool
    pays_off = break_even(found, recommended.choice)
    return Answer(
        target=target,
        sentence=sentence(verdict, best_pool),
        code=lines(recommended.choice, job),
        found=found,
        verdict=verdict,
        pool=pool,
        pays_off=pays_off,
        costs=tuple(_costs(verdict, pays_off)),
        causes=tuple(causes(found, verdict, pool, bench)) if pool else (),
        quota=tuple(_quota(verdict, bench)),
        kubernetes=kubernetes(recommended, bench),
        notes=(*found.notes, *found.items.warnings, *_equals(verdict), *_more(found, verdict), *_unmeasured(found)),
    )


def sentence(verdict: Verdict, best_pool: Option | None) -> str:
    """The answer in one sentence, and what ``Pool()`` gives as it is."""
    recommended = verdict.recommended
    if recommended.choice == SERIAL:
        if best_pool is None:
            return "No pool works for this function: serial is the only option; the table has the reasons."
        named = f"the best one, {sentence_name(best_pool.choice)}, is {_times(best_pool.speedup)}"
        pools = [option.speedup for option in verdict.options if option.choice.executor != "serial"]
        if all(value.high is not None and value.high < 1 for value in pools):
            return f"No pool pays off: {named}."
        return f"No pool is shown to pay off (inconclusive): {named}."
    enough = "Threads are enough: " if recommended.choice.executor == "threads" else ""
    first = f"{enough}{sentence_name(recommended.choice)}: {_times(recommended.speedup)}."
    plain = verdict.option(PLAIN_POOL)
    if plain is None or plain.choice == recommended.choice:
        return first
    return f"{first} Pool() as it is: {_times(plain.speedup)}."


def break_even(found: Found, choice: Choice) -> Estimate | None:
    """The number of items from which a pool beats the serial pass: its start over what it saves per item.

    It is taken in each block of the final phase; None where some block shows no saving, or the choice is serial.
    """
    serial = {item.round: item for item in found.final if item.choice == SERIAL and item.status == "ok"}
    logs = []
    for item in found.final:
        if item.choice != choice or item.status != "ok" or item.round not in serial or choice.executor == "serial":
            continue
        saved = projected_ns(serial[item.round], 1.0) - (item.wall_ns - pool_start_ns(item))
        if saved <= 0:
            return None
        logs.append(math.log(max(1, pool_start_ns(item)) * found.count / saved))
    return LogRatio(logs).estimate() if logs else None


def _costs(verdict: Verdict, pays_off: Estimate | None) -> list[str]:
    recommended, serial = verdict.recommended, verdict.serial
    found = []
    if recommended.choice.executor != "serial":
        if pays_off is None:
            found.append("From how many items on it pays off is not known (inconclusive): some block shows no saving.")
        elif pays_off.value <= recommended.workers:
            found.append("It pays off with as many items as workers.")
        else:
            high = (
                ""
                if pays_off.high is None or pays_off.low is None
                else (f" ({math.ceil(pays_off.low):,} to {math.ceil(pays_off.high):,})")
            )
            found.append(f"It pays off from {math.ceil(pays_off.value):,} items on{high}.")
    if not recommended.memory_bytes:
        return [*found, "Memory is not known on this target."]
    total = labels.size(recommended.memory_bytes)
    alone = labels.size(serial.memory_bytes)
    if recommended.choice.executor == "serial" or not serial.memory_bytes:
        return [*found, f"Memory: {total} at its peak."]
    more = labels.size(max(0, recommended.memory_bytes - serial.memory_bytes) / recommended.workers)
    return [*found, f"Memory: {total} at its peak in all, {more} more per worker than the serial pass with {alone}."]


def _quota(verdict: Verdict, bench: Bench) -> list[str]:
    """What a quota changes: who sees it, what the defaults do, and how often it stopped the processes."""
    if bench.cpus >= bench.cpus_visible:
        return []
    allowed, counted = plural(bench.cpus, "CPU"), plural(bench.cpus_visible, "CPU")
    started = plural(bench.cpus_visible, "worker")
    found = [f"The quota allows {allowed}, but Python counts {counted}, so that Pool() starts {started}."]
    for choice in (PLAIN_POOL, verdict.recommended.choice):
        option = verdict.option(choice)
        if option and option.throttled_ns:
            share = option.throttled_ns / option.wall_ns
            found.append(f"{sentence_name(choice)}: throttled for {share:.0%} of the time, summed over CPUs.")
    return found


def kubernetes(option: Option, bench: Bench) -> str:
    """Resources of a container for this choice, and PYTHON_CPU_COUNT, where the target's Python reads it."""
    used = option.cpu_ns / option.wall_ns if option.wall_ns else 0.0
    request = max(CPU_STEP, min(bench.cpus, math.ceil(used / CPU_STEP - 1e-9) * CPU_STEP))
    rows = ["resources:", "  requests:", f'    cpu: "{request:g}"', "  limits:", f'    cpu: "{bench.cpus:g}"']
    if option.memory_bytes:
        rows.insert(3, f'    memory: "{_mebibytes(option.memory_bytes)}Mi"')
        rows.append(f'    memory: "{_mebibytes(option.memory_bytes * MEMORY_MARGIN)}Mi"')
    if tuple(map(int, bench.python.rstrip("t").split(".")[:2])) >= CPU_COUNT_SINCE:
        counted = option.workers if option.choice.executor in DEFAULT_SIZED else math.ceil(bench.cpus)
        rows += ["env:", "  - name: PYTHON_CPU_COUNT", f'    value: "{counted}"']
    return "\n".join(rows) + "\n"


def _mebibytes(count: float) -> int:
    return math.ceil(count / MEMORY_STEP) * MEMORY_STEP // 2**20


def _equals(verdict: Verdict) -> list[str]:
    recommended = verdict.recommended
    found = []
    if verdict.as_good:
        names = ", ".join(label(option.choice) for option in verdict.as_good)
        found.append(f"At most 5% slower, with the whole interval: {names}.")
    equal = [option for option in verdict.equal if option != recommended and option not in verdict.as_good]
    if equal:
        names = ", ".join(label(option.choice) for option in equal)
        found.append(f"Not distinguishable from the fastest (inconclusive): {names}.")
    return found


def _more(found: Found, verdict: Verdict) -> list[str]:
    """Say where the largest worker count that was tried is the best."""
    chosen = verdict.recommended.choice
    tried = {item.choice.workers for item in found.search if item.choice.executor == chosen.executor}
    if chosen.executor != "threads" or chosen.workers < max(tried):
        return []
    return [f"No more than {plural(chosen.workers, 'thread')} were tried; more may be faster still."]


def _unmeasured(found: Found) -> list[str]:
    failed = [f"{label(choice)} {why}" for choice, why in found.stopped.items() if ": " in why]
    return [f"Not measured: {line}" for line in failed]


def _times(value: Estimate) -> str:
    return f"{labels.number(value.value)} times serial ({labels.interval(value)})"


def rows(result: Answer) -> list[dict[str, object]]:
    """The options of the final phase as records, the fastest first; times in ns, memory in bytes."""
    return [
        {
            "option": label(option.choice),
            "executor": option.choice.executor,
            "start_method": option.choice.start_method,
            "workers": option.workers,
            "chunksize": option.choice.chunksize,
            "library_threads": option.choice.library_threads,
            "standing": standing(result.verdict, option),
            "time_ns": _numbers(option.time_ns),
            "speedup": _numbers(option.speedup),
            "over_fastest": _numbers(option.over_fastest),
            "cpu_ns": round(option.cpu_ns),
            "throttled_ns": round(option.throttled_ns),
            "memory_bytes": option.memory_bytes,
        }
        for option in result.verdict.options
    ]


def standing(verdict: Verdict, option: Option) -> str:
    """How an option stands, in a word or two."""
    if option == verdict.recommended:
        return "recommended"
    if option in verdict.as_good:
        return "as good"
    return "inconclusive" if option in verdict.equal else "slower"


def as_object(result: Answer) -> dict[str, object]:
    """The answer as a JSON object."""
    found, recommended = result.found, result.verdict.recommended
    return {
        "target": result.target,
        "answer": result.sentence,
        "code": result.code,
        "recommended": rows(result)[result.verdict.options.index(recommended)],
        "options": rows(result),
        "stopped": {label(choice): reason for choice, reason in found.stopped.items()},
        "pays_off_from_items": _numbers(result.pays_off) if result.pays_off else None,
        "costs": list(result.costs),
        "causes": [{"name": cause.name, "evidence": cause.evidence} for cause in result.causes],
        "quota": list(result.quota),
        "kubernetes": result.kubernetes,
        "notes": list(result.notes),
        "items": {"measured": found.count, "total": found.total, "import_ns": found.items.import_ns},
        "rounds": recommended.time_ns.rounds,
        "spent_s": round(found.spent_s, 1),
    }


def _numbers(value: Estimate) -> Mapping[str, float | int | None]:
    return {"value": value.value, "ci_low": value.low, "ci_high": value.high, "rounds": value.rounds}


def table(result: Answer) -> Sequence[dict[str, str]]:
    """The options of the final phase for the terminal."""
    return [
        {
            "option": label(option.choice),
            "time": labels.duration(option.time_ns.value),
            "times serial": labels.number(option.speedup.value),
            "95% interval": labels.interval(option.speedup),
            "workers": str(option.workers),
            "memory": labels.size(option.memory_bytes) if option.memory_bytes else "",
            "": standing(result.verdict, option),
        }
        for option in result.verdict.options
    ]
