"""What waits for a task's result."""

from lab.claims.claim import ANY_START, TUTORIAL, Claim, Count, Quantity, Where, Workers

WHERE: Where = {"start_method": ANY_START, "workers": Workers.CPUS}
CLAIM = Claim(
    name="apply_blocks_and_apply_async_does_not",
    statement="apply returns after its task of 20 ms has ended, apply_async before.",
    source=f"{TUTORIAL}, section 2, apply",
    tests=tuple(
        Count(
            quantity=Quantity(scenario="pool.overflow", operation=operation, metric="count", where=WHERE),
            holds="above",
            threshold=0.5,
        )
        for operation in ("apply_waited_for_end", "apply_async_came_before_end")
    ),
    threshold_reason="1 is yes and 0 is no: the caller's clock against the task's own end.",
    view="pool_api",
)
