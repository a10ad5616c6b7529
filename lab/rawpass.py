"""All that derives from raw files in one pass over them, for reading a large run takes longer than its statistics."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lab.conditions import Row, Surroundings, canary_frame, canary_rows
from lab.store import RunFolder, attempts
from lab.tidy import Gathered, Samples, identity_rows, missing_reasons


@dataclass(frozen=True, kw_only=True)
class Read:
    """The rows of samples.csv, conditions.csv (``around``) and canary.csv."""

    samples: Samples
    around: pd.DataFrame
    canaries: pd.DataFrame


def read_once(folder: RunFolder) -> Read:
    """The same as ``gather``, ``conditions`` and ``canaries``, one after the other.

    Raises:
        BadFiles: a raw file is damaged.
    """
    manifest = folder.manifest()
    gathered, surroundings = Gathered(identity_rows(manifest)), Surroundings(manifest)
    canaries: list[Row] = []
    for raw in folder.raw():
        tries = attempts(raw)
        gathered.take_file(raw, tries)
        surroundings.take(raw, tries)
        canaries += canary_rows(raw)
    gathered.take_unmeasured(missing_reasons(manifest))
    return Read(samples=gathered.joined(), around=surroundings.frame(), canaries=canary_frame(canaries))
