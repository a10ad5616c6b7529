"""Present the result of reproducing a run: reproduce.csv, reproduce.md, and the rows of ``--json``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from lab.comparisons.differences import Difference
from lab.model import Finding, Manifest
from lab.reproduce.judge import MARGIN, Judgement, Verdict, bracket
from lab.text import replace_text

COLUMNS = (
    "kind", "target", "finding", "verdict", "theirs", "theirs_ci_low", "theirs_ci_high", "ours", "ours_ci_low",
    "ours_ci_high", "reason",
)  # fmt: skip


def rule(margin: float) -> str:
    """The rule of the verdicts, for a margin."""
    return (
        "Findings are compared, not times. Reproduced: the whole 95% interval of what is here over what is there lies "
        f"within a margin of {100 * margin:g}% (--margin). Contradicted: all of it lies beyond. Inconclusive: it "
        "reaches from within to beyond, so it is too wide to say either, or it is missing."
    )


def rows(judged: Sequence[Judgement]) -> list[dict[str, object]]:
    """One row per finding, with the columns of reproduce.csv."""
    return [
        {
            "kind": item.theirs.kind,
            "target": item.theirs.target,
            "finding": item.theirs.subject,
            "verdict": item.verdict,
            **_side("theirs", item.theirs),
            **_side("ours", item.ours),
            "reason": item.reason,
        }
        for item in judged
    ]


def _side(name: str, finding: Finding | None) -> dict[str, object]:
    span = finding.span if finding else None
    word = "" if finding is None else finding.word or (bracket(finding) or "no crossing" if finding.points else "")
    return {
        name: word if span is None or word else span.value,
        f"{name}_ci_low": None if span is None else span.low,
        f"{name}_ci_high": None if span is None else span.high,
    }


def counts(judged: Sequence[Judgement]) -> dict[str, int]:
    """The number of findings with each verdict, including 0."""
    found = Counter(item.verdict for item in judged)
    return {verdict: found[verdict] for verdict in get_args(Verdict)}


def page(
    theirs: Manifest,
    ours: Manifest,
    judged: Sequence[Judgement],
    differs: Sequence[Difference],
    skipped: Mapping[str, str],
    *,
    margin: float = MARGIN,
) -> str:
    """The text of reproduce.md: counts, what differs, what was left out, and a table of all findings."""
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts(judged).items())
    lines = [f"# Reproduced: run {theirs.run_id} by run {ours.run_id}", "", f"Findings: {counted}.", ""]
    lines += [
        rule(margin),
        "",
        "## What differs",
        "",
        *differing([item for item in differs if item.matters]),
        "",
    ]
    if skipped:
        lines += ["## Left out", "", *(f"- `{target}`: {reason}" for target, reason in skipped.items()), ""]
    lines += ["## Findings", "", "| verdict | kind | target | finding | there | here | reason |", "| --- " * 7 + "|"]
    for row in rows(judged):
        cells = [row["verdict"], row["kind"], row["target"], row["finding"], shown(row, "theirs"), shown(row, "ours")]
        lines.append("| " + " | ".join(map(_cell, [*cells, row["reason"]])) + " |")
    return "\n".join(lines) + "\n"


def differing(differs: Sequence[Difference]) -> list[str]:
    """The lines of a table of what differs, or one sentence that nothing does."""
    if not differs:
        return ["Nothing that manifests record differs."]
    lines = [f"| {_cell(item.name)} | {_cell(item.base)} | {_cell(item.new)} |" for item in differs]
    return ["| what | there | here |", "| --- | --- | --- |", *lines]


def shown(row: Mapping[str, Any], side: str) -> str:
    """One side of a row: ``1.50 (1.34 to 1.68)``, or its verdict or crossing in words."""
    value, low, high = row[side], row[f"{side}_ci_low"], row[f"{side}_ci_high"]
    if isinstance(value, str):
        return value or "-"
    return f"{value:.3g}" + (f" ({low:.3g} to {high:.3g})" if low is not None and high is not None else "")


def write(folder: Path, text: str, judged: Sequence[Judgement]) -> None:
    """Write reproduce.csv and reproduce.md, each atomically."""
    table = pd.DataFrame(rows(judged), columns=list(COLUMNS))
    replace_text(folder / "reproduce.csv", table.to_csv(index=False, lineterminator="\r\n"))
    replace_text(folder / "reproduce.md", text)


def _cell(text: object) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
