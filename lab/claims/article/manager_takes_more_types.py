"""Types that a Manager offers."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity

CLAIM = Claim(
    name="manager_takes_more_types",
    statement=(
        "A Manager's dict, list, Namespace and Value all carry an object that another process put there, which"
        " neither Value nor Array takes."
    ),
    source=f"{TUTORIAL}, data sharing, section 2",
    tests=(
        Count(
            quantity=Quantity(
                scenario="state.manager",
                operation="types_verified",
                metric="count",
                where={"container": "value", "placement": "same_cpu"},
            ),
            holds="above",
            threshold=3.5,
        ),
    ),
    threshold_reason="All four kinds. That Value and Array refuse the object is verified before anything is counted.",
    exceptions=(
        "What is changed inside an object that a dict or list holds is not seen by others, until it is put back."
    ),
)
