"""The claims of a report: each once, with its verdicts on all targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lab.claims import all_claims
from lab.claims.claim import TUTORIAL, TUTORIAL_IN_FULL
from lab.report import labels
from lab.stats.tests import FALSE_DISCOVERY_RATE

if TYPE_CHECKING:
    from lab.claims.claim import Claim

VERDICTS = ("holds", "fails", "inconclusive", "not measured")
HEADS = ("target", "verdict", "value", "95% interval", "threshold", "q", "reason")
NUMERIC = frozenset({2, 3, 4, 5})
EVERY_CLAIM = "claim_verdicts"  # the figure that shows all claims
OVERVIEW = ("claim", "statement", *VERDICTS)


@dataclass(frozen=True, kw_only=True)
class ClaimGroup:
    """One claim with its statement and one row of ``HEADS`` per target.

    ``notes`` are names and texts: source, rationale of the threshold, known exceptions. ``figure`` is the claim's own
    figure, else that of all claims, and empty where neither was drawn. ``targets`` maps a verdict to its targets.
    """

    name: str
    statement: str
    notes: Sequence[tuple[str, str]]
    figure: str
    rows: Sequence[Sequence[str]]
    targets: Mapping[str, Sequence[str]]

    @property
    def overview(self) -> list[str]:
        """A row of ``OVERVIEW``: the targets of each verdict, or their number where all targets have the same."""
        return [self.name, self.statement, *(self._targets_with(verdict) for verdict in VERDICTS)]

    def _targets_with(self, verdict: str) -> str:
        found = self.targets.get(verdict, ())
        if len(self.targets) == 1 and len(found) > 1:
            return f"all {len(found)}"
        return ", ".join(found)

    @property
    def verdicts(self) -> str:
        """How often each verdict occurs: ``holds on 2, fails on 1``."""
        counted = [f"{verdict} on {len(self.targets[verdict])}" for verdict in VERDICTS if verdict in self.targets]
        return ", ".join(counted) if any(row[0] for row in self.rows) else "not measured"


def claim_groups(rows: Sequence[Mapping[str, Any]], drawn: Collection[str]) -> list[ClaimGroup]:
    """The rows of claims.csv grouped by claim, in their order; ``drawn`` are the names of the figures in the report."""
    known = {claim.name: claim for claim in all_claims()}
    named: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        named.setdefault(str(row["claim"]), []).append(row)
    return [_group(name, found, known.get(name), drawn) for name, found in named.items()]


def _group(name: str, rows: Sequence[Mapping[str, Any]], claim: Claim | None, drawn: Collection[str]) -> ClaimGroup:
    """The group of one claim; ``claim`` is None where this version of the lab no longer has it."""
    targets: dict[str, list[str]] = {}
    for row in rows:
        targets.setdefault(str(row["verdict"]), []).append(str(row.get("target") or "everywhere"))
    notes = [("Source", str(rows[0].get("source") or ""))]
    if claim is not None:
        notes += [("Rationale of the threshold", claim.threshold_reason), ("Known exceptions", claim.exceptions)]
    return ClaimGroup(
        name=name,
        statement=claim.statement if claim else "",
        notes=[note for note in notes if note[1]],
        figure=_figure(claim, drawn),
        rows=[_row(row) for row in rows],
        targets=targets,
    )


def sources_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """The full name of the tutorial, where a source refers to it; else empty."""
    return TUTORIAL_IN_FULL if any(str(row.get("source") or "").startswith(TUTORIAL) for row in rows) else ""


def _figure(claim: Claim | None, drawn: Collection[str]) -> str:
    """The claim's own figure, else the figure of all claims; empty where neither was drawn."""
    own = claim.view if claim else ""
    return next((name for name in (own, EVERY_CLAIM) if name in drawn), "")


def _row(row: Mapping[str, Any]) -> list[str]:
    unit, threshold = str(row.get("unit") or ""), row.get("threshold")
    ends = [labels.quantity(row.get(end), unit, compared_with=threshold) for end in ("ci_low", "ci_high")]
    shown = (
        f"{ends[0]} to {ends[1]}"
        if all(ends)
        else " ".join(f"{word} {end}" for word, end in zip(("from", "up to"), ends, strict=True) if end)
    )
    numbers = [
        labels.quantity(row.get("value"), unit, compared_with=threshold),
        shown,
        labels.quantity(threshold, unit),
    ]
    q_value = row.get("q_value")
    certainty = "" if q_value is None else f"{q_value:.2g}"
    return [str(row.get("target") or ""), str(row["verdict"]), *numbers, certainty, str(row.get("reason") or "")]


def certainty_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many verdicts remain significant after correction for their number; empty where there are none."""
    decided = [row for row in rows if row.get("q_value") is not None]
    if not decided:
        return ""
    kept = sum(row["q_value"] <= FALSE_DISCOVERY_RATE for row in decided)
    others = "" if kept == len(decided) else "; the reasons of the others say so"
    return (
        f"Each verdict rests on its own interval. Corrected for all tests of the run, {kept} of {len(decided)} "
        f"verdicts remain significant (q, FDR {FALSE_DISCOVERY_RATE:.0%}){others}."
    )
