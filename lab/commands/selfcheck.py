"""``lab selfcheck``."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from lab.commands.output import console
from lab.errors import Interrupted, UsageError

PARTS = ("accuracy", "precision", "loaded", "alarms")


@click.command("selfcheck")
@click.option("--quick", is_flag=True, help="Only show that everything works, in about five minutes.")
@click.option(
    "--part", "parts", multiple=True, default=PARTS, type=click.Choice(PARTS), help="Only this part; repeatable."
)
@click.option(
    "--operation",
    "operations",
    multiple=True,
    default=("*",),
    metavar="GLOB",
    help='Only these operations of accuracy and precision, for example "Pool.*"; repeatable.',
)
@click.option("--python", metavar="VERSION", help="3.13 or 3.13t; default: the newest with a GIL.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random order.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the results; default reports/runs/selfcheck-<time>.",
)
@click.option("--json", "as_json", is_flag=True, help="Print selfcheck.json.")
def command(*, as_json: bool, **options: Any) -> None:
    """Validate the lab's numbers on this machine.

    Accuracy against bare loops, precision for the time against pyperf, a machine loaded on purpose, false alarms and
    missed changes. It takes about an hour, during which nothing else should run.

    \b
    Example:
      python -m lab selfcheck --quick
      python -m lab selfcheck --part accuracy --operation "Pool.*"
    """
    if importlib.util.find_spec("pyperf") is None:
        raise UsageError("pyperf, which the selfcheck compares the lab with, is not installed; run: pip install pyperf")
    from lab.comparisons.noise import FILE
    from lab.validation.selfcheck import job, results
    from lab.validation.selfcheck.sections import sections

    try:
        folder = job.run(job.Options(command="python -m lab " + shlex.join(sys.argv[1:]), **options), console())
    except KeyboardInterrupt:
        raise Interrupted("stopped; the folder of the selfcheck keeps the parts that had finished") from None
    if as_json:
        print((folder / FILE).read_text(encoding="utf-8"), end="")
        return
    lines = [verdict for section in sections(results.read(folder)) for verdict in section.verdicts]
    print(*lines, folder / "selfcheck.html", sep="\n")
