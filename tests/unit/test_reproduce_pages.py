"""What came of reproducing a run, as a table and a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from lab.comparisons.differences import Difference
from lab.model import Finding, Span
from lab.reproduce.judge import Judgement, Verdict
from lab.reproduce.pages import COLUMNS, counts, page, rows, shown, write
from tests.manifests import manifest

CLEAR, FASTER, OPEN = Span(2.0, 1.9, 2.1), Span(0.5, 0.48, 0.52), Span(1.0, 0.9, 1.1)


def judgement(verdict: Verdict, theirs: dict[str, Any], ours: dict[str, Any] | None) -> Judgement:
    usual: dict[str, Any] = {"kind": "mechanism", "target": "t", "subject": "a | b"}
    return Judgement(
        theirs=Finding(**{**usual, **theirs}),
        ours=None if ours is None else Finding(**{**usual, **ours}),
        verdict=verdict,
        reason="why",
    )


RATIO = judgement("reproduced", {"span": CLEAR}, {"span": Span(2.3456, None, None)})
CLAIM = judgement("contradicted", {"kind": "claim", "word": "holds", "span": CLEAR}, {"kind": "claim", "word": "fails"})
BEST = judgement("inconclusive", {"kind": "best workers", "word": "2", "points": {"1": CLEAR}}, None)
CURVE = judgement(
    "reproduced",
    {"kind": "crossing", "points": {"64": CLEAR, "1024": FASTER}},
    {"kind": "crossing", "points": {"64": OPEN, "1024": OPEN}},
)
ALL = (CLAIM, BEST, RATIO, CURVE)


def test_a_ratio_is_shown_with_its_interval_and_a_word_as_it_is() -> None:
    table = rows(ALL)
    assert [(shown(row, "theirs"), shown(row, "ours")) for row in table] == [
        ("holds", "fails"),
        ("2", "-"),
        ("2 (1.9 to 2.1)", "2.35"),
        ("64 to 1024 bytes", "no crossing"),
    ]
    assert [(row["verdict"], row["kind"], row["target"], row["finding"], row["reason"]) for row in table[:1]] == [
        ("contradicted", "claim", "t", "a | b", "why")
    ]
    assert (table[0]["theirs_ci_low"], table[0]["theirs_ci_high"]) == (1.9, 2.1)


def test_counts_name_all_three_verdicts() -> None:
    assert counts(ALL) == {"reproduced": 2, "contradicted": 1, "inconclusive": 1}
    assert counts(()) == {"reproduced": 0, "contradicted": 0, "inconclusive": 0}


def test_the_page_says_what_differs_what_was_left_out_and_every_finding() -> None:
    differs = [Difference("cpus", "2", "4", "machine"), Difference("created", "then", "now", "time")]
    text = page(manifest(run_id="one"), manifest(run_id="two"), ALL, differs, {"t2": "it needs 64 CPUs"})
    lines = text.splitlines()
    assert lines[0] == "# Reproduced: run one by run two"
    assert "Findings: 2 reproduced, 1 contradicted, 1 inconclusive." in lines
    assert "| cpus | 2 | 4 |" in lines
    assert not any("created" in line for line in lines), "that two runs differ in their time is no news"
    assert "- `t2`: it needs 64 CPUs" in lines
    assert r"| reproduced | mechanism | t | a \| b | 2 (1.9 to 2.1) | 2.35 | why |" in lines
    assert sum(line.startswith(("| contradicted", "| inconclusive", "| reproduced")) for line in lines) == len(ALL)


def test_where_nothing_differs_and_nothing_was_left_out_the_page_says_so() -> None:
    lines = page(manifest(run_id="one"), manifest(run_id="two"), ALL, [], {}).splitlines()
    assert "Nothing that manifests record differs." in lines
    assert "## Left out" not in lines


def test_both_files_are_written_and_the_table_can_be_read_again(tmp_path: Path) -> None:
    write(tmp_path, "page", ALL)
    assert (tmp_path / "reproduce.md").read_text() == "page"
    assert b"\r\n" in (tmp_path / "reproduce.csv").read_bytes()
    found = pd.read_csv(tmp_path / "reproduce.csv")
    assert list(found.columns) == list(COLUMNS)
    assert found["verdict"].tolist() == [item.verdict for item in ALL]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reproduce.csv", "reproduce.md"]
