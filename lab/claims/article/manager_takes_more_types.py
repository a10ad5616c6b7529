"""The types that a Manager shares and Value and Array do not."""

from lab.claims.claim import TUTORIAL, Claim, Count, Quantity

CLAIM = Claim(
    name="manager_takes_more_types",
    statement=(
        "A Manager's dict, list, Namespace and Value all return an object that another process stored in them, and"
        " neither Value nor Array accepts that object."
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
    threshold_reason=(
        "All four types must return the object. Before they are counted it is verified that Value and Array refuse it."
    ),
    exceptions=(
        "A change inside an object that a managed dict or list holds is not visible to other processes until the object"
        " is assigned again."
    ),
)
