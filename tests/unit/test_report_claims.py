"""The claims table: each claim once, every verdict with its targets, and what a reader needs to doubt it."""

from __future__ import annotations

from typing import Any

from lab.claims import all_claims
from lab.report import labels
from lab.report.pages.claims import OVERVIEW, certainty_words, claim_groups
from lab.stats.rounds import Estimate

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
        "inconclusive": "",
        "not measured": "",
    }
    assert group.verdicts == "holds on 2, fails on 1"
    assert group.rows[0][:4] == ["a", "holds", "0.990", "0.900 to 1.00"]


def test_it_says_why_the_threshold_what_the_exceptions_and_which_figure() -> None:
    (group,) = claim_groups([row("a", "holds"), row("b", "holds")], {"pool_scaling"})
    assert dict(group.notes)["Rationale of the threshold"] == CLAIM.threshold_reason
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


def test_an_end_that_lies_beyond_the_threshold_does_not_read_as_if_it_touched_it() -> None:
    assert labels.quantity(1.5004, "ratio", compared_with=1.5) == "1.5004"
    assert labels.quantity(1.5, "ratio", compared_with=1.5) == "1.50"
    assert labels.quantity(1.51, "ratio", compared_with=1.5) == "1.51"
    assert labels.compared(Estimate(1.04, 1.0004, 1.08, 5), "slower", "faster") == "1.0004 to 1.08: slower"
    assert labels.compared(Estimate(1.04, 0.9996, 1.08, 5), "slower", "faster") == "0.9996 to 1.08: inconclusive"


def test_the_page_says_how_many_verdicts_stand_among_so_many() -> None:
    rows = [{"verdict": "holds", "q_value": q} for q in (0.001, 0.06)] + [{"verdict": "inconclusive", "q_value": None}]
    assert "1 of 2 verdicts remain significant (q, FDR 5%); the reasons of the others say so." in certainty_words(rows)
    assert certainty_words(rows[:1]).endswith("1 of 1 verdicts remain significant (q, FDR 5%).")
    assert not certainty_words([{"verdict": "not measured", "q_value": None}])


def test_an_answer_from_a_cell_that_was_disturbed_is_inconclusive_as_well() -> None:
    """Claims and comparisons refuse such a cell; the words above them told it as faster."""
    found = Estimate(1.8, 1.7, 1.9, 7, "fork-2 was disturbed: steal took 40% of the CPUs")
    assert labels.compared(found, "faster", "slower").endswith("steal took 40% of the CPUs: inconclusive")
    assert "was disturbed" in labels.interval(found)
    assert labels.compared(found.scaled(0.5), "faster", "slower").endswith("inconclusive")
