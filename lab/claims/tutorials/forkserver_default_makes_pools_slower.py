"""Python 3.14's default start method."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Workers

start = partial(Quantity, scenario="pool.start", operation="start_ready")
DEFAULT = start(where={"start_method": "default", "workers": Workers.CPUS})
CLAIM = Claim(
    name="forkserver_default_makes_pools_slower",
    statement=(
        "On Linux, Pool(N) by the default start method of Python 3.14 or newer takes at least twice as long to be"
        " ready as by an older Python's default, and as by fork on the same Python."
    ),
    source="What's New in Python 3.14, multiprocessing; cpython#139881",
    tests=(
        Ratio(top=DEFAULT, bottom=DEFAULT, older_than=(3, 14), holds="above", threshold=2.0),
        Ratio(
            top=DEFAULT,
            bottom=start(where={"start_method": "fork", "workers": Workers.CPUS}),
            holds="above",
            threshold=2.0,
        ),
    ),
    threshold_reason=(
        "Double is the least that a program's user may notice; that fork on the same Python is as fast shows that it"
        " is the method and not the build."
    ),
    exceptions="A program that asks for a start method; macOS and Windows, which spawn in every version.",
    systems=("linux",),
    since=(3, 14),
)
