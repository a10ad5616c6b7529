"""Time to start a process by each start method."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Where

start = partial(Quantity, scenario="process.start", operation="start_join")
PLAIN: Where = {"placement": "same_cpu", "imports": "none", "bytecode": "compiled"}
CLAIM = Claim(
    name="fork_is_fastest",
    statement="Starting and joining a process takes longer with spawn and with forkserver than with fork.",
    source="Python documentation, multiprocessing, Contexts and start methods",
    tests=(
        Ratio(
            top=start(where={"start_method": ("forkserver", "spawn"), **PLAIN}),
            bottom=start(where={"start_method": "fork", **PLAIN}),
            holds="above",
            threshold=1.0,
        ),
    ),
    threshold_reason="The fastest method is faster than both others. The closer of the two decides.",
    exceptions=(
        "Fork copies the page tables of its parent, which takes long for a large one (process.start_by_parent_size)."
    ),
    view="process_start",
)
