"""Start methods by their time."""

from lab.claims.claim import Claim, Quantity

CLAIM = Claim(
    name="fork_is_fastest",
    statement="Starting and joining a process takes longer by spawn and by forkserver than by fork.",
    source="Python documentation, multiprocessing, Contexts and start methods",
    quantities=(
        Quantity(
            scenario="process.start", metric="wall_time", where={"operation": "start_join", "start_method": "fork"}
        ),
        Quantity(
            scenario="process.start",
            metric="wall_time",
            where={"operation": "start_join", "start_method": "forkserver"},
        ),
        Quantity(
            scenario="process.start", metric="wall_time", where={"operation": "start_join", "start_method": "spawn"}
        ),
    ),
    holds="above",
    threshold=1.0,
    unit="ratio",
)
