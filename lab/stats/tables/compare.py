"""compare.csv: two targets compared cell by cell.

Sources: Murphy and Myors (Journal of Applied Psychology 84, 1999) for the test of a minimum effect; Schuirmann (1987)
for equivalence by two one-sided tests; Benjamini and Hochberg (JRSS B 57, 1995) for the false discovery rate. The
ratios and their standard errors are those of ``lab.stats.tables.target_ratios``.

The null hypothesis is that the true ratio lies within 1 ± threshold (on the logarithm: between 1 / (1 + threshold) and
1 + threshold), and not that it is exactly 1, which no two targets are.

- *slower*, *faster*: q at most 0.05, and the whole 95% interval beyond the threshold, so that the verdict can be seen
  in the interval that is shown with it;
- *same*: the 90% interval wholly within the threshold (two one-sided tests at 5%);
- ``OPEN``: everything else that was measured, with the reason; below five rounds always;
- *not measured*: what one side or both have no value of.

Deviations: q is over all rows that are judged together, whatever their family; cells that depend on each other (one
scenario at several sizes) do so positively, which the procedure allows. A bimodal cell has the t-interval too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import scipy.special  # not scipy.stats, which takes as long to import as pandas

from lab.stats.best import OPEN
from lab.stats.intervals import CONFIDENCE
from lab.stats.tables.target_ratios import CellCauses, cell_ratios
from lab.stats.tests import FALSE_DISCOVERY_RATE, Floats, minimum_effect, q_values
from lab.tables import csv_files, schema
from lab.text import plural

THRESHOLD = 0.02
SAME_CONFIDENCE = 0.90  # two one-sided tests at 5%
VERDICTS = ("slower", "faster", "same", OPEN, "not measured")


def compare(
    base: pd.DataFrame,
    new: pd.DataFrame,
    *,
    threshold: float = THRESHOLD,
    interleaved: bool = True,
    disturbed: CellCauses | None = None,
) -> pd.DataFrame:
    """Return the comparison of two targets, with the columns of ``schema.COMPARE``, the worst first.

    Args:
        base: rows of samples.csv of one target.
        new: those of the other target, or of the same target in another run.
        threshold: smallest relative change that matters.
        interleaved: whether round k of both was measured together; then the test is paired by round.
        disturbed: cells that were disturbed on either side, with the cause.
    """
    return judge(cell_ratios(base, new, interleaved=interleaved, disturbed=disturbed), threshold=threshold)


def judge(measured: pd.DataFrame, *, threshold: float = THRESHOLD) -> pd.DataFrame:
    """Return intervals, p, q and verdicts of rows of ``target_ratios``: all of them together are one family.

    Returns:
        The columns of ``schema.COMPARE``; the worst comes first, what has no ratio last.
    """
    edge = float(np.log1p(threshold))
    centre, error, degrees = (measured[name].to_numpy(dtype=float) for name in ("log_ratio", "error", "degrees"))
    tested = measured["reason"].isna().to_numpy(dtype=bool)
    p_value = np.where(tested, minimum_effect(centre, error, degrees, edge), np.nan)
    q_value = q_values(p_value)
    low, high = _ends(centre, error, degrees, CONFIDENCE)
    within_low, within_high = _ends(centre, error, degrees, SAME_CONFIDENCE)
    real = q_value <= FALSE_DISCOVERY_RATE
    conditions = [
        measured["measured"].eq(other=False).to_numpy(dtype=bool),
        tested & real & (low > edge),
        tested & real & (high < -edge),
        tested & (within_low >= -edge) & (within_high <= edge),
    ]
    frame = measured.assign(
        ratio=np.exp(centre),
        ci_low=np.exp(low),
        ci_high=np.exp(high),
        p_value=p_value,
        q_value=q_value,
        verdict=np.select(conditions, ["not measured", "slower", "faster", "same"], OPEN),
        place=-centre,
    )
    frame["reason"] = frame["reason"].where(frame["verdict"].isin(VERDICTS[3:]))
    frame["reason"] = _with_open_reasons(frame, count=int(tested.sum()), threshold=threshold)
    frame = frame.sort_values(["place", "id"], na_position="last", kind="stable", ignore_index=True)
    return csv_files.conform(frame, schema.COMPARE)


def _ends(centre: Floats, error: Floats, degrees: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return both ends of the t-interval; NaN without a standard error."""
    half = scipy.special.stdtrit(degrees, (1 + confidence) / 2) * error
    return centre - half, centre + half


def _with_open_reasons(frame: pd.DataFrame, *, count: int, threshold: float) -> pd.Series[str]:
    """Return the reasons, with those added that follow from the interval where nothing was decided."""
    above, below = frame["ci_low"] > 1 + threshold, frame["ci_high"] * (1 + threshold) < 1
    differs = (frame["ci_low"] > 1) | (frame["ci_high"] < 1)
    share = f"{100 * threshold:.3g}%"
    words = np.select(
        [above | below, differs],
        [
            f"by itself it differs by more than {share}; not certain among {plural(count, 'comparison')}",
            f"it differs, but not certainly by more than {share}",
        ],
        f"the interval holds 1 and reaches beyond {share}",
    )
    inconclusive = frame["verdict"].eq(OPEN) & frame["reason"].isna()
    return frame["reason"].mask(inconclusive, pd.Series(words, index=frame.index, dtype="string"))
