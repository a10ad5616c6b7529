"""What the final phase shows: times with intervals, speed-ups, and which choice is recommended. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lab.stats.best import NEAR, Standing, choice_standings
from lab.stats.rounds import Estimate, LogRatio, Rounds, estimated
from lab.tune.choices import SERIAL, Choice, Reading
from lab.tune.search import WAITING, Found, Times, cpu_share, pool_start_ns


@dataclass(frozen=True, kw_only=True)
class Option:
    """One choice in the final phase, or in the search (for figures only).

    ``time_ns`` is the projected time of all items; ``speedup`` is that of the serial pass over it, paired by block.
    ``workers`` is the number that it really has. Memory in bytes (0: unknown); ``wall_ns``, the start, CPU time and
    throttled time are means of a pass, in ns. ``cpu_share`` is CPU time over wall time.
    """

    choice: Choice
    workers: int
    time_ns: Estimate
    speedup: Estimate
    over_fastest: Estimate
    standing: Standing
    wall_ns: float
    start_ns: float
    cpu_ns: float
    cpu_share: float
    memory_bytes: int
    throttled_ns: float


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The options of the final phase, the fastest first, and the recommended one.

    ``equal`` are those that the rule for the best cannot distinguish from the fastest; ``as_good`` are those beside the
    recommended one whose time is certainly at most 5% longer.
    """

    options: tuple[Option, ...]
    recommended: Option
    equal: tuple[Option, ...]
    as_good: tuple[Option, ...]

    def option(self, choice: Choice) -> Option | None:
        """The option of a choice; None where the final phase does not have it."""
        return next((option for option in self.options if option.choice == choice), None)

    @property
    def serial(self) -> Option:
        """The serial pass, which every final phase has."""
        found = self.option(SERIAL)
        assert found
        return found


def judge(found: Found) -> Verdict:
    """Judge the final phase.

    The recommended choice is the search's leader, which was chosen before these blocks, so that its interval is not too
    good. Where the rule for the best (``lab.stats.best``) shows that it is slower than the fastest, that one takes its
    place. Where no choice is shown to be faster than the serial pass, that is recommended.
    """
    return judge_each([found])[0]


def judge_each(many: Sequence[Found]) -> list[Verdict]:
    """Judge several final phases, each by itself; the tables of all are computed together."""
    tables = [Times(found.scale, found.final) for found in many]
    keys = [
        {
            choice: ("", "own", f"{number}/{place}", "")
            for place, choice in enumerate(times.logs)
            if choice not in found.stopped  # an option that failed in some block cannot be recommended
        }
        for number, (found, times) in enumerate(zip(many, tables, strict=True))
    ]
    logs = {key: tables[number].logs[choice] for number, own in enumerate(keys) for choice, key in own.items()}
    standings = choice_standings(Rounds(logs, dict.fromkeys(logs, "")), [list(own.values()) for own in keys])
    return [
        _verdict(found, times, {choice: stands[key] for choice, key in own.items()})
        for found, times, own, stands in zip(many, tables, keys, standings, strict=True)
    ]


def _verdict(found: Found, times: Times, standings: Mapping[Choice, Standing]) -> Verdict:
    fastest = next(choice for choice, standing in standings.items() if standing.fastest)
    by_choice: dict[Choice, list[Reading]] = {}
    for reading in found.final:
        by_choice.setdefault(reading.choice, []).append(reading)
    options = [
        _option(times, choice, fastest, standing, [item for item in by_choice[choice] if item.status == "ok"])
        for choice, standing in standings.items()
    ]
    options.sort(key=lambda option: option.time_ns.value)
    equal = tuple(option for option in options if not option.standing.slower)
    leader = found.leader if any(option.choice == found.leader for option in equal) else fastest
    recommended = next(option for option in options if option.choice == leader)
    if recommended.speedup.low is None or recommended.speedup.low <= 1:
        recommended = next(option for option in options if option.choice == SERIAL)
    as_good = tuple(option for option in options if _is_as_good(times, option.choice, recommended.choice))
    return Verdict(options=tuple(options), recommended=recommended, equal=equal, as_good=as_good)


def _option(times: Times, choice: Choice, fastest: Choice, standing: Standing, passes: Sequence[Reading]) -> Option:
    return Option(
        choice=choice,
        workers=choice.workers or max(item.pool_workers for item in passes),
        time_ns=estimated(list(times.logs[choice].values()), bimodal=False),
        speedup=ratio(times, SERIAL, choice),
        over_fastest=ratio(times, choice, fastest),
        standing=standing,
        wall_ns=statistics.fmean(item.wall_ns for item in passes),
        start_ns=statistics.fmean(pool_start_ns(item) for item in passes),
        cpu_ns=statistics.fmean(item.cpu_ns for item in passes),
        cpu_share=cpu_share(passes),
        memory_bytes=max(item.memory_bytes for item in passes),
        throttled_ns=statistics.fmean(item.throttled_ns for item in passes),
    )


def limiting_cpus(verdict: Verdict, cpus: float) -> float | None:
    """The CPUs that limit the speed-up; None where the function mostly waits, which needs none."""
    return None if 0 < verdict.serial.cpu_share < WAITING * min(1.0, cpus) else cpus


def speedups(scale: float, readings: Iterable[Reading]) -> dict[Choice, Estimate]:
    """The speed-up of every choice over the serial passes of the same blocks."""
    times = Times(scale, readings)
    return {choice: ratio(times, SERIAL, choice) for choice in times.logs if times.ratios(SERIAL, choice)}


def ratio(times: Times, numerator: Choice, denominator: Choice) -> Estimate:
    """The ratio of two choices' times, paired by block, with its 95% interval."""
    return LogRatio(times.ratios(numerator, denominator)).estimate()


def _is_as_good(times: Times, choice: Choice, leader: Choice) -> bool:
    high = None if choice == leader else ratio(times, choice, leader).high
    return high is not None and high <= NEAR
