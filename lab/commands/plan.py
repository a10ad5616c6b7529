"""``lab plan``."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lab.commands.output import console, json_option
from lab.commands.selection import options, selection_options, testing_options
from lab.text import plural

if TYPE_CHECKING:
    from lab.planning.plan import Options, Planned


MOST_CPUS = 512


@click.command("plan")
@selection_options
@testing_options
@click.option(
    "--assume-cpus",
    type=click.IntRange(1, MOST_CPUS),
    metavar="N",
    help="Lay out the plan for a machine with so many CPUs and the engine and Pythons of this one.",
)
@json_option
def command(as_json: bool, **chosen: Any) -> None:
    """Print the cells that a run with the same options would measure.

    \b
    Example:
      python -m lab plan --profile quick --scenario 'ipc.*' --json
    """
    print_plan(options(quiet=as_json, **chosen), as_json=as_json)


def print_plan(wanted: Options, *, as_json: bool) -> None:
    """Print the plan as one JSON object, or as one cell id per line with what its ranks take and what is left out."""
    from lab.claims import claimed_cells
    from lab.planning.contrasts import role_of
    from lab.planning.plan import make_plan
    from lab.planning.unplanned import unplanned_sentence
    from lab.running.job import Say
    from lab.text import in_words

    planned = make_plan(wanted, Say(console=console(), quiet=wanted.quiet), claimed_cells)
    layout = planned.layout
    if as_json:
        rows = [
            {
                "id": cell.id,
                "target": cell.target,
                "scenario": cell.scenario,
                "case": cell.case,
                "values": cell.values,
                "rank": role_of(cell, planned.roles).rank,
            }
            for cell in planned.kept
        ]
        found = {
            "cells": rows,
            "targets": [target.id for target in planned.targets],
            "unplanned": planned.unplanned,
            "skipped": [{"id": name, "reason": reason} for name, reason in layout.dropped.items()],
            "ranks": rank_rows(planned),
        }
        from lab.commands.objects import Plan, print_object

        print_object(found, Plan)
        return
    for cell in planned.kept:
        print(cell.id)
    say = partial(console().print, highlight=False, markup=False, soft_wrap=True)
    if left_out := unplanned_sentence(planned.unplanned, planned.profile.name):
        say(left_out)
    for row in rank_rows(planned):
        skipped = f", and {plural(row['skipped'], 'cell')} left out" if row["skipped"] else ""
        processes = plural(row["processes"], "process", "processes")
        say(
            f"rank {row['rank']}, {row['name']}: {plural(row['cells'], 'cell')}, {plural(row['rounds'], 'round')}, "
            f"up to {processes} per round, about {in_words(60 * row['minutes'])}{skipped}"
        )
    say(
        f"{plural(len(planned.kept), 'cell')} on {plural(len(planned.targets), 'target')}, "
        f"{plural(layout.rounds, 'round')}, about {in_words(layout.expected_s)} of a budget of "
        f"{in_words(planned.budget_s)}"
    )


def rank_rows(planned: Planned) -> list[dict[str, Any]]:
    """One row per rank of a plan: its name, cells, rounds, processes per round at most, minutes and skipped cells."""
    from lab.planning.contrasts import RANKS, role_of

    layout = planned.layout
    found = []
    for rank, name in RANKS.items():
        mine = [cell.id for cell in planned.cells if role_of(cell, planned.roles).rank == rank]
        skipped = sum(cell in layout.dropped for cell in mine)
        found.append({
            "rank": rank,
            "name": name,
            "cells": len(mine) - skipped,
            "rounds": layout.rounds if len(mine) > skipped else 0,
            "processes": max([1, *layout.processes.values()]) if rank == 1 else 1,
            "minutes": layout.rounds * layout.round_s.get(rank, 0.0) / 60,
            "skipped": skipped,
        })  # fmt: skip
    return found
