"""Carries out a gate: check out both sides, measure, judge, write the pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lab.errors import UsageError
from lab.gate.measure import measure
from lab.gate.page import Gate, write_pages
from lab.gate.repository import Repository
from lab.gate.verdicts import judged
from lab.gate.wanted import Named, parse_choice, parse_wanted
from lab.targets.native import NativeRunner
from lab.tune.places import chosen_interpreter, native_targets
from lab.tune.subject import Check


def run(
    target: str,
    *,
    folder: Path,
    base: str,
    head: str,
    pool: str,
    items: str,
    init: str,
    check: Check,
    cpus: str,
    python: str,
    budget_s: float,
    threshold: float,
    seed: int,
    out: Path,
    say: Callable[[str], None],
) -> tuple[Gate, Path]:
    """Compare the functions that TARGET names; the options are those of the command line.

    Returns:
        The result and the path of its page.

    Raises:
        UsageError: the options cannot be carried out.
        NothingToRunOn: the interpreter does not exist.
    """
    common = Named(target="", items=items, init=init, check=check, pool=pool)
    parse_choice(pool)
    repository = Repository.around(folder)
    interpreter = chosen_interpreter(python, folder)
    targets = native_targets(interpreter, cpus)
    if len(targets) != 1:
        raise UsageError(f"--cpus {cpus} names {len(targets)} limits; a gate has one, for example --cpus 2")
    with repository.sides(base, head) as sides:
        wanted = parse_wanted(target, common, here=folder, head=sides[1], top=repository.top)
        say(f"base {sides[0].words}, head {sides[1].words}, Python {interpreter.patch}")
        runner = NativeRunner({interpreter.key: interpreter})
        measured = measure(wanted, sides, targets[0], runner, budget_s=budget_s, seed=seed, say=say)
    frame, rows = judged(measured, threshold=threshold)
    gate = Gate(
        base=sides[0],
        head=sides[1],
        python=interpreter.patch,
        target=targets[0].id,
        threshold=threshold,
        spent_s=measured.spent_s,
        rows=rows,
    )
    return gate, write_pages(gate, frame, out)
