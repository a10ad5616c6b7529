"""Start methods by their time."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Where

start = partial(Quantity, scenario="process.start", operation="start_join")
PLAIN: Where = {"placement": "same_cpu", "imports": "none", "bytecode": "compiled"}
CLAIM = Claim(
    name="fork_is_fastest",
    statement="Starting and joining a process takes longer by spawn and by forkserver than by fork.",
    source="Python documentation, multiprocessing, Contexts and start methods",
    tests=(
        Ratio(
            top=start(where={"start_method": ("forkserver", "spawn"), **PLAIN}),
            bottom=start(where={"start_method": "fork", **PLAIN}),
            holds="above",
            threshold=1.0,
        ),
    ),
    threshold_reason="The fastest is faster than each other; the closer of the two decides.",
    exceptions="A large parent: fork copies its page tables, the others do not (process.start_by_parent_size).",
    view="process_start",
)
