"""The search: which choices are measured, for how long, and which of them stop early. Pure: a bench measures.

Stages follow each other, and each starts from what the one before left: first the baselines alone, then executors at
one number of workers, then worker counts, then chunk sizes, then threads of libraries. A stage measures blocks. A block
holds all choices that are compared, and the baselines, in random order, so that what drifts between blocks cancels in
ratios. The rule by which a choice stops is fixed here, before anything is measured:

- it failed;
- or it took more than ``HOPELESS`` times as long as the stage's leader in each of at least two blocks;
- or, judged after ``LOOKS`` blocks of its stage and at no other time, the whole ``STOP_CONFIDENCE`` interval of its
  ratio to the leader, paired by block, lies above ``NEAR``. What is within 5% of the best is hardly ever stopped.

Then the final phase measures anew: the leader, what did not stop, and the baselines, in at least eight blocks. The
search chose its leader among many, so that its own times are too good (the winner's curse); they enter no number that
is reported. Of those that look equal the simplest becomes the leader before the final phase. That phase ends where the
budget ends, or after ``FINAL_MOST`` blocks; its own numbers have no say in that, so that intervals keep their level.

A function that is too slow for the budget is measured with some of its items. A pool starts once however many items
there are, so the time for all items is projected: the start, and the rest in proportion to the items.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lab.agent.scenario import worker_ladder
from lab.errors import UsageError
from lab.stats.best import NEAR
from lab.stats.intervals import t_interval
from lab.text import in_words, plural
from lab.tune.choices import PLAIN_EXECUTOR, PLAIN_POOL, SERIAL, Bench, Choice, Executor, Items, Reading
from lab.tune.words import label

BASELINES = (SERIAL, PLAIN_POOL, PLAIN_EXECUTOR)
LOOKS = (3, 5)  # blocks of a stage after which its choices are judged
STOP_CONFIDENCE = 0.99
HOPELESS = 3.0  # times the leader
LEVEL = 1.02  # times the best: what looks so close that the simpler one is preferred
FINAL_ROUNDS = 8
FINAL_MOST = 16  # blocks of the final phase, however much time is left
ITEMS_SHARE = 0.1  # of the budget, at most, for the first look at the items
MOST_NAMED = 3  # of the options that a note leaves out
MOST_RIVALS = 4  # of the leader in the final phase
MOST_KINDS = 3  # of executors whose worker counts are searched
MOST_COUNTS = 6  # of workers, of each kind
PASS_OVERHEAD_S = 0.3  # a fresh interpreter, until the first pass has said what it really is
WAITING = 0.5  # share of CPU time in a serial pass below which a function mostly waits
OWN_THREADS = 1.15  # CPU time over wall time of a serial pass above which a library has threads of its own
MOST_WAITING_WORKERS = 32
SHORTEST_PASS_S = 0.5  # as far as there are items for it
USUAL_PASSES = ((8, 6), (5, 12), (3, 17), (3, 7))  # blocks of a stage, and choices beside the serial one in each
QUOTA_PASS_S = 1.0  # ten periods of 100 ms: a shorter pass may use up an unspent quota
STAGE_SHARE = {"executors": 0.4, "workers": 0.55, "chunk sizes": 0.7, "library threads": 1.0}  # of the time left

# In the order in which a small budget takes them: the most different ones first.
KINDS: tuple[tuple[Executor, str], ...] = (
    ("threads", ""),
    ("pool", "fork"),
    ("pool", "forkserver"),
    ("process_pool_executor", "fork"),
    ("pool", "spawn"),
    ("interpreter_pool_executor", ""),
    ("process_pool_executor", "forkserver"),
    ("process_pool_executor", "spawn"),
    ("loky", ""),
    ("joblib", ""),
)

Watch = Callable[[str, int, float], None]  # stage, choices of the block that begins, seconds used


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search measured. ``leader`` and ``rivals`` were chosen before the ``final`` readings were taken.

    ``count`` of ``total`` items were in each pass. ``stopped`` has the sentence why, choice by choice, including those
    that failed in the final phase; ``notes`` are sentences about what was left out.
    """

    items: Items
    count: int
    total: int
    leader: Choice
    rivals: tuple[Choice, ...]
    search: tuple[Reading, ...]
    final: tuple[Reading, ...]
    stopped: Mapping[Choice, str]
    notes: tuple[str, ...]
    spent_s: float

    @property
    def scale(self) -> float:
        """How many times the items of a pass there are."""
        return self.total / self.count


def search(bench: Bench, budget_s: float, clock: Callable[[], float], seed: int, watch: Watch | None = None) -> Found:
    """Search the best choice for a function, and measure the candidates anew.

    Args:
        bench: measures choices in one target.
        budget_s: seconds, of which the last block may use a little more.
        clock: seconds, from any start.
        seed: of all random orders.
        watch: called before each block.

    Raises:
        UsageError: the budget is too small, or the function fails serially.
    """
    return _Search(bench, budget_s, clock, random.Random(seed), watch).run()  # noqa: S311 - orders, no secrets


def projected_ns(reading: Reading, scale: float) -> float:
    """The time that a pass over all items would take: its start once, and the rest ``scale`` times; in ns."""
    start_ns = pool_start_ns(reading)
    return start_ns + max(1, reading.wall_ns - start_ns) * scale


def pool_start_ns(reading: Reading) -> int:
    """The start of a pass's pool; that of threads takes microseconds, hides behind the GIL, and counts as none."""
    return 0 if reading.choice.executor == "threads" else reading.start_ns


def cpu_share(passes: Iterable[Reading]) -> float:
    """CPU time over wall time, the largest of the passes: other programs on the machine only ever lower it."""
    return max(item.cpu_ns / item.wall_ns for item in passes)


class Times:
    """Logarithms of the projected times of passes, by choice and block."""

    def __init__(self, scale: float, readings: Iterable[Reading] = ()) -> None:
        self.scale = scale
        self.logs: dict[Choice, dict[int, float]] = {}
        for reading in readings:
            self.add(reading)

    def add(self, reading: Reading) -> None:
        """Add a reading that succeeded; others have no time."""
        if reading.status == "ok":
            self.logs.setdefault(reading.choice, {})[reading.round] = math.log(projected_ns(reading, self.scale))

    def ratios(self, numerator: Choice, denominator: Choice) -> list[float]:
        """The logarithm of the ratio in each block that has both."""
        below = self.logs.get(denominator, {})
        return [log - below[block] for block, log in self.logs.get(numerator, {}).items() if block in below]

    def score(self, choice: Choice) -> float:
        """The mean logarithm of the ratio to the baselines of the same block, by which choices of stages compare."""
        found = []
        for block, log in self.logs.get(choice, {}).items():
            beside = [self.logs[base][block] for base in BASELINES if block in self.logs.get(base, {})]
            found.append(log - statistics.fmean(beside))
        return statistics.fmean(found) if found else math.inf


def is_slower(ratios: Sequence[float], *, look: bool) -> bool:
    """Whether a choice stops, by its log ratios to the leader; ``look``: whether the interval is judged now."""
    if len(ratios) > 1 and min(ratios) > math.log(HOPELESS):
        return True
    return look and len(ratios) > 1 and t_interval(ratios, STOP_CONFIDENCE)[1] > math.log(NEAR)


@dataclass
class _Search:
    bench: Bench
    budget_s: float
    clock: Callable[[], float]
    order: random.Random
    watch: Watch | None
    readings: list[Reading] = field(default_factory=list)
    passes: dict[Choice, list[Reading]] = field(default_factory=dict)  # those that succeeded
    stopped: dict[Choice, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    blocks: int = 0
    overhead_s: float = PASS_OVERHEAD_S

    def run(self) -> Found:
        self.begin = self.clock()
        self.items = self.bench.items(ITEMS_SHARE * self.budget_s)
        self.total = self.items.total or len(self.items.durations_ns)
        self.overhead_s += self.items.import_ns / 1e9
        self.serial_s = statistics.fmean(self.items.durations_ns) * self.total / 1e9
        self.workers = max(1, math.ceil(self.bench.cpus))
        self.count = self._items_per_pass()
        self.serial_s *= self.count / self.total
        self.times = Times(self.total / self.count)
        self.measure("baselines", BASELINES)
        self._refuse_small_budget(self._needed_s())
        options = self.race("executors", self._executors())
        options = self.race("workers", self._counts(options))
        options = self.race("chunk sizes", self._chunks(options))
        options = self.race("library threads", self._library_threads(options))
        leader, *rivals = self._candidates()
        searched = len(self.readings)
        self._final([leader, *rivals])
        return Found(
            items=self.items,
            count=self.count,
            total=self.total,
            leader=leader,
            rivals=tuple(rivals),
            search=tuple(self.readings[:searched]),
            final=tuple(self.readings[searched:]),
            stopped=self.stopped,
            notes=tuple(self.notes),
            spent_s=self.spent_s(),
        )

    def spent_s(self) -> float:
        """Seconds since the search began."""
        return self.clock() - self.begin

    # -- how many items, and whether the budget suffices

    def _items_per_pass(self) -> int:
        """All items, or as many as the budget can carry, at least two per worker."""
        least = min(self.total, max(4, 2 * self.workers))
        item_s = self.serial_s / self.total
        if self.bench.cpus < self.workers:  # a quota
            least = min(self.total, max(least, math.ceil(QUOTA_PASS_S / max(item_s, 1e-9))))
        speed = self.workers
        pass_s = max(
            SHORTEST_PASS_S,
            (self.budget_s - self.overhead_s * sum(rounds * (1 + others) for rounds, others in USUAL_PASSES))
            / sum(rounds * (1 + others / speed) for rounds, others in USUAL_PASSES),
        )
        count = min(self.total, max(least, int(pass_s / max(item_s, 1e-9))))
        if count < self.total:
            self.notes.append(
                f"Each pass had {count:,} of the {plural(self.total, 'item')}, spread evenly; times for all items are "
                "projected from them. A larger --budget takes more items."
            )
        self.serial_s *= count / self.total
        rounds = (
            LOOKS[0] + FINAL_ROUNDS
        )  # of the baselines and one more choice; here the pools may be as fast as can be
        least_s, most_s = (rounds * (self.serial_s * (1 + 3 / gain) + 4 * self.overhead_s) for gain in (speed, 1))
        self._refuse_small_budget(least_s, count, most_s)
        self.serial_s *= self.total / count
        return count

    def _needed_s(self) -> float:
        """Seconds that the smallest search takes: one look at one executor, and the final phase."""
        first = self._executors()
        return LOOKS[0] * self._block_s(first[:1]) + FINAL_ROUNDS * self._block_s(first[:1])

    def _refuse_small_budget(self, needed_s: float, count: int = 0, most_s: float = 0.0) -> None:
        """Refuse a budget below what is needed; ``most_s`` is what may be needed where that is not known well."""
        needed_s += self.spent_s()
        if needed_s > self.budget_s:
            items = plural(count or self.count, "item")
            wanted = max(1, math.ceil(1.1 * max(needed_s, most_s + self.spent_s()) / (1 - ITEMS_SHARE) / 60))
            raise UsageError(
                f"a budget of {in_words(self.budget_s)} is too small: a serial pass over {items} takes "
                f"{max(self.serial_s, 0.001):.3g} s, and the smallest search about {in_words(needed_s)}; "
                f"give --budget {wanted}m, or fewer items with --items"
            )

    # -- blocks

    def _cost_s(self, choice: Choice) -> float:
        """Seconds that a pass takes: as measured, else as ``Pool().map``; as the serial one where nothing helps."""
        alike = [choice] if choice.executor in ("serial", "threads") or choice.workers == 1 else [choice, PLAIN_POOL]
        for known in alike:
            if known in self.passes:
                return self.overhead_s + statistics.median(item.wall_ns for item in self.passes[known][-3:]) / 1e9
        return self.overhead_s + self.serial_s

    def _reserve_s(self) -> float:
        """Seconds kept for the final phase: eight blocks of the baselines, the leader and two rivals."""
        best = sorted((choice for choice in self.times.logs if choice not in self.stopped), key=self.times.score)[:3]
        return FINAL_ROUNDS * self._block_s(best)

    def measure(self, stage: str, choices: Iterable[Choice]) -> None:
        """Measure one block in random order, and stop what fails."""
        block = [choice for choice in dict.fromkeys(choices) if choice not in self.stopped]
        self.order.shuffle(block)
        if self.watch:
            self.watch(stage, len(block), self.spent_s())
        began = self.clock()
        found = self.bench.measure(block, self.blocks, count=0 if self.count == self.total else self.count)
        walls_s = sum(reading.wall_ns for reading in found) / 1e9
        overhead_s = max(0.0, (self.clock() - began - walls_s) / max(1, len(block)))
        self.overhead_s = overhead_s if self.blocks == 0 else (self.overhead_s + overhead_s) / 2
        self.blocks += 1
        for reading in found:
            self.readings.append(reading)
            self.times.add(reading)
            if reading.status == "ok":
                self.passes.setdefault(reading.choice, []).append(reading)
            else:
                if reading.choice == SERIAL:
                    raise UsageError(f"the function fails without any pool: {reading.reason}")
                self.stopped[reading.choice] = f"{reading.status}: {reading.reason}"

    def race(self, stage: str, choices: Sequence[Choice]) -> list[Choice]:
        """Measure blocks of a stage until its last look; return what did not stop, the best first."""
        active = [choice for choice in dict.fromkeys(choices) if choice not in self.stopped]
        until = self.spent_s() + STAGE_SHARE[stage] * (self.budget_s - self._reserve_s() - self.spent_s())
        active = self._affordable(stage, active, until)
        first = self.blocks
        while active and self.blocks - first < LOOKS[-1]:
            if self.blocks - first >= LOOKS[0] and self.spent_s() + self._block_s(active) > until:
                break
            self.measure(stage, [*BASELINES, *active])
            active = self._survivors(stage, active, first)
            if self.blocks - first in LOOKS and len(active) == 1:
                break
        return sorted(active, key=self.times.score)

    def _block_s(self, choices: Iterable[Choice]) -> float:
        return sum(map(self._cost_s, dict.fromkeys([*BASELINES, *choices])))

    def _affordable(self, stage: str, choices: Sequence[Choice], until: float) -> list[Choice]:
        """As many of the choices, from the first, as can be compared until then in the blocks of the first look."""
        kept = list(choices)
        while kept and self.spent_s() + LOOKS[0] * self._block_s(kept) > until:
            kept.pop()
        if len(kept) == 1 and len(choices) > 1:
            kept = []  # one choice alone compares nothing
        if left_out := choices[len(kept) :]:
            self.notes.append(
                f"The budget allowed {len(kept)} of {plural(len(choices), 'option')} in the search for {stage}; "
                f"a larger --budget also measures {', '.join(map(label, left_out[:MOST_NAMED]))}"
                f"{' and others' if len(left_out) > MOST_NAMED else ''}."
            )
        return kept

    def _survivors(self, stage: str, active: Sequence[Choice], first: int) -> list[Choice]:
        rounds = range(first, self.blocks)
        here = [choice for choice in dict.fromkeys([*BASELINES, *active]) if choice not in self.stopped]
        means = {choice: statistics.fmean(self.times.logs[choice][number] for number in rounds) for choice in here}
        leader = min(here, key=means.__getitem__)
        look, kept = len(rounds) in LOOKS, []
        for choice in here:
            ratios = [self.times.logs[choice][number] - self.times.logs[leader][number] for number in rounds]
            if choice not in active:
                continue
            if choice != leader and is_slower(ratios, look=look):
                times = math.exp(statistics.fmean(ratios))
                self.stopped[choice] = f"{times:.2f} times as long as the best of {stage}, in {len(rounds)} blocks"
            else:
                kept.append(choice)
        return kept

    # -- what each stage compares

    @property
    def waits(self) -> bool:
        """Whether the function mostly waits, so that more workers than CPUs may help."""
        return 0 < cpu_share(self.passes[SERIAL]) < WAITING * min(1.0, self.bench.cpus)

    @property
    def library(self) -> tuple[int, ...]:
        """The numbers of library threads to compare from the start: both where a serial pass uses several CPUs."""
        return (0, 1) if cpu_share(self.passes[SERIAL]) > OWN_THREADS else (0,)

    def _worker_counts(self) -> list[int]:
        """The ladder; under a quota with all visible CPUs; where the function waits beyond 2N. At most one per item."""
        counts = {*worker_ladder(self.workers, MOST_COUNTS)}
        if self.bench.cpus < self.workers or self.bench.cpus_visible > self.workers:
            counts |= {self.workers, self.bench.cpus_visible}
        if self.waits:
            counts |= {4 * self.workers, 8 * self.workers, 16, MOST_WAITING_WORKERS}
        most = max(self.bench.cpus_visible, 2 * self.workers, MOST_WAITING_WORKERS if self.waits else 0)
        return sorted(count for count in counts if count <= min(most, max(self.total, 1)))

    def _kinds(self) -> list[tuple[Executor, str]]:
        missing = self.bench.unavailable()

        def reason(executor: str, method: str) -> str:
            return missing.get(executor) or missing.get(f"{executor}/{method}") or missing.get(f"pool/{method}") or ""

        return [kind for kind in KINDS if not reason(*kind)]

    def _executors(self) -> list[Choice]:
        """Every kind of executor at N workers; where the function waits, and under a quota, at more of them, too."""
        counts = {self.workers}
        if self.bench.cpus_visible > self.workers:
            counts.add(self.bench.cpus_visible)
        if self.waits:
            counts.add(min(self.total, max(8, 4 * self.workers)))
        serial = [Choice(executor="serial", library_threads=threads) for threads in self.library if threads]
        pools = [
            Choice(executor=executor, workers=workers, start_method=method, library_threads=threads)
            for workers in sorted(counts)
            for executor, method in self._kinds()
            for threads in self.library
        ]
        return [*serial, *pools]

    def _counts(self, options: Sequence[Choice]) -> list[Choice]:
        """The worker counts of the best kinds that are left."""
        kinds = dict.fromkeys((item.executor, item.start_method, item.library_threads) for item in options)
        kept = [kind for kind in kinds if kind[0] != "serial"]
        if len(kept) > MOST_KINDS:
            self.notes.append(
                f"{len(kept)} kinds of executors were too close to distinguish; worker counts were searched for the "
                f"{MOST_KINDS} that looked fastest."
            )
        return [
            Choice(executor=executor, workers=workers, start_method=method, library_threads=threads)
            for executor, method, threads in kept[:MOST_KINDS]
            for workers in self._worker_counts()
        ]

    def _chunks(self, options: Sequence[Choice]) -> list[Choice]:
        """Chunk sizes of the best option, from 1 to all items of a worker, beside the executor's default."""
        if not options or options[0].executor == "threads":  # ThreadPoolExecutor.map ignores its chunksize
            return []
        best = options[0]
        most = math.ceil(self.count / best.workers)
        sizes = {size for size in (1, 4, 16, 64, 256, 1024) if size < most} | {most}
        return [best, *(replace(best, chunksize=size) for size in sorted(sizes, key=lambda size: abs(size - 8)))]

    def _library_threads(self, options: Sequence[Choice]) -> list[Choice]:
        """The best option with one library thread; only under a quota, where CPU time cannot show such threads."""
        is_quota = self.bench.cpus != int(self.bench.cpus) or self.bench.cpus_visible > self.bench.cpus
        if not is_quota or len(self.library) > 1 or not options:
            return []
        best = options[0]
        alone = replace(best, library_threads=1)
        return [best, alone, Choice(executor="serial", library_threads=1)]

    # -- the final phase

    def _candidates(self) -> list[Choice]:
        """The leader, and what cannot be distinguished from the best by the rule that stops choices.

        The leader is the simplest of those that look at most 2% slower than the best. This is decided now, since a
        choice by the final phase's own times would spoil these.
        """
        alive = sorted((choice for choice in self.times.logs if choice not in self.stopped), key=self.times.score)
        best = alive[0]
        paired = {choice: self.times.ratios(choice, best) for choice in alive}
        level = [item for item in alive if len(paired[item]) < LOOKS[0] or not is_slower(paired[item], look=True)]
        close = self.times.score(best) + math.log(LEVEL)
        leader = min((item for item in level if self.times.score(item) <= close), key=self._simplicity)
        rivals = [choice for choice in level if choice != leader and choice not in BASELINES]
        rest = self.budget_s - self.spent_s()
        fixed = FINAL_ROUNDS * self._block_s([leader])
        kept: list[Choice] = []
        for choice in rivals[:MOST_RIVALS]:
            fixed += FINAL_ROUNDS * self._cost_s(choice)
            if kept and fixed > rest:
                break
            kept.append(choice)
        if len(kept) < len(rivals):
            self.notes.append(
                f"{plural(len(rivals), 'option')} could not be distinguished from the leader; the "
                f"{len(kept)} that looked fastest entered the final phase."
            )
        return [leader, *kept]

    def _simplicity(self, choice: Choice) -> tuple[int, int, bool, bool, bool]:
        """Sort key: serial before threads before processes, then few workers, then default values."""
        kind = 0 if choice.executor == "serial" else 1 if choice.executor == "threads" else 2
        workers = choice.workers or self.bench.cpus_visible
        return kind, workers, choice.chunksize != 0, choice.library_threads != 0, choice.workers != 0

    def _final(self, candidates: Sequence[Choice]) -> None:
        """At least eight blocks, and up to twice as many while the budget lasts: never until the numbers look good."""
        block, first = [*BASELINES, *candidates], self.blocks
        while self.blocks - first < FINAL_MOST:
            late = self.spent_s() + self._block_s(block) > self.budget_s
            if late and self.blocks - first >= FINAL_ROUNDS:
                break
            self.measure("final phase", block)
