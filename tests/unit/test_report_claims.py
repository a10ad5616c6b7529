"""The claims table: each claim once, every verdict with its targets, and what a reader needs to doubt it."""

from __future__ import annotations

from typing import Any

from lab.claims import all_claims
from lab.report.claims import OVERVIEW, claim_groups

NAME = "threads_do_not_speed_up_compute"
CLAIM = next(claim for claim in all_claims() if claim.name == NAME)


def row(target: str | None, verdict: str, **more: Any) -> dict[str, Any]:
    return {"claim": NAME, "target": target, "verdict": verdict, "source": "article", "unit": "ratio", **more}


def test_a_claim_is_there_once_with_the_targets_of_each_verdict() -> None:
    rows = [row("a", "holds", value=0.99, ci_low=0.9, ci_high=1.0), row("b", "fails"), row("c", "holds")]
    (group,) = claim_groups(rows, {"pool_scaling"})
    assert dict(zip(OVERVIEW, group.overview, strict=True)) == {
        "claim": NAME,
        "statement": CLAIM.statement,
        "holds": "a, c",
        "fails": "b",
        "undecided": "",
        "not measured": "",
    }
    assert group.verdicts == "holds on 2, fails on 1"
    assert group.rows[0][:4] == ["a", "holds", "0.990", "0.900 to 1.00"]


def test_it_says_why_the_threshold_what_the_exceptions_and_which_figure() -> None:
    (group,) = claim_groups([row("a", "holds"), row("b", "holds")], {"pool_scaling"})
    assert dict(group.notes)["Why this threshold"] == CLAIM.threshold_reason
    assert dict(group.notes)["Known exceptions"] == CLAIM.exceptions
    assert group.figure == "pool_scaling"
    assert "all 2" in group.overview
    (undrawn,) = claim_groups([row("a", "holds")], set())
    assert not undrawn.figure


def test_an_interval_that_is_open_on_one_side_is_shown_as_such() -> None:
    (group,) = claim_groups([row("a", "fails", value=0.5, ci_high=0.8)], set())
    assert group.rows[0][3] == "up to 0.800"


def test_a_claim_that_nothing_measured_or_nobody_knows_any_more_is_shown_too() -> None:
    (group,) = claim_groups([{**row(None, "not measured"), "claim": "an_old_one", "reason": "why"}], set())
    assert group.verdicts == "not measured"
    assert group.overview == ["an_old_one", "", "", "", "", "everywhere"]
    assert group.rows[0][-1] == "why"
