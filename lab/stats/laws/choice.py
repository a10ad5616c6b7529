"""Which law the data support, and why not the next richer one.

Amdahl's law and the Universal Scalability Law are fitted (``lab.stats.laws.models``). The latter is kept where the 95%
interval of kappa does not touch 0; otherwise contention alone explains the data, and the answer is Amdahl's law, fitted
again with kappa 0, with kappa's interval to show what the data could not exclude. With too few worker counts for a fit
there is Karp and Flatt's serial fraction of the largest one. A peak is named only where the law has one within the
measured worker counts.

No law of scaling rises and then stays level, as throughput does where something else is exhausted: the CPUs, a quota,
a device. Where such a curve (Amdahl's up to a count, a constant beyond it) leaves a fifth or less of the law's sum of
squares and the law is off by more than a tenth somewhere, the law is of the rising counts alone and the plateau is
named. Where neither describes the data, no law is supported.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lab.stats.laws import bootstrap
from lab.stats.laws.models import PARAMETERS, fit, serial_fraction, throughput
from lab.text import plural

Array = np.ndarray[Any, Any]

MIN_COUNTS_AMDAHL = 3  # a point more than there are parameters: a value, but no interval
MIN_COUNTS_USL = 5  # without an interval kappa cannot be distinguished from 0
WANTED_COUNTS = 6  # Gunther's advice for a trustworthy fit
OFF = 0.10  # relative deviation from a mean that the reason mentions
PLATEAU_SHARE = 0.2  # of the law's sum of squares; that of SPEC SDM91, which has a peak and no plateau, is 0.49
LEAST_R2 = 0.9  # below it, and off by OFF on average and by more than noise, a law does not describe the data
NOISE = 4.0  # standard errors of a mean


@dataclass(frozen=True, kw_only=True)
class Coefficient:
    """A value and its 95 % interval; None where the data support none."""

    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Law:
    """The law that was chosen: ``model`` is usl, amdahl, karp_flatt or None; ``rate`` is the law's lambda.

    ``plateau`` is the throughput that is not exceeded beyond ``largest_workers``, where there is such a one.
    """

    model: str | None
    reason: str
    rate: Coefficient = Coefficient()
    sigma: Coefficient = Coefficient()
    kappa: Coefficient = Coefficient()
    serial_fraction: Coefficient = Coefficient()
    r2: float | None = None
    peak_workers: float | None = None
    largest_workers: int = 0
    plateau: float | None = None


def choose(workers: Array, rounds: Array) -> Law:
    """Return the law for ``workers`` (k,), distinct and ascending, and throughput ``rounds`` (r, k), NaN if missing."""
    count = len(workers)
    if count < MIN_COUNTS_AMDAHL:
        return _without_fit(workers, rounds)
    law = _richest(workers, rounds)
    means, weights = bootstrap.averaged(rounds)
    fitted = throughput(workers, np.array([law.rate.value, law.sigma.value, law.kappa.value]))
    deviations = fitted / means - 1
    worst = int(np.abs(deviations).argmax())
    off = f"the law is off by {abs(deviations[worst]):.0%} at {plural(int(workers[worst]), 'worker')}"
    if abs(deviations[worst]) <= OFF:
        return law
    rising = _rising_counts(workers, means, weights, float((weights * (means - fitted) ** 2).sum()))
    if rising:
        return _below_plateau(workers, rounds, rising)
    if _is_far_off(rounds, means, fitted, law.r2):
        return Law(model=None, reason=f"no law of scaling describes the data: {off}", largest_workers=int(workers[-1]))
    return replace(law, reason=f"{law.reason}; {off}")


def _richest(workers: Array, rounds: Array) -> Law:
    """Return the richest law that the data distinguish from the next."""
    count = len(workers)
    means, weights = bootstrap.averaged(rounds)
    notes = _notes(count, len(rounds))
    if count < MIN_COUNTS_USL:
        why = f"{count} worker counts are too few for kappa (at least {MIN_COUNTS_USL}), so Amdahl's law is fitted"
        return _fitted(workers, rounds, fit(workers, means, weights, coherency=False), [why, *notes], coherency=False)
    usl = _fitted(workers, rounds, fit(workers, means, weights, coherency=True), [], coherency=True)
    if usl.kappa.ci_low:
        return _with_peak(usl, notes)
    why = "kappa's interval touches 0, so Amdahl's law (contention alone) is fitted, which has no peak"
    amdahl = fit(workers, means, weights, coherency=False)
    return _fitted(workers, rounds, amdahl, [why, *notes], coherency=False, kappa_high=usl.kappa.ci_high)


def _rising_counts(workers: Array, means: Array, weights: Array, loss: float) -> int:
    """Return how many of the counts rise before a plateau of two counts or more; 0 where there is none.

    Args:
        workers: worker counts, ascending, shape (k,).
        means: throughput at each.
        weights: rounds behind each mean.
        loss: the sum of squares that the law leaves.
    """
    found, least = 0, PLATEAU_SHARE * loss
    for rising in range(2, len(workers) - 1):
        part = slice(rising)
        level = float(np.average(means[rising:], weights=weights[rising:]))
        if rising < MIN_COUNTS_AMDAHL:
            straight = (weights * workers * means)[part].sum() / (weights * workers**2)[part].sum()
            parameters = np.array([straight, *(0.0,) * (PARAMETERS - 1)])
        else:
            parameters = fit(workers[part], means[part], weights[part], coherency=False)
        curve = throughput(workers, parameters)
        left = float((weights * (np.append(curve[:rising], np.full(len(workers) - rising, level)) - means) ** 2).sum())
        if curve[rising] >= level and left <= least + 1e-12 * float((weights * means**2).sum()):
            found, least = rising, left
    return found


def _below_plateau(workers: Array, rounds: Array, rising: int) -> Law:
    """Return the law of the rising counts, with the plateau among its reasons."""
    law = choose(workers[:rising], rounds[:, :rising])
    last = int(workers[rising - 1])
    level = float(np.nanmean(rounds[:, rising:]))
    why = f"a plateau, which no law of scaling has: beyond {plural(last, 'worker')} throughput stays at {level:.4g}"
    return replace(law, reason=f"{why}; of the counts up to {last}: {law.reason}", plateau=level)


def _is_far_off(rounds: Array, means: Array, fitted: Array, r2: float | None) -> bool:
    """Whether a law misses the means by more than a description may, and by more than their noise."""
    if r2 is None or r2 >= LEAST_R2 or float(np.sqrt(((fitted / means - 1) ** 2).mean())) <= OFF:
        return False
    if len(rounds) < 2:  # noqa: PLR2004 - a single round has no scatter
        return True
    counts = np.isfinite(rounds).sum(axis=0)
    several = counts > 1  # a count with a single round has no scatter either
    if not several.any():
        return True
    errors = np.nanstd(rounds[:, several], axis=0, ddof=1) / np.sqrt(counts[several])
    fitted, means = fitted[several], means[several]
    return bool((np.abs(fitted - means) > NOISE * errors).any())


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
    peak, named = _peak(usl, None), None
    if peak > usl.largest_workers:
        band = " to ".join(f"{_peak(usl, end):.3g}" for end in ("high", "low"))
        where = f"{peak:.3g} workers ({band} at its coefficients' ends)"
        why = f"; the law's peak would lie at {where}, extrapolated beyond the {usl.largest_workers} measured"
    elif peak < 1:
        why = ": every further worker costs throughput"
    else:
        why, named = ": throughput has a peak, within what was measured", peak
    return replace(usl, reason="; ".join([f"kappa's interval lies above 0{why}", *notes]), peak_workers=named)


def _peak(usl: Law, end: str | None) -> float:
    """Return where the law's derivative is 0, from its values or from one end of their intervals."""
    name = f"ci_{end}" if end else "value"
    sigma, kappa = (getattr(coefficient, name) or 0.0 for coefficient in (usl.sigma, usl.kappa))
    return math.sqrt(max(0.0, 1 - sigma) / kappa) if kappa else math.inf


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
