"""Two targets beside each other, cell by cell: slower, faster, same, or cannot tell.

Sources: Murphy and Myors (Journal of Applied Psychology 84, 1999) for the test of a minimum effect; Schuirmann (1987)
for equivalence by two one-sided tests; Benjamini and Hochberg (JRSS B 57, 1995) for the false discovery rate. The
ratios and their standard errors are those of ``lab.stats.pairs``.

The null hypothesis is that the true ratio lies within 1 ± threshold (on the logarithm: between 1 / (1 + threshold) and
1 + threshold), and not that it is exactly 1, which no two targets are.

- *slower*, *faster*: q at most 0.05, and the whole 95 % interval beyond the threshold, so that the verdict can be seen
  in the interval that stands beside it;
- *same*: the 90 % interval wholly within the threshold (two one-sided tests at 5 %);
- *cannot tell*: all else that was measured, with the reason; below five rounds always;
- *not measured*: what one side or both have no value of.

Deviations: q is over all rows that are judged together, whatever their family; cells that depend on each other (one
scenario at several sizes) do so positively, which the procedure allows. A bimodal cell has the t-interval too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import scipy.special  # not scipy.stats, which takes as long to import as pandas

from lab.stats.intervals import CONFIDENCE
from lab.stats.pairs import Disturbed, ratios
from lab.tables import csv_files, schema
from lab.text import plural

THRESHOLD = 0.02
FALSE_DISCOVERY_RATE = 0.05
SAME_CONFIDENCE = 0.90  # two one-sided tests at 5 %
VERDICTS = ("slower", "faster", "same", "cannot tell", "not measured")
Floats = np.ndarray[Any, Any]


def compare(
    base: pd.DataFrame,
    new: pd.DataFrame,
    *,
    threshold: float = THRESHOLD,
    interleaved: bool = True,
    disturbed: Disturbed | None = None,
) -> pd.DataFrame:
    """The comparison of two targets, with the columns of ``schema.COMPARE``, the worst first.

    Args:
        base: rows of samples.csv of one target.
        new: the same of the other target, or of the same target in another run.
        threshold: smallest relative change that matters; the machine's A/A floor where that is larger.
        interleaved: whether round k of both was measured together; then the test is paired by round.
        disturbed: cells whose measurement was disturbed, with the cause.
    """
    return judge(ratios(base, new, interleaved=interleaved, disturbed=disturbed), threshold=threshold)


def judge(measured: pd.DataFrame, *, threshold: float = THRESHOLD) -> pd.DataFrame:
    """Intervals, p, q and verdicts of rows of ``lab.stats.pairs.ratios``: all of them together are one family.

    Returns:
        The columns of ``schema.COMPARE``; the worst stands first, what has no ratio last.
    """
    edge = float(np.log1p(threshold))
    centre, error, degrees = (measured[name].to_numpy(dtype=float) for name in ("log_ratio", "error", "degrees"))
    tested = measured["reason"].isna().to_numpy(dtype=bool)
    p_value = np.where(tested, minimum_effect(centre, error, degrees, edge), np.nan)
    q_value = adjusted(p_value)
    low, high = ends(centre, error, degrees, CONFIDENCE)
    within_low, within_high = ends(centre, error, degrees, SAME_CONFIDENCE)
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
        verdict=np.select(conditions, ["not measured", "slower", "faster", "same"], "cannot tell"),
        place=-centre,
    )
    frame["reason"] = frame["reason"].where(frame["verdict"].isin(VERDICTS[3:]))
    frame["reason"] = doubts(frame, count=int(tested.sum()), threshold=threshold)
    frame = frame.sort_values(["place", "id"], na_position="last", kind="stable", ignore_index=True)
    return csv_files.conform(frame, schema.COMPARE)


def minimum_effect(centre: Floats, error: Floats, degrees: Floats, edge: float) -> Floats:
    """The p of the hypothesis that the true effect lies within ± edge; at edge 0 this is the two-sided t-test."""
    with np.errstate(divide="ignore", invalid="ignore"):
        near, far = (np.abs(centre) - edge) / error, (np.abs(centre) + edge) / error
        found = np.minimum(scipy.special.stdtr(degrees, -near) + scipy.special.stdtr(degrees, -far), 1.0)
    without_scatter = np.where(np.abs(centre) > edge, 0.0, 1.0)
    return np.where(error == 0, without_scatter, found)


def adjusted(p_value: Floats) -> Floats:
    """The q by Benjamini and Hochberg over all that have a p."""
    q_value = np.full(len(p_value), np.nan)
    order = np.argsort(p_value)[: np.isfinite(p_value).sum()]  # what is not a number is sorted behind
    scaled = p_value[order] * (len(order) / np.arange(1, len(order) + 1))
    q_value[order] = np.minimum.accumulate(scaled[::-1])[::-1].clip(0, 1)
    return q_value


def ends(centre: Floats, error: Floats, degrees: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Both ends of the t-interval; not a number where there is no standard error."""
    half = scipy.special.stdtrit(degrees, (1 + confidence) / 2) * error
    return centre - half, centre + half


def doubts(frame: pd.DataFrame, *, count: int, threshold: float) -> pd.Series:
    """The reasons, with those added that follow from the interval where the verdict is ``cannot tell``."""
    above, below = frame["ci_low"] > 1 + threshold, frame["ci_high"] * (1 + threshold) < 1
    differs = (frame["ci_low"] > 1) | (frame["ci_high"] < 1)
    share = f"{100 * threshold:.3g} %"
    words = np.select(
        [above | below, differs],
        [
            f"by itself it differs by more than {share}; not certain among {plural(count, 'comparison')}",
            f"it differs, but not certainly by more than {share}",
        ],
        f"the interval holds 1 and reaches beyond {share}",
    )
    open_question = frame["verdict"].eq("cannot tell") & frame["reason"].isna()
    return frame["reason"].mask(open_question, pd.Series(words, index=frame.index, dtype="string"))
