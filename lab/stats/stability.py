"""When a cell is called stable, noisy or bimodal.

Bimodality: the split of the sorted logarithms into two clusters that leaves the least variance within (Otsu 1979), held
against Ashman's D (Ashman, Bird and Zepf 1994); a cluster below a fifth of the batches is a tail and not a mode.
Deviation: the best split of a few values of a single mode exceeds Ashman's D > 2 by itself, so the bar is higher.

A cell that ran while something else had a good part of its CPUs is noisy whatever its half-width: such an interval is
narrow by luck, for the load may come and go. ``lab.stats.conditions`` finds the causes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

UNKNOWN_CAUSE = "cause unknown"
DISTURBED_UNITS = frozenset({"ns", "ops/s", "bytes/s"})  # counts and sizes do not change because others run

HALF_WIDTH = 0.03  # of an estimate, relative
MIN_BATCHES = 20
MIN_SHARE = 0.2
ASHMAN_D = 4.8  # two halves of 20 values of one Gaussian exceed it in 1 % of cases (simulated; see the tests)
MIN_GAP = 2 * HALF_WIDTH  # modes that an interval as narrow as the goal would part; closer ones are of no consequence


def is_bimodal(batches: np.ndarray[Any, Any]) -> bool:
    """Whether the batches fall into two separate groups; never said below ``MIN_BATCHES`` of them."""
    if len(batches) < MIN_BATCHES or not (batches > 0).all():
        return False
    logs = np.sort(np.log(batches))
    count = len(logs)
    cuts = np.arange(max(2, int(count * MIN_SHARE)), count - max(2, int(count * MIN_SHARE)) + 1)
    sums, squares = np.cumsum(logs), np.cumsum(logs**2)
    left = squares[cuts - 1] - sums[cuts - 1] ** 2 / cuts
    right_n = count - cuts
    right = (squares[-1] - squares[cuts - 1]) - (sums[-1] - sums[cuts - 1]) ** 2 / right_n
    cut = int(cuts[np.argmin(left + right)])
    low, high = logs[:cut], logs[cut:]
    apart = float(high.mean() - low.mean())
    spread = float(np.sqrt((low.var() + high.var()) / 2))
    return apart > MIN_GAP and apart > ASHMAN_D * spread


def with_causes(summary: pd.DataFrame, causes: pd.DataFrame) -> pd.DataFrame:
    """The summary with the likely cause in the ``reason`` of its noisy and bimodal rows, and disturbed cells noisy.

    ``causes`` has the summary's index, ``cause_words`` (missing: none was seen) and ``disturbed``. Rows below five
    rounds keep their word (none) and their reason.
    """
    known = causes["cause_words"].notna() & summary["unit"].isin(DISTURBED_UNITS)
    unsteady = summary["stable"].isin(["noisy", "bimodal"]) & known
    disturbed = summary["stable"].eq("stable").fillna(False) & known & causes["disturbed"].eq(True)  # noqa: FBT003 - a value, no flag
    named = [
        str(reason).replace(UNKNOWN_CAUSE, str(words))
        for reason, words in zip(summary["reason"], causes["cause_words"], strict=True)
    ]
    reason = summary["reason"].mask(unsteady, pd.Series(named, index=summary.index, dtype="string"))
    return summary.assign(
        reason=reason.mask(disturbed, causes["cause_words"].astype("string")),
        stable=summary["stable"].mask(disturbed, "noisy"),
    )
