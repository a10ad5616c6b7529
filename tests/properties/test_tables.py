"""What holds of CSVs whatever text they are given."""

from __future__ import annotations

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.tables import csv_files, schema


def frame(texts: list[str]) -> pd.DataFrame:
    return csv_files.conform(pd.DataFrame({"target": texts, "estimate": [-1.5] * len(texts)}), schema.SUMMARY)


@settings(max_examples=25, deadline=None)  # no test asserts on times
@given(st.lists(st.text(alphabet="'=+-@\t\rab", max_size=5), min_size=1, max_size=8))
def test_what_is_taken_away_is_what_was_added(texts: list[str]) -> None:
    plain = frame(texts)
    pd.testing.assert_frame_equal(csv_files.unguarded(csv_files.guarded(plain)), plain)
