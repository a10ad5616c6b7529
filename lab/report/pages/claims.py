"""Claims as a reader meets them: each once, with its verdict on every target."""

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

VERDICTS = ("holds", "fails", "undecided", "not measured")
HEADS = ("target", "verdict", "value", "95 % interval", "threshold", "q", "reason")
NUMERIC = frozenset({2, 3, 4, 5})
EVERY_CLAIM = "claim_verdicts"  # the figure that shows all of them
OVERVIEW = ("claim", "statement", *VERDICTS)


@dataclass(frozen=True, kw_only=True)
class ClaimGroup:
    """One claim: what it says, who says so, and a row of ``HEADS`` for each target.

    ``notes`` are names and texts: the threshold's reason, known exceptions. ``figure`` is the figure behind it, that
    of all claims where it has none of its own, empty where none was drawn. ``targets`` maps a verdict
    to the targets that have it.
    """

    name: str
    statement: str
    notes: Sequence[tuple[str, str]]
    figure: str
    rows: Sequence[Sequence[str]]
    targets: Mapping[str, Sequence[str]]

    @property
    def overview(self) -> list[str]:
        """A row of ``OVERVIEW``: the targets of each verdict, or how many where all have the same."""
        return [self.name, self.statement, *(self._having(verdict) for verdict in VERDICTS)]

    def _having(self, verdict: str) -> str:
        found = self.targets.get(verdict, ())
        if len(self.targets) == 1 and len(found) > 1:
            return f"all {len(found)}"
        return ", ".join(found)

    @property
    def verdicts(self) -> str:
        """``holds on 2, fails on 1``."""
        counted = [f"{verdict} on {len(self.targets[verdict])}" for verdict in VERDICTS if verdict in self.targets]
        return ", ".join(counted) if any(row[0] for row in self.rows) else "not measured"


def claim_groups(rows: Sequence[Mapping[str, Any]], drawn: Collection[str]) -> list[ClaimGroup]:
    """The rows of claims.csv by claim, in their order; ``drawn`` are the names of the figures that there are."""
    known = {claim.name: claim for claim in all_claims()}
    named: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        named.setdefault(str(row["claim"]), []).append(row)
    return [_group(name, found, known.get(name), drawn) for name, found in named.items()]


def _group(name: str, rows: Sequence[Mapping[str, Any]], claim: Claim | None, drawn: Collection[str]) -> ClaimGroup:
    """A claim that this version of the lab no longer has is shown by what its rows say."""
    targets: dict[str, list[str]] = {}
    for row in rows:
        targets.setdefault(str(row["verdict"]), []).append(str(row.get("target") or "everywhere"))
    notes = [("Who says so", str(rows[0].get("source") or ""))]
    if claim is not None:
        notes += [("Why this threshold", claim.threshold_reason), ("Known exceptions", claim.exceptions)]
    return ClaimGroup(
        name=name,
        statement=claim.statement if claim else "",
        notes=[note for note in notes if note[1]],
        figure=_figure(claim, drawn),
        rows=[_row(row) for row in rows],
        targets=targets,
    )


def sources_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """Which tutorial it is that sources name in short; empty where none does."""
    return TUTORIAL_IN_FULL if any(str(row.get("source") or "").startswith(TUTORIAL) for row in rows) else ""


def _figure(claim: Claim | None, drawn: Collection[str]) -> str:
    """The claim's own figure, else the one of all claims."""
    own = claim.view if claim else ""
    return next((name for name in (own, EVERY_CLAIM) if name in drawn), "")


def _row(row: Mapping[str, Any]) -> list[str]:
    unit, threshold = str(row.get("unit") or ""), row.get("threshold")
    ends = [labels.quantity(row.get(end), unit, beside=threshold) for end in ("ci_low", "ci_high")]
    shown = (
        f"{ends[0]} to {ends[1]}"
        if all(ends)
        else " ".join(f"{word} {end}" for word, end in zip(("from", "up to"), ends, strict=True) if end)
    )
    numbers = [labels.quantity(row.get("value"), unit, beside=threshold), shown, labels.quantity(threshold, unit)]
    q_value = row.get("q_value")
    certainty = "" if q_value is None else f"{q_value:.2g}"
    return [str(row.get("target") or ""), str(row["verdict"]), *numbers, certainty, str(row.get("reason") or "")]


def certainty_words(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many verdicts the run gives, and how many of them are not certain among so many; empty without any."""
    decided = [row for row in rows if row.get("q_value") is not None]
    if not decided:
        return ""
    doubtful = sum(row["q_value"] > FALSE_DISCOVERY_RATE for row in decided)
    stand = "all stand" if not doubtful else f"{doubtful} may be wrong, whose reason says so"
    return (
        f"A verdict is that of its own interval. Held against the number of all that were tested (q, false discovery "
        f"rate {FALSE_DISCOVERY_RATE:.0%}), of {len(decided)} that hold or fail {stand}."
    )
