"""``lab reproduce``."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from lab.commands.output import console, json_option, print_table
from lab.errors import ExitCode


@click.command("reproduce")
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN|MANIFEST|ARCHIVE")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="The run folder; default reports/runs/<run-id>."
)
@click.option("--budget", metavar="TIME", help="The time of all rounds; default the run's own.")
@click.option(
    "--judge",
    "other",
    type=click.Path(path_type=Path),
    metavar="OTHER",
    help="Measure nothing: judge by this run of the same plan.",
)
@click.option(
    "--margin",
    default="10%",
    show_default=True,
    metavar="PERCENT",
    help="A ratio is reproduced where it certainly differs by no more than this.",
)
@click.option("--quiet", is_flag=True, help="No progress; only what went wrong, and the result.")
@json_option
def command(
    run: Path, *, out: Path | None, budget: str | None, other: Path | None, margin: str, quiet: bool, as_json: bool
) -> int:
    """Run the plan of RUN here and judge which findings were reproduced.

    Plan, seed, loops and image digests come from its manifest. Ratios, crossings, best worker counts and verdicts on
    claims are judged, times are not. The table is in reproduce.csv and reproduce.md of the new run.

    \b
    Example:
      python -m lab reproduce quick.zip --budget 10m
    """
    from lab.reproduce.source import open_source
    from lab.text import parse_duration_s, parse_share

    share = parse_share(margin, "--margin")
    budget_s = parse_duration_s(budget) if budget else None
    with contextlib.ExitStack() as stack:
        theirs = stack.enter_context(open_source(run))
        ours = stack.enter_context(open_source(other)) if other else None
        from lab.reproduce import job  # a slow import, after all refusals

        if ours:
            found = job.judge_existing(theirs, ours, out, share)
        else:
            found = job.run_again(theirs, console(), out=out, budget_s=budget_s, quiet=quiet or as_json, margin=share)
    if as_json:
        from lab.commands.objects import Reproduction, print_object

        print_object(job.as_object(found), Reproduction)
    else:
        _print_result(found)
    return ExitCode.CELLS_FAILED if found.failed else ExitCode.DONE


def _print_result(found: Any) -> None:
    """Print the differences, the table of findings, the number of each verdict, and the path of the page."""
    from lab.reproduce import pages

    for item in found.differs:
        if item.matters:
            console().print(f"differs: {item.name}: {item.base} there, {item.new} here", markup=False, highlight=False)
    for target, reason in found.skipped.items():
        console().print(f"left out: {target}: {reason}", markup=False, highlight=False)
    rows = [
        {
            **{name: row[name] for name in ("verdict", "kind", "target", "finding")},
            "there": pages.shown(row, "theirs"),
            "here": pages.shown(row, "ours"),
            "reason": row["reason"],
        }
        for row in pages.rows(found.judged)
    ]
    if rows:
        print_table(rows)
    print(pages.rule(found.margin))
    print(", ".join(f"{count} {word}" for word, count in pages.counts(found.judged).items()))
    print(found.folder / "reproduce.md")
