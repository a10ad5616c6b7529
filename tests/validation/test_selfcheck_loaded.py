"""A machine loaded on purpose: the neighbour never outlives its context, and each verdict of the part is possible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from lab.comparisons.sides import Run
from lab.model import Limit, Target
from lab.tables import csv_files, schema
from lab.tables.conditions import with_other_load
from lab.validation.selfcheck import loaded
from lab.validation.selfcheck.loaded import CELLS, FEW_CELLS, LoadedCell, busy_neighbour
from lab.validation.selfcheck.sections import loaded_sections
from lab.validation.selfcheck.session import Session, Variant, matching_cells
from tests.manifests import manifest

MS = 1_000_000
CASES = ("a", "b")


def interrupted_beside(pids: list[int]) -> None:
    with busy_neighbour(None) as pid:
        pids.append(pid)
        assert psutil.Process(pid).is_running()
        raise KeyboardInterrupt


def test_the_neighbour_is_gone_when_its_context_is_interrupted() -> None:
    pids: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_beside(pids)
    assert not psutil.pid_exists(pids[0])


def target(suffix: str, cpus: int = 1) -> Target:
    limit = Limit(mode="affinity", cpus=cpus)
    return Target(id=f"c{cpus}{suffix}", key="3.13", engine="none", os="linux", arch="x", limit=limit, cpus_visible=2)


VARIANTS = tuple(
    Variant(target=target("-loaded" if busy else "-unloaded", cpus), loaded=busy)
    for cpus in (1, 2)
    for busy in (False, True)
)


def rows(variant: Variant, factor: float, own: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Samples and conditions of both cases over six rounds; ``own``: share of the CPUs that the cell used."""
    noise = np.random.default_rng(sum(map(ord, variant.target.id)))
    cell = {"target": variant.target.id, "cpu_mode": "affinity", "scenario": "s.s", "operation": "o", "warmup": 0}
    samples, conditions = [], []
    for case in CASES:
        for number in range(6):
            value = 1000 * factor / variant.target.limit.cpus * float(np.exp(noise.normal(0, 0.003)))
            timed = {"metric": "wall_time", "unit": "ns", "status": "ok", "loops": 9, "value": value}
            samples.append({**cell, **timed, "case": case, "round": number, "sample": 0, "run_id": "r"})
            times = {"window_ns": 100 * MS, "cpus_used": 1, "idle_ns": 0, "own_cpu_ns": int(own * 100 * MS)}
            conditions.append({**cell, **times, "case": case, "round": number, "sample": 0})
    return samples, conditions


def cell(half: str, *, named: bool = True, with_remedy: bool = True) -> LoadedCell:
    names = {"target": "t", "scenario": "s.s", "case": "a", "stable": "noisy", "reason": "because"}
    return LoadedCell(**names, share=0.5, half=half, named=named, with_remedy=with_remedy)


def session(loaded_factor: float, own: float) -> Session:
    found = [
        rows(variant, loaded_factor if variant.loaded else 1.0, own if variant.loaded else 1.0) for variant in VARIANTS
    ]
    samples = csv_files.conform(pd.DataFrame([row for part, _ in found for row in part]), schema.SAMPLES)
    conditions = csv_files.conform(pd.DataFrame([row for _, part in found for row in part]), schema.CONDITIONS)
    return Session(samples=samples, conditions=with_other_load(conditions))


def judged(given: Session, folder: Path) -> loaded.Loaded:
    csv_files.write(given.conditions, folder / "conditions.csv", schema.CONDITIONS)
    host, targets = {"label": "one", "cpus": 2}, [{"id": variant.target.id} for variant in VARIANTS]
    run = Run(path=folder, manifest=manifest(host=host, targets=targets), given=given.samples)
    return loaded.judge(loaded.loaded_cells(given, VARIANTS), loaded.half_verdicts(given, VARIANTS, run))


def test_a_load_that_is_always_there_is_named_and_decides_nothing_however_narrow_its_intervals(tmp_path: Path) -> None:
    found = judged(session(2.0, own=0.5), tmp_path)
    half = found.by_half.loaded
    assert (half.cells, half.noisy, half.named, half.with_remedy) == (4, 4, 4, 4)
    assert half.smallest_named_share == pytest.approx(0.5)
    assert found.by_half.unloaded.named == 0
    assert found.by_half.unloaded.smallest_named_share is None
    assert (found.decided_unloaded, found.decided_loaded) == (2, 0)  # one CPU beside two: faster, in both cases
    assert (found.contradictions, found.verdict) == (0, "reached")


def test_a_load_that_is_not_named_makes_wrong_verdicts_and_the_part_is_missed(tmp_path: Path) -> None:
    found = judged(session(2.0, own=1.0), tmp_path)
    assert found.by_half.loaded.named == 0
    assert found.contradictions == 4  # every loaded cell is called slower than the unloaded one
    assert found.verdict == "missed"


def test_an_unloaded_half_that_decides_nothing_is_inconclusive() -> None:
    verdicts = [loaded.verdict_row("claim", "c", "inconclusive", "inconclusive")]
    assert loaded.judge([cell("unloaded"), cell("loaded")], verdicts).verdict == "inconclusive"


def test_a_loaded_cell_that_is_not_named_or_has_no_remedy_is_missed() -> None:
    verdicts = [loaded.verdict_row("claim", "c", "holds", "inconclusive")]
    assert loaded.judge([cell("loaded")], verdicts).verdict == "reached"
    assert loaded.judge([cell("loaded"), cell("loaded", named=False)], verdicts).verdict == "missed"
    assert loaded.judge([cell("loaded"), cell("loaded", with_remedy=False)], verdicts).verdict == "missed"


def test_verdicts_contradict_only_where_both_decide_and_differently() -> None:
    open_ones = [("holds", "inconclusive"), ("inconclusive", "fails")]
    pairs = [("holds", "fails"), *open_ones, ("same", "same"), ("slower", "same")]
    found = [loaded.verdict_row("k", "w", *pair).contradicts for pair in pairs]
    assert found == [True, False, False, False, True]


@pytest.mark.parametrize(("patterns", "least"), [(CELLS, 10), (FEW_CELLS, 5)])
def test_the_cells_are_of_several_families_and_none_needs_more_cpus_than_there_are(
    patterns: tuple[str, ...], least: int
) -> None:
    one, two = (matching_cells(target("", cpus), patterns, "quick") for cpus in (1, 2))
    assert len(one) >= least
    assert len({cell.scenario.partition(".")[0] for cell in one}) >= 4
    assert not any("cross_cpu" in cell.case for cell in one)
    assert any("cross_cpu" in cell.case for cell in two)


def test_the_page_says_how_many_were_named_and_contradicted(tmp_path: Path) -> None:
    section = loaded_sections(judged(session(2.0, own=0.5), tmp_path))[0]
    assert "4 of 4 loaded cells are named noisy" in section.verdicts[0]
    assert "contradict the unloaded half: 0, reached" in section.verdicts[0]
