"""When a cell is called stable, noisy or bimodal.

Bimodality is judged on the rounds' centres and not on batches: three quarters and more of the variance lies between
processes, so the batches of one process form a group by themselves, and several groups look like modes. The split of
the sorted logarithms into two clusters that leaves the least variance within them (Otsu 1979) is compared with Ashman's
D (Ashman, Bird and Zepf 1994). A cluster of less than a fifth of the rounds is a tail and not a mode. Deviation: the
best split of a few values with a single mode exceeds Ashman's D > 2 by itself, so the limit is higher, the more so the
fewer the rounds are; below ``MODE_ROUNDS`` modes are not examined.

A cell that ran while something else used a good part of its CPUs is noisy whatever its half-width: its interval is
narrow by luck, since the load may come and go. ``lab.stats.quality.disturbances`` finds the causes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

UNKNOWN_CAUSE = "cause unknown"
DISTURBED_UNITS = frozenset({"ns", "ops/s", "bytes/s"})  # counts and sizes do not change because others run

HALF_WIDTH = 0.03  # of an estimate, relative
MODE_ROUNDS = 8  # of seven, three in ten pairs of modes that lie ten of their own deviations apart would be missed
MIN_SHARE = 0.2
# Rounds -> the D that the best split of as many Gaussian centres exceeds in 1% of cases (simulated; see the tests).
ASHMAN_D = {8: 8.6, 10: 7.3, 12: 6.6, 14: 6.0, 16: 5.4, 20: 4.85, 24: 4.6, 32: 4.15, 40: 3.9}
MIN_GAP = 2 * HALF_WIDTH  # modes that are closer than the interval to reach do not matter
NOT_EXAMINED = "two modes: not examined"


def is_bimodal(centres: np.ndarray[Any, Any]) -> bool:
    """Whether the rounds' centres fall into two separate groups; False below ``MODE_ROUNDS`` of them."""
    if len(centres) < MODE_ROUNDS or not (centres > 0).all():
        return False
    logs = np.sort(np.log(centres))
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
    return apart > MIN_GAP and apart > float(np.interp(count, [*ASHMAN_D], [*ASHMAN_D.values()])) * spread


def with_causes(summary: pd.DataFrame, causes: pd.DataFrame) -> pd.DataFrame:
    """Return the summary with likely causes in the ``reason`` of unstable rows, and with disturbed cells as noisy.

    Rows below five rounds have no word for their stability and keep their reason.

    Args:
        summary: columns of ``schema.SUMMARY``.
        causes: ``cause_words`` (missing where none was seen) and ``disturbed``, with the summary's index.
    """
    known = causes["cause_words"].notna() & summary["unit"].isin(DISTURBED_UNITS)
    unsteady = summary["stable"].isin(["noisy", "bimodal"]) & known
    disturbed = summary["stable"].eq("stable").fillna(False) & known & causes["disturbed"].eq(True)  # noqa: FBT003 - a value, no flag
    replaced = [
        str(reason).replace(UNKNOWN_CAUSE, str(words))
        for reason, words in zip(summary["reason"], causes["cause_words"], strict=True)
    ]
    reason = summary["reason"].mask(unsteady, pd.Series(replaced, index=summary.index, dtype="string"))
    return summary.assign(
        reason=reason.mask(disturbed, causes["cause_words"].astype("string")),
        stable=summary["stable"].mask(disturbed, "noisy"),
    )
