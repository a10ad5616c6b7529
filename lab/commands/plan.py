"""``lab plan``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from lab.commands.output import console
from lab.commands.selection import options, selection_options, testing_options
from lab.text import plural

if TYPE_CHECKING:
    from lab.planning.plan import Options


@click.command("plan")
@selection_options
@testing_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def command(as_json: bool, **chosen: Any) -> None:
    """Print the cells that a run with the same options would measure.

    \b
    Example:
      python -m lab plan --profile quick --scenario 'ipc.*' --json
    """
    print_plan(options(quiet=as_json, **chosen), as_json=as_json)


def print_plan(wanted: Options, *, as_json: bool) -> None:
    """Print the plan as one JSON object, or as one cell id per line with what the profile leaves out."""
    from lab.claims import joined_scenarios
    from lab.planning.plan import make_plan
    from lab.planning.unplanned import unplanned_sentence
    from lab.running.job import Say
    from lab.text import in_words

    planned = make_plan(wanted, Say(console=console(), quiet=wanted.quiet), joined_scenarios)
    if as_json:
        rows = [
            {"id": cell.id, "target": cell.target, "scenario": cell.scenario, "case": cell.case, "values": cell.values}
            for cell in planned.cells
        ]
        targets = [target.id for target in planned.targets]
        print(json.dumps({"cells": rows, "targets": targets, "unplanned": planned.unplanned}, indent=1))
        return
    for cell in planned.cells:
        print(cell.id)
    if left_out := unplanned_sentence(planned.unplanned, planned.profile.name):
        console().print(left_out, highlight=False, markup=False, soft_wrap=True)
    rounds, budget_s = planned.profile.rounds, wanted.budget_s or planned.profile.budget_s
    cut = f"; the budget ends it after {in_words(budget_s)}" if budget_s < planned.expected_s else ""
    console().print(
        f"{plural(len(planned.cells), 'cell')} on {plural(len(planned.targets), 'target')}, {plural(rounds, 'round')}, "
        f"about {in_words(planned.expected_s)}{cut}",
        highlight=False,
        soft_wrap=True,
    )
