"""Measures functions in the base and in the head: round by round, both sides next to each other, in fresh processes."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lab.errors import UsageError
from lab.gate.repository import Side
from lab.gate.wanted import Wanted
from lab.model import Target
from lab.targets import Runner
from lab.tune.bench import TargetBench, native_bench
from lab.tune.choices import Reading

MIN_ROUNDS = 8
MAX_ROUNDS = 60  # more rounds narrow an interval by less than the drift of most machines


@dataclass(kw_only=True)
class Compared:
    """A function with the readings of both sides, paired by round.

    ``new``: the base does not have it. ``reason``: why it was not measured, with the user's traceback if their code
    raises; empty if it was.
    """

    wanted: Wanted
    new: bool = False
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    pairs: list[tuple[Reading, Reading]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All functions, the number of rounds that was fixed before the first of them, and the seconds spent."""

    functions: Sequence[Compared]
    rounds: int
    spent_s: float


def promised_rounds(budget_s: float, round_s: float) -> int:
    """The number of rounds that the budget allows, between the least and the most.

    It is fixed before the first round that counts, so that no interval depends on when measuring stopped.
    """
    return max(MIN_ROUNDS, min(MAX_ROUNDS, int(budget_s / max(round_s, 1e-9))))


def measure(
    functions: Sequence[Wanted],
    sides: tuple[Side, Side],
    target: Target,
    runner: Runner,
    *,
    budget_s: float,
    seed: int,
    say: Callable[[str], None],
) -> Measured:
    """Measure each function on both sides; ``say`` gets the number of rounds that follow.

    The first round is a warm-up and a test of duration, and does not count. Of two successive rounds one begins with
    the base and the other with the head.
    """
    began = time.monotonic()
    compared = [Compared(wanted=wanted) for wanted in functions]
    with contextlib.ExitStack() as stack:
        benches = {
            index: pair
            for index, one in enumerate(compared)
            if (pair := _opened(one, sides, target, runner, stack)) is not None
        }
        warm_up = time.monotonic()
        for index, pair in benches.items():
            _round(compared[index], pair, 0, base_first=True, counts=False)
        round_s = time.monotonic() - warm_up
        rounds = promised_rounds(budget_s - (time.monotonic() - began), round_s)
        if benches:
            say(f"{rounds} rounds of {round_s:.1f} s follow")
        chance = random.Random(seed)  # noqa: S311 - an order, no secret
        base_first = False
        for number in range(1, rounds + 1):
            base_first = chance.random() < 0.5 if number % 2 else not base_first  # noqa: PLR2004 - one half
            for index in chance.sample(sorted(benches), len(benches)):
                if not compared[index].reason:
                    _round(compared[index], benches[index], number, base_first=base_first)
    return Measured(functions=compared, rounds=rounds, spent_s=time.monotonic() - began)


def _opened(
    one: Compared, sides: tuple[Side, Side], target: Target, runner: Runner, stack: contextlib.ExitStack
) -> tuple[TargetBench, TargetBench] | None:
    """The benches of base and head after one serial pass each; None where a side cannot be measured."""
    base, head = sides
    if one.wanted.state(head) == "missing":
        one.reason = f"{one.wanted.label} does not exist in {head.words}; name a function that does"
        return None
    one.new = one.wanted.state(base) == "missing"
    found = []
    for side in sides[1:] if one.new else sides:
        try:
            bench = stack.enter_context(
                native_bench(one.wanted.subject(side), target, runner, cpus_visible=target.cpus_visible)
            )
            items = bench.items()
        except UsageError as error:
            one.reason = f"{'base' if side is base else 'head'}: {error}"
            return None
        one.notes += [warning for warning in items.warnings if warning not in one.notes]
        found.append(bench)
    return None if one.new else (found[0], found[1])


def _round(
    one: Compared, benches: tuple[TargetBench, TargetBench], number: int, *, base_first: bool, counts: bool = True
) -> None:
    """Measure both sides once and keep the readings; a side that fails ends the function."""
    readings = [bench.measure([one.wanted.choice], number)[0] for bench in (benches if base_first else benches[::-1])]
    base, head = readings if base_first else readings[::-1]
    for name, reading in (("base", base), ("head", head)):
        if reading.status != "ok":
            one.reason = one.reason or f"{name}: {reading.reason}"
    if counts and not one.reason:
        one.pairs.append((base, head))
