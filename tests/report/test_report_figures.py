"""What the figures and tables of the report claim follows from the numbers below them."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from lab.claims import all_claims
from lab.report.crossings import crossings, crossings_sentence
from lab.report.data import RunData, of_frames
from lab.report.drawing import theme
from lab.report.drawing.drawing import Drawing, Missing
from lab.report.figures import SECTIONS, figures
from lab.report.figures.comparisons import short_names
from lab.report.figures.ipc_overhead import overheads
from lab.report.figures.pool_scaling import fitted, law_key, with_several_limits
from lab.report.pages.cells import machines
from lab.report.pages.claims import EVERY_CLAIM, claim_groups
from lab.report.pages.table import anchor
from lab.report.speedup import speedups
from lab.stats.quality.disturbances import Disturbance
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema
from tests.manifests import manifest

COMMON: dict[str, Any] = {
    "run_id": "r",
    "target": "py313-linux-c2",
    "engine": "docker",
    "os": "linux",
    "python": "3.13.0",
    "build": "gil",
    "cpu_mode": "cpuset",
    "cpus_requested": 2.0,
    "variant": "{}",
    "unit": "ns",
    "metric": "wall_time",
    "loops": 1,
    "process": 0,
    "warmup": 0,
    "status": "ok",
    "host": "one",
}


def run(cells: list[dict[str, Any]], rounds: int = 5, batches: int = 3) -> RunData:
    rows = [
        {**COMMON, **cell, "round": number, "sample": batch, "value": cell["value"] * 1.01**number}
        for cell in cells
        for number in range(rounds)
        for batch in range(batches)
    ]
    frame = csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)
    return of_frames(manifest(finished="yes"), summary=summarize(frame), samples=frame)


def trip(mechanism: str, size: int, value: float, **more: Any) -> dict[str, Any]:
    return {
        "scenario": "ipc.round_trip",
        "operation": "round_trip",
        "mechanism": mechanism,
        "payload_bytes": size,
        "placement": "same_cpu",
        "case": f"{mechanism}-{size}",
        "value": value,
        "variant": json.dumps({"payload": "bytes"}),
        **more,
    }


def job(executor: str, workers: int, value: float, **more: Any) -> dict[str, Any]:
    return {
        "scenario": "pool.scaling",
        "operation": "job",
        "work": "pure_python",
        "executor": executor,
        "workers": workers,
        "case": f"{executor}-{workers}",
        "value": value,
        **more,
    }


@pytest.fixture(autouse=True)
def themed() -> Iterator[None]:
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        yield


def test_every_figure_is_in_a_section_of_the_page() -> None:
    assert {figure.section for figure in figures().values()} <= set(SECTIONS)


CROSSED = [trip("pipe", 64, 1e4), trip("shared_memory", 64, 2e4), trip("pipe", 1024, 4e4)]


def test_a_crossing_is_bracketed_between_the_sizes_that_show_it() -> None:
    data = run([*CROSSED, trip("shared_memory", 1024, 3e4)])
    ((found,),) = crossings(data, data.pick("ipc.round_trip"))
    assert (found.low_bytes, found.high_bytes) == (64, 1024)
    assert crossings_sentence([found]) == " The best changes from pipe to shared memory between 64 B and 1 KiB."


def test_no_crossing_without_intervals_nor_where_one_mechanism_stays_ahead() -> None:
    data = run([*CROSSED, trip("shared_memory", 1024, 3e4)], rounds=4)
    assert crossings(data, data.pick("ipc.round_trip")) == [[]]
    data = run([*CROSSED, trip("shared_memory", 1024, 5e4)])
    assert crossings(data, data.pick("ipc.round_trip")) == [[]]


def test_a_disturbed_cell_supports_no_crossing() -> None:
    clear = run([*CROSSED, trip("shared_memory", 1024, 3e4)])
    rows = clear.pick("ipc.round_trip")
    assert len(crossings(clear, rows)[0]) == 1
    for row in rows:
        stolen = {(row.target, row.scenario, row.case): Disturbance("steal", 0.4)}
        assert crossings(replace(clear, disturbed=stolen), rows) == [[]]


def test_what_python_adds_is_the_ratio_to_the_call_below() -> None:
    (found,) = overheads(run([trip("os_pipe", 64, 1e4), trip("pipe", 64, 1.5e4), trip("queue", 1024, 9e4)]))
    assert math.isclose(found.value.value, 1.5)
    assert (found.row.mechanism, found.raw.mechanism) == ("pipe", "os_pipe")


def test_a_map_needs_two_limits() -> None:
    one = {"target": "py313-linux-c1", "cpus_requested": 1.0}
    cells = [job("serial", 1, 8e6), job("threads", 2, 8e6), job("processes", 2, 4e6, start_method="fork")]
    assert isinstance(figures()["pool_heat_map"].draw(run(cells)), Missing)
    data = run([*cells, job("serial", 1, 8e6, **one), job("threads", 2, 8e6, **one)])
    assert {item.row.executor for item in with_several_limits(speedups(data))} == {"threads"}
    assert isinstance(figures()["pool_heat_map"].draw(data), Drawing)


def test_two_modes_are_drawn_from_every_batch() -> None:
    rows = [
        {**COMMON, **trip("pipe", 64, 0.0), "round": number, "sample": batch, "value": 1e4 * (1 + number % 2) + batch}
        for number in range(8)
        for batch in range(5)
    ]
    frame = csv_files.conform(pd.DataFrame(rows), schema.SAMPLES)
    data = of_frames(manifest(finished="yes"), summary=summarize(frame), samples=frame)
    assert [row.stable for row in data.rows] == ["bimodal"]
    assert sum(map(len, data.batches(data.rows[0].key).values())) == 40
    drawn = figures()["bimodal"].draw(data)
    assert isinstance(drawn, Drawing)
    assert len(drawn.figure.axes[0].lines) == 9  # eight rounds and all together


def test_machines_are_columns_and_cells_that_one_lacks_are_missing() -> None:
    other = {"host": "two", "target": "py313-linux-c2-two"}
    data = run([trip("pipe", 64, 1e4), trip("pipe", 64, 2e4, **other), trip("queue", 64, 3e4)])
    ((scenario, table),) = machines(data)
    assert scenario == "ipc.round_trip"
    assert list(table.heads[-2:]) == ["one", "two"]
    cells = {row[1]: row[-2:] for row in table.rows}
    assert cells["queue-64"][1] == "missing"
    assert cells["pipe-64"][0].startswith("10.2 µs (")
    assert cells["pipe-64"][1].startswith("20.4 µs (")
    assert machines(run([trip("pipe", 64, 1e4)])) == []


def test_a_law_is_drawn_as_a_speed_up_and_not_beyond_what_was_measured() -> None:
    data = run([job("serial", 1, 8e6), *(job("threads", count, 8e6 / count) for count in (1, 2, 4))])
    first = speedups(data)[0]
    law: dict[str, Any] = {"target": COMMON["target"], "work": "pure_python", "executor": "threads", "model": "amdahl"}
    law |= {"lambda": 100.0, "sigma": 0.0, "kappa": 0.0, "serial_throughput": 50.0, "largest_workers": 2}
    law |= {f"{name}_ci_{end}": law[name] for name in ("lambda", "sigma", "kappa") for end in ("low", "high")}
    fit = fitted({law_key(law): law}, first, [1, 2, 4])
    assert fit is not None
    assert np.allclose(fit.value, 2 * np.asarray(fit.at))
    assert max(fit.at) == 2
    assert fitted({}, first, [1, 2]) is None


def test_a_row_keeps_its_anchor_whatever_it_is_called() -> None:
    assert anchor("a", "b") == anchor("a", "b") != anchor("a b")
    assert anchor('"><script>').removeprefix("row-").isalnum()


def test_every_claim_has_a_figure_behind_it() -> None:
    """Its own where it names one that was drawn, else the one that shows the verdicts of all."""
    rows = [{"target": "py313-linux-c2", "claim": claim.name, "verdict": "holds"} for claim in all_claims()]
    assert {group.figure for group in claim_groups(rows, {EVERY_CLAIM})} == {EVERY_CLAIM}
    own = {claim.view for claim in all_claims() if claim.view}
    assert {group.figure for group in claim_groups(rows, own | {EVERY_CLAIM})} == own | {EVERY_CLAIM}
    assert own <= set(figures())


def test_pairs_of_targets_are_named_by_what_distinguishes_them() -> None:
    versions = [("py313-linux-c2", "py314-linux-c2"), ("py313-linux-q0.5", "py314-linux-q0.5")]
    assert list(short_names(versions).values()) == ["py313 → py314, c2", "py313 → py314, q0.5"]
    builds = [("py313-linux-c2", "py313t-linux-c2"), ("py314-linux-c2", "py314t-linux-c2")]
    assert list(short_names(builds).values()) == ["py313 → py313t", "py314 → py314t"]
    other = [("py313-linux-native-c2", "py313-linux-c2"), ("py314-linux-native-c2", "py314-linux-c2")]
    assert list(short_names(other).values()) == [" → ".join(pair) for pair in other]
