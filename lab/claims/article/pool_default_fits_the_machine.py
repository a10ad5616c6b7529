"""What Pool() picks without a limit."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="pool_default_fits_the_machine",
    statement="Without a limit, Pool() is at most 5 % slower than a pool of the best size measured.",
    source="article, section 2, Pool()",
    quantities=(Quantity(scenario="pool.defaults", metric="wall_time", where={"operation": "job"}),),
    holds="below",
    threshold=1.05,
    unit="ratio",
)
