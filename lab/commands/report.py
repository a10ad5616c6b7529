"""``lab report``."""

from __future__ import annotations

from pathlib import Path

import click

from lab.commands.output import tell_findings
from lab.errors import UsageError


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
def command(runs: tuple[Path, ...]) -> None:
    """Rebuild CSVs, figures and pages of a run from its raw files.

    \b
    Example:
      python -m lab report reports/runs/20261123-140000-quick-0
    """
    from lab.derive import derive
    from lab.store import RunFolder

    if len(runs) > 1:
        raise UsageError("one report of several runs comes with `merge`, which is not there yet; name one run")
    with RunFolder.existing(runs[0]) as folder:
        built = derive(folder)
    tell_findings(built, runs[0])
