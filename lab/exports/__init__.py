"""A run in the formats of other programs: each format is one module with a function and one line in ``FORMATS``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.exports import data_package, openmetrics, parquet, pyperf_suite, trackers

if TYPE_CHECKING:
    from lab.comparisons.sides import Side


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format: the end of a file's name, what it is in one sentence, and what makes its bytes from a run's side."""

    suffix: str
    about: str
    encode: Callable[[Side], bytes]
    in_the_run: bool = False  # the file describes its neighbours, so it stands among them


FORMATS: Mapping[str, Format] = {
    "pyperf": Format(
        suffix=".pyperf.json",
        about="a benchmark suite of pyperf: `pyperf compare_to`, `stats`, `hist`",
        encode=pyperf_suite.encode,
    ),
    "benchmark": Format(
        suffix=".benchmark.json",
        about="customSmallerIsBetter of github-action-benchmark",
        encode=trackers.encode_action_benchmark,
    ),
    "bmf": Format(suffix=".bmf.json", about="the Bencher Metric Format", encode=trackers.encode_bencher),
    "openmetrics": Format(suffix=".prom", about="gauges in the OpenMetrics text format", encode=openmetrics.encode),
    "parquet": Format(suffix=".parquet", about="samples.csv as Parquet; needs pyarrow", encode=parquet.encode),
    "datapackage": Format(
        suffix="datapackage.json",
        about="a Data Package: the Table Schema of every CSV, written into the run's folder",
        encode=data_package.encode,
        in_the_run=True,
    ),
}


def default_path(side: Side, name: str) -> Path:
    """Where a format's file goes unless the user names a place: beside the run's folder, or into it."""
    wanted, folder = FORMATS[name], side.run.path.resolve()
    if wanted.in_the_run:
        return folder / wanted.suffix
    target = f"@{side.target}" if side.target else ""
    return folder.with_name(f"{folder.name}{target}{wanted.suffix}")
