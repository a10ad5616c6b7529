"""A Manager reached over a network."""

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

CLAIM = Claim(
    name="manager_works_across_machines",
    statement=(
        "Setting an item of a Manager's dict in another container, over a network, is done and verified, and takes at"
        " most 10 times as long as in a process beside."
    ),
    source=f"{TUTORIAL}, data sharing, section 2",
    tests=(
        Ratio(
            top=Quantity(
                scenario="state.manager_remote",
                operation="set",
                where={"operation": "set", "placement": "same_cpu", "reach": "private_network"},
            ),
            bottom=Quantity(
                scenario="state.manager",
                operation="set",
                where={"operation": "set", "placement": "same_cpu", "container": "dict"},
            ),
            holds="below",
            threshold=10.0,
        ),
    ),
    threshold_reason="What works is answered; ten times as late is the most that still works for the same program.",
    exceptions="Both containers are on one machine: no cable is in it, and across real ones its time comes on top.",
    view="state_manager_remote",
)
