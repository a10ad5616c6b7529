"""Parse CPU limits of the command line and of profiles, and resolve them on a machine."""

from __future__ import annotations

import math
from dataclasses import dataclass

from lab.errors import UsageError
from lab.model import PERIOD_US, Limit

PERIODS_MS = range(1, 1001)  # the kernel's range: cpu.cfs_period_us, Documentation/scheduler/sched-bwc.rst
SHORTEST_QUOTA_US = 1000  # min_cfs_quota_period, kernel/sched/core.c; Docker's minimum of 0.01 CPUs equals it


@dataclass(frozen=True, kw_only=True)
class WantedLimit:
    """A limit before the machine is known: ``cpus`` is None for all CPUs, ``period_us`` is None for pinned CPUs."""

    text: str
    cpus: float | None
    period_us: int | None = None

    @property
    def is_quota(self) -> bool:
        """Whether the limit is a share of CPU time."""
        return self.period_us is not None

    def resolve(self, cpus: int, *, native: bool, as_found: Limit | None = None) -> Limit:
        """The limit on a machine or an engine with ``cpus`` CPUs, natively below the quota ``as_found``, if any.

        Raises:
            UsageError: the limit exceeds ``cpus`` or the quota.
        """
        if as_found and (self.cpus is None or self.cpus == as_found.cpus):
            return as_found
        value = float(cpus) if self.cpus is None else self.cpus
        if as_found and value > as_found.cpus:
            raise UsageError(
                f"{self.text!r} exceeds the quota of {as_found.cpus:g} CPUs that this process runs under; choose a "
                "limit up to it, or N for the quota as found"
            )
        if value > cpus:
            raise UsageError(f"{self.text!r} exceeds the {cpus} CPUs of this machine; choose a limit up to {cpus}")
        if self.period_us is not None:
            return Limit(mode="quota", cpus=value, period_us=self.period_us)
        return Limit(mode="affinity" if native else "cpuset", cpus=value)


def parse_limit(text: str) -> WantedLimit:
    """Parse ``2`` (two pinned CPUs), ``N`` (all CPUs), ``0.5q`` (a quota) or ``0.5q10`` (a quota per 10 ms).

    Raises:
        UsageError: the text is not a limit, or the kernel does not accept the limit.
    """
    number, quota, period_ms = text.partition("q")
    try:
        cpus = None if number == "N" else float(number)
    except ValueError:
        raise UsageError(f"{text!r} is not a CPU limit; write 2 for two pinned CPUs or 0.5q for a quota") from None
    if cpus is not None and not (cpus > 0 and math.isfinite(cpus)):
        raise UsageError(f"{text!r} is not a CPU limit; choose a number of CPUs above 0")
    if quota:
        return WantedLimit(text=text, cpus=cpus, period_us=_period_us(text, cpus, period_ms))
    if cpus is not None and not cpus.is_integer():
        raise UsageError(
            f"{text!r} is not a whole number of CPUs, which is all that can be pinned; "
            f"write {text}q for a quota, a share of CPU time"
        )
    return WantedLimit(text=text, cpus=cpus)


def parse_limits(text: str) -> tuple[WantedLimit, ...]:
    """Parse the comma-separated list of ``--cpus``.

    Raises:
        UsageError: the list is empty, or one of its parts is not a limit.
    """
    limits = tuple(parse_limit(part.strip()) for part in text.split(",") if part.strip())
    if not limits:
        raise UsageError(f"--cpus {text!r} names no limit; write for example --cpus 1,2,0.5q")
    return limits


def _period_us(text: str, cpus: float | None, period_ms: str) -> int:
    if period_ms and not (period_ms.isascii() and period_ms.isdecimal() and int(period_ms) in PERIODS_MS):
        raise UsageError(f"{text!r} is not a CPU limit; a quota's period is 1 to 1000 ms, for example 0.5q10")
    period_us = int(period_ms) * 1000 if period_ms else PERIOD_US
    if cpus is not None and round(cpus * period_us) < SHORTEST_QUOTA_US:
        raise UsageError(
            f"{text!r} is not a CPU limit that the kernel takes: less than 1 ms of CPU time in a period of "
            f"{period_us // 1000} ms; choose at least {SHORTEST_QUOTA_US / period_us:g}q{period_ms}"
        )
    return period_us
