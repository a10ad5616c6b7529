"""``lab tune``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.commands.output import console, json_option, print_table
from lab.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from lab.tune.answer import Answer
    from lab.tune.job import Tuned

ALLOWED_WITH_RESUME = ("resume", "quiet", "as_json")
COMMANDLINE = click.core.ParameterSource.COMMANDLINE


@click.command("tune")
@click.argument("target", required=False, metavar="FILE.py:FUNCTION|MODULE:FUNCTION")
@click.option(
    "--items",
    default="",
    metavar="NAME|EXPRESSION",
    help="What the function is applied to: a name in its module, MODULE:NAME, or an expression such as range(2000); "
    "default ITEMS or items() of its module.",
)
@click.option("--init", default="", metavar="NAME", help="A function that each worker calls once at its start.")
@click.option(
    "--cpus", default="N", show_default=True, metavar="LIST", help="CPU limits as in run: 2 pins, 0.5q is a quota."
)
@click.option(
    "--python",
    default="",
    metavar="PATH|VERSION",
    help="The interpreter, with its packages; default that of .venv or venv here, else the newest on this machine.",
)
@click.option(
    "--check",
    type=click.Choice(["equal", "approx", "none"]),
    default="equal",
    show_default=True,
    help="How results of a pool are compared with the serial ones, item by item.",
)
@click.option("--budget", default="2m", show_default=True, metavar="TIME", help="The time for each target: 90s, 10m.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random order.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="The folder of results; default below reports/runs."
)
@click.option("--resume", type=click.Path(path_type=Path), metavar="FOLDER", help="Continue a tune that was stopped.")
@json_option
@click.option("--quiet", is_flag=True, help="No progress; only what went wrong, and the result.")
def command(
    target: str | None, *, resume: Path | None, budget: str, out: Path | None, as_json: bool, quiet: bool, **chosen: Any
) -> int:
    """Find the best pool for your own function: executor, workers, chunk size.

    The function takes one item. It is measured serially and in pools of each kind, in random order, each time in a
    fresh process; what is clearly slower stops early, and the rest is measured anew for the answer. Results of pools
    are compared with the serial ones.

    \b
    Example:
      python -m lab tune work.py:resize --items ITEMS --cpus 2,0.5q --python .venv/bin/python
    """
    from lab.text import parse_duration_s

    _refuse_two_plans(target, resume)
    if resume is None and target is None:
        raise UsageError("tune needs a function; write for example: python -m lab tune work.py:resize")
    from lab.tune import run  # a slow import, after all refusals
    from lab.tune.wanted import Wanted

    if resume:
        found = run.resume(resume, console(), quiet=quiet or as_json)
    else:
        wanted = Wanted(target=target or "", folder=str(Path.cwd()), budget_s=parse_duration_s(budget), **chosen)
        line = "python -m lab " + shlex.join(sys.argv[1:])
        found = run.start(wanted, out, console(), quiet=quiet or as_json, command=line)
    if as_json:
        from lab.commands.objects import Tuned as TunedObject
        from lab.commands.objects import print_object

        print_object(run.as_json(found), TunedObject)
    else:
        _print_result(found)
    return ExitCode.CELLS_FAILED if found.has_failures else ExitCode.DONE


def _refuse_two_plans(target: str | None, resume: Path | None) -> None:
    """Refuse what contradicts the options of the resumed tune."""
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in ALLOWED_WITH_RESUME
        and context.get_parameter_source(str(parameter.name)) == COMMANDLINE
        and parameter.name != "target"
    ]
    given += [target] if target else []
    if resume and given:
        raise UsageError(f"--resume continues the tune of {resume}; leave out {', '.join(given)}")


def _print_result(found: Tuned) -> None:
    for result in found.answers:
        if len(found.answers) + len(found.failed) > 1:
            print(f"{result.target}:")
        _print_answer(result)
    for target, reason in found.failed.items():
        console().print(f"{target} was not measured: {reason}", markup=False, highlight=False, soft_wrap=True)
    print(found.page)


def _print_answer(result: Answer) -> None:
    """Print the sentence, the lines to paste, the table, and what else is known."""
    from lab.tune.answer import table

    print(f"{result.sentence}\n\n{result.code}")
    print_table(table(result))
    print()
    for line in (*result.costs, *result.quota):
        print(line)
    for cause in result.causes:
        print(f"Limiting factor, {cause.name}: {cause.evidence}.")
    for note in result.notes:
        print(note)
    print()
