"""Which share of small faults in lab/ do the tests notice? ``python -m tests.mutants.sample --seed 1 --count 150``.

Mutants are drawn by the seed: the sample is divided among the folders in proportion to their lines of code, then come
random lines of the folder, with all kinds of fault (mutations.py) by turns. Each is made in a copy of the working tree.
A first run of all tests records which of them run which line, in child processes as well (driver.py, recorder.py); a
mutant then meets the tests that run its statement, in a fresh interpreter, until one fails. That test must pass
without the fault, else it is left out. A mutant that takes too long is killed by its deadline. One whose line no test
runs has survived. equivalent.toml lists mutants that are no fault; they are run, too, and left out of the share.
"""

from __future__ import annotations

import argparse
import difflib
import random
import signal
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.mutants.copies import Copy, Map, Outcome, make_map
from tests.mutants.mutations import Mutant, code_lines, find_mutants, is_change

UNDER = (
    "lab/stats",
    "lab/claims",
    "lab/comparisons",
    "lab/running",
    "lab/planning",
    "lab/runs",
    "lab/reproduce",
    "lab/agent",
)
TESTS = (
    "tests/unit", "tests/runs", "tests/stats", "tests/comparisons", "tests/advice", "tests/validation", "tests/claims",
    "tests/report", "tests/properties", "tests/agent",
)  # fmt: skip
EQUIVALENT = Path("tests/mutants/equivalent.toml")
DEADLINE_FACTOR = 3  # of what the tests took when the map was made
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Change:
    """A mutant as its file's text shows it: what equivalent.toml names."""

    file: str
    line: str
    mutated: str


def strata(root: Path, under: Sequence[str]) -> dict[str, list[Path]]:
    """Folder, file or glob -> its Python files; each file belongs to the first that names it."""
    taken: set[Path] = set()
    found: dict[str, list[Path]] = {}
    for name in under:
        paths = [path for top in root.glob(name) for path in (top.rglob("*.py") if top.is_dir() else [top])]
        found[name] = sorted(set(paths) - taken)
        if not found[name]:
            raise SystemExit(f"--under {name}: no Python file is there. Name a folder, a file or a glob below {root}.")
        taken |= set(paths)
    return found


def divide(count: int, lines: dict[str, int]) -> dict[str, int]:
    """Divide the sample in proportion to the lines, by largest remainder."""
    total = sum(lines.values())
    shares = {name: count * of / total for name, of in lines.items()}
    found = {name: int(share) for name, share in shares.items()}
    by_remainder = sorted(shares, key=lambda name: (found[name] - shares[name], name))
    for name in by_remainder[: count - sum(found.values())]:
        found[name] += 1
    return found


def draw(root: Path, under: Sequence[str], *, seed: int, count: int) -> list[Mutant]:
    """The sample: at most one mutant per line; the same for the same sources and seed."""
    files = strata(root, under)
    lines = {name: sum(code_lines(path.read_bytes()) for path in paths) for name, paths in files.items()}
    chosen: list[Mutant] = []
    for name, number in divide(count, lines).items():
        chance = random.Random(f"{seed} {name}")
        chosen += draw_from(root, files[name], chance, number)
    return chosen


def draw_from(root: Path, paths: list[Path], chance: random.Random, number: int) -> list[Mutant]:
    """A number of mutants from files, each on another line, all kinds by turns; fewer where there are not so many."""
    of_kind: dict[str, list[Mutant]] = {}
    for path in paths:
        for mutant in find_mutants(path.relative_to(root).as_posix(), path.read_bytes()):
            of_kind.setdefault(mutant.kind, []).append(mutant)
    for mutants in of_kind.values():
        chance.shuffle(mutants)
    kinds = sorted(of_kind)
    chance.shuffle(kinds)
    chosen: dict[tuple[str, int], Mutant] = {}
    while len(chosen) < number and any(of_kind.values()):
        for kind in kinds[: number - len(chosen)]:
            while of_kind[kind]:
                mutant = of_kind[kind].pop()
                line = (mutant.file, mutant.line)
                if line not in chosen and is_change(mutant, (root / mutant.file).read_bytes()):
                    chosen[line] = mutant
                    break
    return list(chosen.values())


def describe(root: Path, mutant: Mutant) -> Change:
    """The lines that differ, without their indentation."""
    source = (root / mutant.file).read_bytes()
    old, new = source.decode().splitlines(), mutant.apply(source).decode().splitlines()
    blocks = [block for block in difflib.SequenceMatcher(None, old, new).get_opcodes() if block[0] != "equal"]
    before = "\n".join(line.strip() for _, i, j, _, _ in blocks for line in old[i:j])
    after = "\n".join(line.strip() for _, _, _, i, j in blocks for line in new[i:j])
    return Change(mutant.file, before, after)


def diff(root: Path, mutant: Mutant) -> str:
    """The mutant as a unified diff."""
    source = (root / mutant.file).read_bytes()
    old, new = source.decode().splitlines(), mutant.apply(source).decode().splitlines()
    return "\n".join(difflib.unified_diff(old, new, mutant.file, mutant.file, lineterm=""))


def read_equivalent(path: Path) -> dict[Change, str]:
    """Mutants that are no fault, with the reason."""
    entries = tomllib.loads(path.read_text(encoding="utf-8")).get("equivalent", []) if path.exists() else []
    return {Change(entry["file"], entry["line"], entry["mutated"]): entry["reason"] for entry in entries}


@dataclass
class Trial:
    """Runs mutants in the copy, and believes a kill only by a test that passes without the fault."""

    copy: Copy
    map: Map
    spare_s: float
    sound: dict[str, bool] = field(default_factory=dict)

    def run(self, mutant: Mutant) -> Outcome:
        """How the mutant ended, with the seconds of all its runs."""
        tests = self.map.covering(mutant)
        start = time.monotonic()
        while tests:
            outcome = self.copy.run_mutant(mutant, tests, self.limit_s(tests))
            if outcome.word == "survived" or outcome.test not in tests or self.is_sound(outcome.test):
                return Outcome(outcome.word, outcome.test, time.monotonic() - start)
            tests = [test for test in tests if test != outcome.test]
        return Outcome("no test covers the line", None, time.monotonic() - start)

    def is_sound(self, test: str) -> bool:
        """Whether a test passes, alone and in time, where there is no fault."""
        if test not in self.sound:
            self.sound[test] = self.copy.run_tests([test], self.limit_s([test])).word == "survived"
        return self.sound[test]

    def limit_s(self, tests: list[str]) -> float:
        return self.spare_s + DEADLINE_FACTOR * self.map.expected_s(tests)


def report(root: Path, outcomes: dict[Mutant, Outcome], equivalent: dict[Change, str]) -> tuple[int, int]:
    """Print survivors, equivalent mutants and the share; killed and all that count."""
    reasons = {mutant: equivalent.get(describe(root, mutant)) for mutant in outcomes}
    left = [mutant for mutant, outcome in outcomes.items() if outcome.word not in {"killed", "timeout"}]
    for mutant in (mutant for mutant in left if not reasons[mutant]):
        print(f"\nsurvived ({outcomes[mutant].word}):\n{diff(root, mutant)}")
    for mutant in (mutant for mutant in left if reasons[mutant]):
        print(f"\nequivalent ({reasons[mutant]}):\n{diff(root, mutant)}")
    for mutant in (mutant for mutant in outcomes if mutant not in left and reasons[mutant]):
        print(f"\n{EQUIVALENT} lists this mutant, but a test kills it; remove the entry:\n{diff(root, mutant)}")
    for line in stale(root, equivalent):
        print(f"\n{line}")
    counted = [mutant for mutant in outcomes if mutant not in left or not reasons[mutant]]
    killed = len([mutant for mutant in counted if mutant not in left])
    print(f"\n{summary(killed, len(counted))}")
    words = Counter(outcome.word for outcome in outcomes.values())
    print("; ".join(f"{word}: {number}" for word, number in words.most_common()))
    return killed, len(counted)


def stale(root: Path, equivalent: dict[Change, str]) -> Iterator[str]:
    """A sentence for every entry whose line is no longer in its file."""
    for change in equivalent:
        path = root / change.file
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
        if not set(change.line.split("\n")) <= set(lines):
            yield f"{EQUIVALENT} lists a line that {change.file} no longer has: {change.line}. Remove the entry."


def summary(killed: int, counted: int) -> str:
    """The share with its Clopper-Pearson interval."""
    from scipy.stats import binomtest

    if not counted:
        return "no mutant was run"
    interval = binomtest(killed, counted).proportion_ci(CONFIDENCE, method="exact")
    return (
        f"killed {killed} of {counted} mutants: {killed / counted:.1%} "
        f"({CONFIDENCE:.0%} interval {interval.low:.1%} to {interval.high:.1%}, Clopper-Pearson)"
    )


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s mutants --", description="How many small faults do the tests notice?")
    parser.add_argument("--seed", type=int, default=0, help="which sample; the same seed draws the same mutants")
    parser.add_argument("--count", type=int, default=150, help="number of mutants (default: 150)")
    parser.add_argument("--under", action="append", metavar="GLOB", help="folder, file or glob to mutate (repeatable)")
    parser.add_argument("--tests", nargs="+", default=TESTS, metavar="FOLDER", help="tests to run (default: fast ones)")
    parser.add_argument(
        "--timeout", type=float, default=60, metavar="SECONDS", help="beyond three times what the tests take without"
    )
    parser.add_argument("--at-least", type=float, metavar="PERCENT", help="exit 1 below this share of killed mutants")
    parser.add_argument("--list", action="store_true", help="print the sample as diffs and run nothing")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Draw, run and report; the exit code."""
    options = arguments(given)
    tree = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="mutants") as scratch:
        copy = Copy.of(tree, Path(scratch))
        sample = draw(copy.root, options.under or UNDER, seed=options.seed, count=options.count)
        if options.list:
            print("\n".join(diff(copy.root, mutant) for mutant in sample))
            return 0
        known = make_map(tree, list(options.tests), Path(scratch) / "map")
        print(f"{len(known.tests)} tests; when their lines were recorded, {len(known.failed)} failed", flush=True)
        trial = Trial(copy, known, options.timeout)
        outcomes: dict[Mutant, Outcome] = {}
        for number, mutant in enumerate(sample, 1):
            outcome = outcomes[mutant] = trial.run(mutant)
            change = describe(copy.root, mutant)
            by = f" by {outcome.test}" if outcome.test else ""
            what = f"{mutant.file}:{mutant.line} {mutant.kind}: {change.line} -> {change.mutated}".replace("\n", " ")
            print(f"{number}/{len(sample)} {outcome.word} {what}{by} ({outcome.seconds:.1f} s)", flush=True)
        killed, counted = report(copy.root, outcomes, read_equivalent(tree / EQUIVALENT))
    return int(options.at_least is not None and killed * 100 < options.at_least * counted)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # the running tests end, the copy goes
    sys.exit(main())
