"""A machine loaded on purpose: the neighbour never outlives its context, and what the halves say can turn out badly."""

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
from lab.validation.selfcheck import halves
from lab.validation.selfcheck.loaded import CELLS, FEW, busy_neighbour, chosen_cells
from lab.validation.selfcheck.sections import loaded as loaded_sections
from lab.validation.selfcheck.session import Arm, Session
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


ARMS = tuple(
    Arm(target=target("-loaded" if loaded else "-quiet", cpus), loaded=loaded)
    for cpus in (1, 2)
    for loaded in (False, True)
)


def rows(arm: Arm, factor: float, own: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Samples and conditions of both cases over six rounds, with so large a part of the CPUs as the cell's own."""
    noise = np.random.default_rng(sum(map(ord, arm.target.id)))
    cell = {"target": arm.target.id, "cpu_mode": "affinity", "scenario": "s.s", "operation": "o", "warmup": 0}
    samples, around = [], []
    for case in CASES:
        for number in range(6):
            value = 1000 * factor / arm.target.limit.cpus * float(np.exp(noise.normal(0, 0.003)))
            timed = {"metric": "wall_time", "unit": "ns", "status": "ok", "loops": 9, "value": value}
            samples.append({**cell, **timed, "case": case, "round": number, "sample": 0, "run_id": "r"})
            times = {"window_ns": 100 * MS, "cpus_used": 1, "idle_ns": 0, "own_cpu_ns": int(own * 100 * MS)}
            around.append({**cell, **times, "case": case, "round": number, "sample": 0})
    return samples, around


def session(loaded_factor: float, own: float) -> Session:
    found = [rows(arm, loaded_factor if arm.loaded else 1.0, own if arm.loaded else 1.0) for arm in ARMS]
    samples = csv_files.conform(pd.DataFrame([row for part, _ in found for row in part]), schema.SAMPLES)
    around = csv_files.conform(pd.DataFrame([row for _, part in found for row in part]), schema.CONDITIONS)
    return Session(samples=samples, conditions=with_other_load(around))


def judged(given: Session, folder: Path) -> dict[str, Any]:
    csv_files.write(given.conditions, folder / "conditions.csv", schema.CONDITIONS)
    host, targets = {"label": "one", "cpus": 2}, [{"id": arm.target.id} for arm in ARMS]
    run = Run(path=folder, manifest=manifest(host=host, targets=targets), given=given.samples)
    return halves.judged(halves.cell_table(given, ARMS), halves.verdict_table(given, ARMS, run))


def test_a_load_that_is_always_there_is_named_and_decides_nothing_however_narrow_its_intervals(tmp_path: Path) -> None:
    told = judged(session(2.0, own=0.5), tmp_path)
    assert told["halves"]["loaded"] | {"smallest_named_share": None} == {
        "cells": 4, "noisy": 4, "named": 4, "remedy_told": 4, "smallest_named_share": None,
    }  # fmt: skip
    assert told["halves"]["loaded"]["smallest_named_share"] == pytest.approx(0.5)
    assert told["halves"]["quiet"]["named"] == 0
    assert (told["decided_quiet"], told["decided_loaded"]) == (2, 0)  # one CPU beside two: faster, in both cases
    assert (told["contradictions"], told["verdict"]) == (0, "reached")


def test_a_load_that_nobody_names_makes_wrong_verdicts_and_the_part_is_missed(tmp_path: Path) -> None:
    told = judged(session(2.0, own=1.0), tmp_path)
    assert told["halves"]["loaded"]["named"] == 0
    assert told["contradictions"] == 4  # every loaded cell is called slower than the quiet one
    assert told["verdict"] == "missed"


def test_a_quiet_half_that_decides_nothing_proves_nothing() -> None:
    cells = pd.DataFrame(
        [{"half": half, "stable": "noisy", "named": True, "remedy_told": True, "share": 0.5} for half in halves.HALVES]
    )
    verdicts = pd.DataFrame([halves.verdict_row("claim", "c", "undecided", "undecided")])
    assert halves.judged(cells, verdicts)["verdict"] == "cannot tell"


def test_verdicts_contradict_only_where_both_decide_and_differently() -> None:
    pairs = [("holds", "fails"), ("holds", "undecided"), ("undecided", "fails"), ("same", "same"), ("slower", "same")]
    found = [halves.verdict_row("k", "w", quiet, loaded)["contradicts"] for quiet, loaded in pairs]
    assert found == [True, False, False, False, True]


@pytest.mark.parametrize(("patterns", "least"), [(CELLS, 10), (FEW, 5)])
def test_the_cells_are_of_several_families_and_none_needs_more_cpus_than_there_are(
    patterns: tuple[str, ...], least: int
) -> None:
    one, two = chosen_cells(target("", 1), patterns), chosen_cells(target("", 2), patterns)
    assert len(one) >= least
    assert len({cell.scenario.partition(".")[0] for cell in one}) >= 4
    assert not any("cross_cpu" in cell.case for cell in one)
    assert any("cross_cpu" in cell.case for cell in two)


def test_the_page_says_how_many_were_named_and_contradicted(tmp_path: Path) -> None:
    told = judged(session(2.0, own=0.5), tmp_path) | {"cells": [], "rows": []}
    text = " ".join(loaded_sections(told)[0].sentences)
    assert "4 of 4 loaded cells are named noisy" in text
    assert "0 verdicts of the loaded half contradict" in text
