"""``lab run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.commands.output import console, json_option, print_findings
from lab.commands.plan import print_plan
from lab.commands.selection import options, selection_options, testing_options
from lab.errors import ExitCode, UsageError
from lab.text import plural

if TYPE_CHECKING:
    from lab.running.job import Outcome

ALLOWED_WITH_RESUME = ("resume", "quiet", "as_json", "engine", "images")  # the run has its own engine and images
COMMANDLINE = click.core.ParameterSource.COMMANDLINE


@click.command("run")
@selection_options
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Continue a run that was stopped.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--quiet", is_flag=True, help="No progress; only what went wrong, and the result.")
@json_option
@testing_options
def command(resume: Path | None, dry_run: bool, quiet: bool, as_json: bool, **chosen: Any) -> int:
    """Measure: plan, get images, run the cells, write CSVs and the report.

    \b
    Example:
      python -m lab run --profile smoke --python 3.13 --cpus 1,2,0.5q
    """
    from lab.running import job

    _refuse_two_plans(resume)
    if dry_run:
        print_plan(options(quiet=quiet or as_json, **chosen), as_json=as_json)
        return ExitCode.DONE
    if resume:
        outcome = job.resume(resume, console(), quiet=quiet)
    else:
        outcome = job.run(options(quiet=quiet, **chosen), console())
    return print_outcome(outcome, as_json=as_json)


def _refuse_two_plans(resume: Path | None) -> None:
    """Refuse options that contradict the plan, the seed or the folder of the resumed run."""
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in ALLOWED_WITH_RESUME
        and context.get_parameter_source(str(parameter.name)) == COMMANDLINE
    ]
    if resume and given:
        raise UsageError(f"--resume continues the plan of {resume}; leave out {', '.join(given)}")


def print_outcome(outcome: Outcome, *, as_json: bool) -> int:
    """Print the times, the failed cells and the findings of a run; return the exit code."""
    split = outcome.split
    shares = {
        "timed": split.timed_s,
        "warmup": split.warmup_s,
        "interpreter": split.interpreter_s,
        "container": split.container_s,
        "host": split.host_s,
    }
    words = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in shares.items())
    console().print(f"wall time {split.wall_s:.0f} s: {words}", highlight=False, soft_wrap=True)
    if outcome.failed:
        console().print(
            f"{plural(len(outcome.failed), 'cell')} failed, first {outcome.failed[0]}; the report has the reasons",
            highlight=False,
            soft_wrap=True,
        )
    print_findings(
        outcome.report, outcome.folder.path, as_json=as_json, failed=outcome.failed, split=split if as_json else None
    )
    return ExitCode.CELLS_FAILED if outcome.failed else ExitCode.DONE
