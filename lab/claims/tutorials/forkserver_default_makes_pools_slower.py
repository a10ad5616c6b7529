"""Effect of Python 3.14's default start method on the start of a pool."""

from functools import partial

from lab.claims.claim import Claim, Quantity, Ratio, Workers

start = partial(Quantity, scenario="pool.start", operation="start_ready")
DEFAULT = start(where={"start_method": "default", "workers": Workers.CPUS})
CLAIM = Claim(
    name="forkserver_default_makes_pools_slower",
    statement=(
        "On Linux, Pool(N) with the default start method of Python 3.14 or newer takes at least twice as long to be"
        " ready as with the default of an older Python, and as with fork on the same Python."
    ),
    source="What's New in Python 3.14, multiprocessing; CPython issue 139881",
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
        "A factor of two is the least that a user of a program may notice. The comparison with fork on the same Python"
        " shows that the start method is the cause and not the build."
    ),
    exceptions=(
        "Programs that choose a start method are not affected. macOS (since Python 3.8) and Windows use spawn by"
        " default."
    ),
    systems=("linux",),
    since=(3, 14),
)
