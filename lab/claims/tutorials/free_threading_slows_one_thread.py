"""What a free-threaded build costs on a single thread."""

from lab.claims.claim import Claim, Quantity, Ratio

SERIAL = Quantity(scenario="pool.scaling", operation="job", where={"executor": "serial", "work": "pure_python"})
CLAIM = Claim(
    name="free_threading_slows_one_thread",
    statement=(
        "A serial job in pure Python takes 1.05 to 1.10 times as long on a free-threaded build as on the build of the"
        " same version with the GIL."
    ),
    source="What's New in Python 3.14, Free-threaded mode improvements: roughly 5-10%",
    tests=(
        Ratio(top=SERIAL, bottom=SERIAL, gil_build=True, holds="above", threshold=1.05, name="at least 5%"),
        Ratio(top=SERIAL, bottom=SERIAL, gil_build=True, holds="below", threshold=1.10, name="at most 10%"),
    ),
    threshold_reason="The two ends of the range that the source names; less refutes it as well as more.",
    exceptions=(
        "3.13t lacks the specializing interpreter and is slower. Builds that also differ in PGO, LTO or the compiler"
        " differ by more than the GIL; the table of targets shows their build classes."
    ),
    since=(3, 13),
    builds=("free-threaded",),
)
