"""Every claim can be proved wrong, is measured, and has a row in every run."""

from __future__ import annotations

import functools
import json
import pkgutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lab.claims.article
from lab.agent.scenario import discover
from lab.claims import all_claims, evaluate
from lab.claims.claim import TUTORIAL, TUTORIAL_IN_FULL, Claim, Count, First, Quantity, Ratio, Workers
from lab.claims.evidence import PLANNED, Cell, cells_of, select, version
from lab.model import Limit, Target
from lab.planning import cells as plan
from lab.planning.profiles import profile
from lab.report.figures import figures
from lab.stats.intervals import MIN_ROUNDS
from lab.stats.tables.summary import summarize
from lab.tables import csv_files, schema

UNDER_QUOTAS = {"pool_default_fits_the_container"}  # of what quick measures under a quota, what a claim asks for
# Of what quick measures on targets that repeat another: what a number of CPUs or a container may decide otherwise.
ON_REPEATS = {
    "threads_do_not_speed_up_compute",
    "processes_speed_up_compute",
    "pool_default_fits_the_machine",
    "pool_default_fits_the_container",
    "more_workers_than_cpus_hurt",
    "pool_beats_many_processes",
}
DATA = Path(__file__).parents[1] / "data"
CLAIMS = {claim.name: claim for claim in all_claims()}


def test_every_file_of_every_folder_is_a_claim_of_its_name() -> None:
    folder = Path(lab.claims.__file__).parent
    names = [path.stem for path in sorted(folder.glob("*/*.py")) if path.stem != "__init__"]
    assert [claim.name for claim in all_claims()] == names
    assert len(set(names)) == len(names)
    assert "contributed" in {path.name for path in folder.iterdir()}


def test_no_claim_of_a_captured_run_has_been_lost() -> None:
    """A claim may be added by its file alone; one that was judged before must stay, or its captured rows go too."""
    for name in ("claims-quick", "report-smoke"):
        captured = csv_files.read(DATA / name / "claims.csv", schema.CLAIMS)
        assert set(captured["claim"]) <= set(CLAIMS)
        assert len(set(captured["claim"])) == 25


def test_the_tutorial_is_named_in_short_as_a_source_and_identified_in_full() -> None:
    named = {module.name for module in pkgutil.iter_modules(lab.claims.article.__path__)}
    assert len(named) == 20
    assert all(CLAIMS[name].source.startswith(f"{TUTORIAL}, ") for name in named)
    assert "并发编程之多进程" in TUTORIAL_IN_FULL
    assert "author and address are unknown" in TUTORIAL_IN_FULL


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_a_claim_can_be_proved_wrong_and_says_why_its_threshold_is_where_it_is(claim: Claim) -> None:
    assert claim.statement.endswith(".")
    assert claim.threshold_reason.endswith(".")
    assert not claim.exceptions or claim.exceptions.endswith(".")
    assert claim.source
    assert claim.tests
    assert not claim.view or claim.view in figures()
    assert bool(claim.least_cpus) == bool(claim.cpus_reason)
    for test in claim.tests:
        assert all(quantity.metric in schema.UNITS for quantity in test.quantities)
        assert isinstance(test, Count) == (test.quantities[0].metric == "count")


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_a_quantity_names_axes_and_values_that_its_scenario_has(claim: Claim) -> None:
    scenarios = discover()
    for quantity in claim.quantities:
        axes = scenarios[quantity.scenario].axes
        for axis, wanted in quantity.where.items():
            if not isinstance(wanted, Workers) and axis != "workers":
                values = (
                    wanted.choices if isinstance(wanted, First) else wanted if isinstance(wanted, tuple) else (wanted,)
                )
                assert set(values) <= set(axes[axis]), (axis, wanted)
            assert axis in axes
        for axis, excluded in quantity.excluding.items():
            assert set(excluded) <= set(axes[axis])


def target(key: str, limit: Limit, *, native: bool = False, visible: int = 2) -> Target:
    return Target(
        id=plan.target_id(key, "linux", limit, native=native), key=key, engine="none" if native else "docker",
        os="linux", arch="x86_64", limit=limit, cpus_visible=visible,
    )  # fmt: skip


KEYS = ("3.9", "3.13", "3.13t", "3.14")


def matrix(cpus: int) -> list[Target]:
    """The targets of a usual run on a machine of so many CPUs."""
    return [
        *(target(key, Limit(mode="cpuset", cpus=1), visible=1) for key in KEYS),
        *(target(key, Limit(mode="cpuset", cpus=cpus), visible=cpus) for key in KEYS),
        target("3.14", Limit(mode="quota", cpus=0.5), visible=cpus),
        target("3.14", Limit(mode="affinity", cpus=cpus), native=True, visible=cpus),
    ]


@functools.cache
def planned(name: str, cpus: int = 2) -> dict[tuple[str, str], list[Cell]]:
    """Target and scenario -> the cells of a profile's plan, as selection sees them."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for each in plan.cells(discover().values(), matrix(cpus), profile(name)):
        axes = {axis: str(value) for axis, value in dict(each.values).items() if value is not None}
        operation = axes.get("operation", "") if each.scenario in ("pool.api", "pool.chunksize") else ""
        found.setdefault((each.target, each.scenario), []).append(
            Cell(
                target=each.target,
                scenario=each.scenario,
                case=each.case,
                operation=operation,
                metric="",
                axes=axes,
                measured=False,
                status=PLANNED,
            )
        )
    return found


def why_not(claim: Claim, on: Target) -> str:
    """Why a claim is not asked of a target, by what it declares."""
    limited = on.limit.mode == "quota" or on.limit.cpus < 2
    if claim.scope != "everywhere" and (claim.scope == "limited") != limited:
        return claim.scope
    if claim.since and version(on.key.rstrip("t")) < claim.since:
        return "asked of newer versions"
    if on.limit.mode == "quota" and claim.name not in UNDER_QUOTAS:
        return "not planned under a quota"
    return claim.cpus_reason if on.limit.cpus < claim.least_cpus else ""


def left_out(name: str, claim: Claim, on: Target, cpus: int) -> bool:
    """Whether a profile leaves a claim to the target that this one repeats."""
    repeat = profile(name).narrows_repeats and plan.target_narrowing(on, matrix(cpus)) == "repeat"
    return repeat and claim.name not in ON_REPEATS


@pytest.mark.parametrize(("name", "cpus"), [("quick", 2), ("standard", 2), ("full", 2), ("quick", 8), ("standard", 8)])
def test_a_plan_has_the_cells_of_every_claim_in_rounds_enough_or_the_claim_says_why_not(name: str, cpus: int) -> None:
    assert profile(name).rounds >= MIN_ROUNDS
    cells = planned(name, cpus)
    for claim in all_claims():
        asked = [on for on in matrix(cpus) if not why_not(claim, on) and not left_out(name, claim, on, cpus)]
        assert asked, f"{claim.name} is asked of no target"
        for on in asked:
            whole = None if on.limit.mode == "quota" else int(on.limit.cpus)
            for quantity in claim.quantities:
                mine = cells.get((on.id, quantity.scenario), [])
                assert select(quantity, mine, whole), f"{name} has no {quantity} for {claim.name} on {on.id}"


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_what_a_quantity_takes_of_a_plan_it_takes_of_the_summary_as_well(claim: Claim) -> None:
    """A row of summary.csv has the axes in columns and in ``variant``, and the sample's operation in its column."""
    for quantity in claim.quantities:
        found = select(quantity, planned("quick").get(("py314-linux-c2", quantity.scenario), []), 2)
        rows = []
        for cell in found:
            columns = {axis: value for axis, value in cell.axes.items() if axis in schema.AXIS_COLUMNS}
            variant = {axis: value for axis, value in cell.axes.items() if axis not in schema.AXIS_COLUMNS}
            row = {**columns, "target": cell.target, "scenario": cell.scenario, "case": cell.case, "status": "ok"}
            row |= {"operation": quantity.operation, "metric": quantity.metric, "variant": json.dumps(variant)}
            rows.append(row)
        summary = pd.DataFrame(rows).reindex(columns=schema.names(schema.SUMMARY)).assign(n=15)
        taken = [cell.case for cell in cells_of(summary) if select(quantity, [cell], 2)]
        assert taken == [cell.case for cell in found], f"{quantity} does not take what it took of the plan"


def test_a_claim_of_two_versions_finds_both_in_the_usual_matrix() -> None:
    quantity = CLAIMS["forkserver_default_makes_pools_slower"].tests[0].quantities[0]
    for on in ("py313-linux-c2", "py314-linux-c2"):
        assert select(quantity, planned("quick")[on, quantity.scenario], 2)


@pytest.mark.parametrize("name", ["quick", "standard", "full"])
def test_a_quantity_takes_several_cells_only_along_the_axes_that_its_claim_says(name: str) -> None:
    """Any further cell would be compared with all of the rest, and the most adverse one would decide."""
    cells = planned(name)
    for claim in all_claims():
        paired = [axis for test in claim.tests if isinstance(test, Ratio) for axis in (*test.same, *test.different)]
        for quantity in claim.quantities:
            found = select(quantity, cells.get(("py313-linux-c2", quantity.scenario), []), 2)
            said = [axis for axis, wanted in quantity.where.items() if isinstance(wanted, (tuple, First))]
            free = {*paired, *said, *quantity.excluding, "operation"}
            fixed = [{axis: value for axis, value in cell.axes.items() if axis not in free} for cell in found]
            assert all(axes == fixed[0] for axes in fixed), f"{quantity} takes {[cell.case for cell in found]}"


def empty() -> pd.DataFrame:
    return csv_files.conform(pd.DataFrame(columns=schema.names(schema.SUMMARY)), schema.SUMMARY)


def no_samples() -> pd.DataFrame:
    return csv_files.conform(pd.DataFrame(columns=schema.names(schema.SAMPLES)), schema.SAMPLES)


def test_a_run_that_measured_nothing_has_a_row_for_each(tmp_path: Path) -> None:
    found = evaluate(empty(), no_samples())
    assert list(found.columns) == schema.names(schema.CLAIMS)
    assert sorted(found["claim"]) == sorted(CLAIMS)
    assert set(found["verdict"]) == {"not measured"}
    assert set(found["reason"]) == {"no target was measured"}
    csv_files.write(found, tmp_path / "claims.csv", schema.CLAIMS)
    pd.testing.assert_frame_equal(csv_files.read(tmp_path / "claims.csv", schema.CLAIMS), found)


def test_a_captured_run_of_one_round_decides_nothing_and_says_how_many_rounds_it_has() -> None:
    samples = csv_files.read(DATA / "report-smoke" / "samples.csv", schema.SAMPLES)
    found = evaluate(summarize(samples), samples)
    assert set(CLAIMS) == set(found["claim"])
    measured = found[found["verdict"] != "not measured"]
    assert set(measured["verdict"]) == {"inconclusive"}
    assert measured["reason"].str.startswith("1 of 5 rounds").all()
    assert measured["value"].notna().all()
    assert measured["ci_low"].isna().all()
    assert {"threads_do_not_speed_up_compute", "processes_speed_up_compute"} <= set(measured["claim"])


def test_no_verdict_on_a_captured_run_contradicts_its_interval() -> None:
    once = csv_files.read(DATA / "report-smoke" / "samples.csv", schema.SAMPLES)
    rng = np.random.default_rng(7)
    rounds = [once.assign(round=number, value=once["value"] * rng.lognormal(0, 0.02, len(once))) for number in range(6)]
    samples = pd.concat(rounds, ignore_index=True)
    found = evaluate(summarize(samples), samples)
    beyond = (found["ci_low"] > found["threshold"]) | (found["ci_high"] < found["threshold"])
    decided = found["verdict"].isin(["holds", "fails"])
    assert decided.any()
    assert (decided == beyond).all()
    for row in found[decided].to_dict("records"):
        holds = next(test.holds for test in CLAIMS[row["claim"]].tests if test.threshold == row["threshold"])
        above = row["ci_low"] > row["threshold"]
        assert (row["verdict"] == "holds") == (above == (holds == "above")), row
    inconclusive = found["verdict"] == "inconclusive"
    assert found[inconclusive]["reason"].notna().all()


def test_a_quantity_says_what_it_is() -> None:
    quantity = Quantity(
        scenario="pool.defaults", operation="job", where={"kind": "pool"}, excluding={"size": ("default",)}
    )
    assert str(quantity) == "wall_time of pool.defaults job (kind pool, size not default)"
