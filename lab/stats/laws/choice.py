"""Which law the data support, and why not the next richer one.

Amdahl's law and the Universal Scalability Law are fitted (``lab.stats.laws.models``). The latter is kept where the 95%
interval of kappa does not touch 0; otherwise contention alone explains the data, and the answer is Amdahl's law, fitted
again with kappa 0, with kappa's interval to show what the data could not exclude. With too few worker counts for a fit
there is Karp and Flatt's serial fraction of the largest one. A peak is named only where the law has one within the
measured worker counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.stats.laws import bootstrap
from lab.stats.laws.models import fit, serial_fraction, throughput
from lab.text import plural

Array = np.ndarray[Any, Any]

MIN_COUNTS_AMDAHL = 3  # a point more than there are parameters: a value, but no interval
MIN_COUNTS_USL = 5  # without an interval kappa cannot be distinguished from 0
WANTED_COUNTS = 6  # Gunther's advice for a trustworthy fit


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """A value and its 95 % interval; None where the data support none."""

    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Law:
    """The law that was chosen: ``model`` is usl, amdahl, karp_flatt or None; ``rate`` is the law's lambda."""

    model: str | None
    reason: str
    rate: Coefficient = Coefficient()
    sigma: Coefficient = Coefficient()
    kappa: Coefficient = Coefficient()
    serial_fraction: Coefficient = Coefficient()
    r2: float | None = None
    peak_workers: float | None = None
    largest_workers: int = 0


def choose(workers: Array, rounds: Array) -> Law:
    """Return the law for ``workers`` (k,), distinct and ascending, and throughput ``rounds`` (r, k), NaN if missing."""
    count = len(workers)
    if count < MIN_COUNTS_AMDAHL:
        return _without_fit(workers, rounds)
    means, weights = bootstrap.averaged(rounds)
    notes = _notes(count, len(rounds))
    if count < MIN_COUNTS_USL:
        why = f"{count} worker counts are too few for kappa (at least {MIN_COUNTS_USL}), so Amdahl's law is fitted"
        return _fitted(workers, rounds, fit(workers, means, weights, coherency=False), [why, *notes], coherency=False)
    usl = _fitted(workers, rounds, fit(workers, means, weights, coherency=True), [], coherency=True)
    if usl.kappa.ci_low:
        return _with_peak(usl, notes)
    why = "kappa's interval touches 0: contention alone explains the data (Amdahl's law), which has no peak"
    amdahl = fit(workers, means, weights, coherency=False)
    return _fitted(workers, rounds, amdahl, [why, *notes], coherency=False, kappa_high=usl.kappa.ci_high)


def _fitted(
    workers: Array,
    rounds: Array,
    parameters: Array,
    reasons: list[str],
    *,
    coherency: bool,
    kappa_high: float | None = None,
) -> Law:
    ends = bootstrap.intervals(workers, rounds, parameters, coherency=coherency)
    low, high = ([None] * 3, [None] * 3) if ends is None else [end.tolist() for end in ends]
    rate, sigma, kappa = (
        Coefficient(value=float(value), ci_low=low[index], ci_high=high[index])
        for index, value in enumerate(parameters)
    )
    if not coherency:
        kappa = Coefficient(value=0.0, ci_low=None if kappa_high is None else 0.0, ci_high=kappa_high)
    return Law(
        model="usl" if coherency else "amdahl",
        reason="; ".join(reasons),
        rate=rate,
        sigma=sigma,
        kappa=kappa,
        serial_fraction=Coefficient() if coherency else sigma,
        r2=goodness(bootstrap.averaged(rounds)[0], throughput(workers, parameters)),
        largest_workers=int(workers[-1]),
    )


def goodness(means: Array, fitted: Array) -> float | None:
    """Return R squared of the curve through the means; None where they do not vary."""
    total = float(((means - means.mean()) ** 2).sum())
    if total <= 1e-18 * float((means**2).sum()):
        return None
    return 1 - float(((means - fitted) ** 2).sum()) / total


def _with_peak(usl: Law, notes: list[str]) -> Law:
    peak = _peak(usl, None)
    if peak > usl.largest_workers:
        band = " to ".join(f"{_peak(usl, end):.3g}" for end in ("high", "low"))
        where = f"{peak:.3g} workers ({band} at its coefficients' ends)"
        why = f"the law's peak would lie at {where}, extrapolated beyond the {usl.largest_workers} measured"
        return _replace(usl, ["kappa's interval lies above 0", why, *notes], None)
    if peak < 1:
        return _replace(usl, ["kappa's interval lies above 0: every further worker costs throughput", *notes], None)
    return _replace(
        usl, ["kappa's interval lies above 0: throughput has a peak, within what was measured", *notes], peak
    )


def _peak(usl: Law, end: str | None) -> float:
    """Return where the law's derivative is 0, from its values or from one end of their intervals."""
    name = f"ci_{end}" if end else "value"
    sigma, kappa = (getattr(coefficient, name) or 0.0 for coefficient in (usl.sigma, usl.kappa))
    return math.sqrt(max(0.0, 1 - sigma) / kappa) if kappa else math.inf


def _replace(law: Law, reasons: list[str], peak: float | None) -> Law:
    return Law(**{**vars(law), "reason": "; ".join(reasons), "peak_workers": peak})


def _notes(count: int, rounds: int) -> list[str]:
    notes = []
    if count < WANTED_COUNTS:
        notes.append(f"{count} worker counts of the {WANTED_COUNTS} that make coefficients trustworthy")
    if 1 < rounds < bootstrap.MIN_ROUNDS:
        few = f"{rounds} of {bootstrap.MIN_ROUNDS} rounds"
        notes.append(f"{few}: the intervals are of the residuals about the means, not of rounds")
    return notes


def _without_fit(workers: Array, rounds: Array) -> Law:
    count, largest = len(workers), int(workers[-1])
    few = f"{plural(count, 'worker count')} of the {MIN_COUNTS_AMDAHL} that a fit needs at least"
    if count < 2 or workers[0] != 1:  # noqa: PLR2004 - one of them has to be the single worker
        reason = f"{few}, and no speed-up without one worker and a larger count; no law is supported"
        return Law(model=None, reason=reason, largest_workers=largest)
    means, _ = bootstrap.averaged(rounds)
    fraction = float(serial_fraction(means[1:] / means[0], workers[1:])[-1])
    reason = f"{few}: Karp and Flatt's serial fraction at {largest} workers, without an interval"
    return Law(model="karp_flatt", reason=reason, serial_fraction=Coefficient(value=fraction), largest_workers=largest)
