"""Variables after a process was started."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity

CLAIM = Claim(
    name="processes_share_no_variables",
    statement="Of 100 assignments in a forked child its parent sees none.",
    source=f"{TUTORIAL}, conclusion",
    tests=(
        Count(
            quantity=Quantity(
                scenario="process.copy_on_write",
                operation="seen_by_parent",
                metric="count",
                where={"parent": "plain"},
            ),
            holds="below",
            threshold=0.5,
        ),
    ),
    threshold_reason="One that is seen would be shared.",
    exceptions="Value, Array, shared_memory and Managers, which are made for sharing.",
)
