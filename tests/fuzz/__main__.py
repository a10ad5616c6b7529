"""Read changed files of every kind: ``python -m tests.fuzz --count 100000 --seed 1``; exits 1 where one has a fault."""

from __future__ import annotations

import argparse
import sys
import time
import warnings

from tests.fuzz.cases import check
from tests.fuzz.files import KINDS


def main() -> int:
    """Print a row per kind of file: cases, refused, read, seconds; and the traceback of each fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="cases of all kinds together (100000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=KINDS, help="one kind of file")
    options = parser.parse_args()
    warnings.simplefilter("error")
    kinds = [options.only] if options.only else list(KINDS)
    faults, cases = 0, 0
    for kind in kinds:
        began = time.monotonic()
        found = check(kind, -(-options.count // len(kinds)), options.seed)
        for place, text in found.faults.items():
            print(f"--- {kind}: {place}\n{text}", file=sys.stderr)
        faults += len(found.faults)
        cases += found.read + found.refused
        print(
            f"{kind}: {found.refused} refused, {found.read} read, {len(found.faults)} faults, "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )
    print(f"{cases} cases, {faults} faults")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
