"""``lab gate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.commands.compare import failure_limit
from lab.commands.output import console, json_option
from lab.errors import ExitCode, UsageError
from lab.text import parse_duration_s, parse_share

if TYPE_CHECKING:
    from lab.gate.page import Gate

DEFAULT_OUT = Path("reports/runs/gate")


@click.command("gate")
@click.argument("target", required=False, default="", metavar="[FILE.py[:FUNCTION]|MODULE:FUNCTION|FILE.toml]")
@click.option("--base", required=True, metavar="REV", help="The commit, branch or tag to compare with.")
@click.option("--head", default="", metavar="REV", help="Default: the working tree with changes of tracked files.")
@click.option(
    "--as", "pool", default="", metavar="HOW", help="serial (default), or for example pool:4:spawn:16, threads:4."
)
@click.option("--items", default="", metavar="NAME|EXPRESSION", help="As in tune; default ITEMS or items().")
@click.option("--init", default="", metavar="NAME", help="A function that each worker calls once at its start.")
@click.option("--check", type=click.Choice(["equal", "approx", "none"]), default="equal", show_default=True,
              help="How the results of a pass are compared with the serial ones of the same side.")  # fmt: skip
@click.option("--cpus", default="N", show_default=True, metavar="LIMIT", help="CPU limit as in run: 2, 0.5q.")
@click.option("--python", default="", metavar="PATH|VERSION", help="The interpreter, with its packages; as in tune.")
@click.option("--threshold", default="2%", show_default=True, help="Smallest change that matters.")
@click.option(
    "--fail-on",
    metavar="slower[:PERCENT]",
    help="Exit with 4 where a function is slower and, if PERCENT is given, its whole interval lies beyond that too.",
)
@click.option("--budget", default="3m", show_default=True, metavar="TIME", help="For all functions together.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random order.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=DEFAULT_OUT, show_default=True,
              help="The folder of gate.html, gate.md, gate.json and compare.csv.")  # fmt: skip
@json_option
def command(target: str, *, fail_on: str | None, out: Path, as_json: bool, **chosen: Any) -> int:
    """Compare your own functions between two commits: slower, faster, same.

    Base and head of the git repository are checked out into two folders, which are removed at the end. Each function is
    measured in both by turns, in fresh processes. Without a function all those of the module are compared that have the
    comment "# lab: gate"; without TARGET those of gate.toml.

    \b
    Example:
      python -m lab gate work.py:resize --base main --as pool:4:spawn:16 --fail-on slower:5
    """
    limit = failure_limit(fail_on)
    budget_s, threshold = parse_duration_s(chosen.pop("budget")), parse_share(chosen.pop("threshold"), "--threshold")
    from lab.gate.run import run  # a slow import, after the refusals

    def say(line: str) -> None:
        console().print(line, markup=False, highlight=False, soft_wrap=True)

    gate, page = run(target, folder=Path.cwd(), budget_s=budget_s, threshold=threshold, out=out, say=say, **chosen)
    if all(row.is_failed for row in gate.rows):
        raise UsageError("\n".join(f"{row.function} was not measured; {row.reason}" for row in gate.rows))
    if as_json:
        from lab.commands.objects import Gated, print_object

        print_object(gate.as_object(), Gated)
    else:
        _print_result(gate, page)
    if limit is not None and any(row.verdict == "slower" and (row.ci_low or 0) > 1 + limit for row in gate.rows):
        return ExitCode.REGRESSION
    return ExitCode.CELLS_FAILED if gate.failures else ExitCode.DONE


def _print_result(gate: Gate, page: Path) -> None:
    from lab.commands.output import print_table

    for line in gate.sentences:
        print(line)
    print()
    print_table([dict(zip(gate.table.heads, row, strict=True)) for row in gate.table.rows])
    print()
    for row in gate.rows:
        if row.reason:
            print(f"{row.function}, {row.verdict}: {row.reason}")
    print(page)
