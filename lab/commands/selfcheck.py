"""``lab selfcheck``."""

from __future__ import annotations

import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from lab.commands.output import console
from lab.errors import Interrupted, UsageError


@click.command("selfcheck")
@click.option("--quick", is_flag=True, help="About five minutes: proves that everything works and decides nothing.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    type=click.Choice(["accuracy", "precision", "loaded", "alarms"]),
    help="Only this part; repeatable.",
)
@click.option(
    "--operation",
    "operations",
    multiple=True,
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
def command(*, parts: tuple[str, ...], as_json: bool, **chosen: Any) -> None:
    """Prove the lab's numbers on this machine.

    Accuracy against bare loops, precision for the time against pyperf, a machine loaded on purpose, false alarms and
    missed changes. It takes about an hour, during which nothing else should run.

    \b
    Example:
      python -m lab selfcheck --quick
      python -m lab selfcheck --part accuracy --operation "Pool.*"
    """
    if importlib.util.find_spec("pyperf") is None:
        raise UsageError(
            "pyperf is not installed, and the selfcheck compares the lab with it; install it with: pip install pyperf"
        )
    from lab.comparisons.noise import FILE
    from lab.validation.selfcheck import job
    from lab.validation.selfcheck.page import verdict_lines

    progress = console()

    def say(text: str) -> None:
        progress.print(text, markup=False, highlight=False, soft_wrap=True)

    options = job.Options(
        parts=parts or job.PARTS,
        command="python -m lab " + shlex.join(sys.argv[1:]),
        **chosen,
    )
    try:
        folder = job.run(options, say)
    except KeyboardInterrupt:
        raise Interrupted("the selfcheck was stopped; its folder has the parts that finished") from None
    content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    if as_json:
        print(json.dumps(content))
        return
    for line in verdict_lines(content):
        print(line)
    print(folder / "selfcheck.html")
