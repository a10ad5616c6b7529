"""``lab export``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="The archive; default RUN.zip."
)
def command(run: Path, out: Path | None) -> None:
    """Pack a run into one zip archive.

    It holds the manifest, raw files, CSVs, figures and pages; the same files give the same bytes. The commands report,
    merge and reproduce take such an archive wherever they take a run.

    \b
    Example:
      python -m lab export reports/runs/20261123-140000-quick-0 --out quick.zip
    """
    from lab.runs.archive import SUFFIX, pack

    print(pack(run, out or run.resolve().with_name(run.resolve().name + SUFFIX)))
