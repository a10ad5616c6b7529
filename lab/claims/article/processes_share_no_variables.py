"""Whether a parent sees what its child assigns."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity

CLAIM = Claim(
    name="processes_share_no_variables",
    statement="The parent of a forked child sees none of 100 assignments that the child makes.",
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
            trials=100,
        ),
    ),
    threshold_reason="A single assignment that the parent sees would prove a shared variable.",
    exceptions="Value, Array, shared_memory and Managers exist to share data.",
)
