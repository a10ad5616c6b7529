"""Types that a Manager offers."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="manager_takes_more_types",
    statement=(
        "A Manager shares at least four kinds of objects (dict, list, Namespace, Value), each verified from "
        "another process."
    ),
    source="article, data sharing, section 2",
    quantities=(Quantity(scenario="state.manager", metric="count", where={"operation": "types_verified"}),),
    holds="above",
    threshold=3.5,
    unit="count",
)
