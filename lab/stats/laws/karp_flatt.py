"""The serial fraction that a measured speed-up amounts to.

Source: Karp and Flatt, Measuring Parallel Processor Performance (CACM 33(5), 1990):

    e = (1 / S - 1 / N) / (1 - 1 / N)

for the speed-up S of N workers. It needs no fit: one worker count is enough. Where it grows with N, what is lost is
overhead and not a serial part. Below zero the speed-up exceeds the workers, which the law does not know.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def serial_fraction(speedup: Array, workers: Array) -> Array:
    """The fraction at each worker count; NaN for one worker, of which nothing can be said."""
    workers = np.asarray(workers, dtype=float)
    parts = np.where(workers > 1, 1 - 1 / workers, np.nan)
    fraction: Array = (1 / np.asarray(speedup, dtype=float) - 1 / workers) / parts
    return fraction
