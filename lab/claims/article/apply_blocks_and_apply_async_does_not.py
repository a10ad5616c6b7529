"""Whether apply and apply_async wait for their task to end."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Count, Quantity, Where, Workers

WHERE: Where = {"start_method": ANY_START, "workers": Workers.CPUS}
CLAIM = Claim(
    name="apply_blocks_and_apply_async_does_not",
    statement="apply returns after its task of 20 ms has ended, and apply_async returns before its task has ended.",
    source=f"{TUTORIAL}, section 2, apply",
    tests=tuple(
        Count(
            quantity=Quantity(scenario="pool.overflow", operation=operation, metric="count", where=WHERE),
            holds="above",
            threshold=0.5,
        )
        for operation in ("apply_waited_for_end", "apply_async_came_before_end")
    ),
    threshold_reason=(
        "Each count is 1 for yes and 0 for no. It compares the time of the return with the end of the task."
    ),
    view="pool_api",
)
