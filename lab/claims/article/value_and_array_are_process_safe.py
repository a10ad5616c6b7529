"""Whether increments of a shared Value or Array element by several processes are lost."""

from functools import partial

from lab.claims.claim import TUTORIAL, Claim, Count, Guard, Quantity

losses = partial(Quantity, scenario="state.lost_updates", metric="count")
CLAIM = Claim(
    name="value_and_array_are_process_safe",
    statement=(
        "No increment is lost when two processes on two CPUs or more apply += 1 to a Value or to an element of an Array"
        " without taking its lock."
    ),
    source=f"{TUTORIAL}, data sharing, section 1",
    tests=tuple(
        Count(
            quantity=losses(operation="lost", where={"container": container, "locking": "no_lock", "workers": 2}),
            holds="below",
            threshold=0.5,
            trials="tasks",
        )
        for container in ("value", "array")
    ),
    threshold_reason="One lost increment refutes the claim. The value is the most that one batch lost.",
    exceptions=(
        "With get_lock() no increment is lost. Without it each read and each write is safe, but not the time between"
        " them."
    ),
    view="lost_updates",
    guards=tuple(
        Guard(
            quantity=losses(
                operation="writers_at_once",
                where={"container": container, "locking": "no_lock", "workers": 2},
            ),
            at_least=1.2,
            otherwise="the writers hardly ran at the same time, so the absence of losses proves nothing",
        )
        for container in ("value", "array")
    ),
    least_cpus=2,
    cpus_reason="with one CPU, a process is rarely interrupted between read and write, so no loss would prove nothing",
)
