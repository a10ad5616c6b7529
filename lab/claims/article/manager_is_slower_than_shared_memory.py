"""Cost of setting a value through a Manager, compared with shared memory."""

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

CLAIM = Claim(
    name="manager_is_slower_than_shared_memory",
    statement="Setting a Manager's Value takes at least twice as long as setting a Value in shared memory.",
    source=f"{TUTORIAL}, data sharing, section 2",
    tests=(
        Ratio(
            top=Quantity(
                scenario="state.manager",
                operation="set",
                where={"container": "value", "operation": "set", "placement": "same_cpu"},
            ),
            bottom=Quantity(
                scenario="state.update",
                operation="write",
                where={"container": "value", "operation": "write", "workers": 1},
            ),
            holds="above",
            threshold=2.0,
        ),
    ),
    threshold_reason=(
        "The claim compares a call to another process with a write to memory. A factor below two would not be a"
        " relevant difference."
    ),
)
