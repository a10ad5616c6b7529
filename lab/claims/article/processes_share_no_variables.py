"""Variables after a process was started."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="processes_share_no_variables",
    statement=("What a child assigns to a variable is not seen by its parent: of 100 assignments less than one is."),
    source="article, conclusion",
    quantities=(Quantity(scenario="process.copy_on_write", metric="count", where={"operation": "seen_by_parent"}),),
    holds="below",
    threshold=1.0,
    unit="count",
)
