"""A Manager reached over a network."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="manager_works_across_machines",
    statement=(
        "A proxy's call to a Manager in another container on a network is answered, at most 10 times as late "
        "as on the same machine."
    ),
    source="article, data sharing, section 2",
    quantities=(
        Quantity(
            scenario="state.manager_remote",
            metric="wall_time",
            where={"operation": "set", "placement": "same_cpu", "variant": '{"reach": "private_network"}'},
        ),
        Quantity(
            scenario="state.manager",
            metric="wall_time",
            where={"operation": "set", "placement": "same_cpu", "variant": '{"container": "dict"}'},
        ),
    ),
    holds="below",
    threshold=10.0,
    unit="ratio",
)
