"""Cost of a Manager that is reached over a network."""

from lab.claims.claim import TUTORIAL, Claim, Quantity, Ratio

CLAIM = Claim(
    name="manager_works_across_machines",
    statement=(
        "Setting an item of a Manager's dict from another container of the same host, over a private network of the"
        " engine, works, which is verified, and takes at most 10 times as long as from another process of the same"
        " container."
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
    threshold_reason=(
        "A call that does not work has no time. Ten times as long is the most that the same program is likely to bear."
    ),
    exceptions=(
        "Two machines were not measured, whatever the claim's name says: both containers share one host and its kernel."
        " Between machines the time of the physical network is added."
    ),
    view="state_manager_remote",
)
