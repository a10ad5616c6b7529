"""``lab merge``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.commands.output import json_option, print_findings
from lab.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.runs.folder import RunFolder


@click.command("merge")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the merged run; default reports/runs/<time>-merged.",
)
@json_option
def command(runs: tuple[Path, ...], out: Path | None, *, as_json: bool) -> ExitCode:
    """Join shards of one plan, or runs of several machines, into one run.

    RUN is a folder or an archive. Runs of two agents, shards of two plans or seeds, and a shard that was measured twice
    are refused, with what differs. A run named twice counts once. What was not merged is a skipped row with its shard;
    whatever was left out is printed, and the exit code is then 1.

    \b
    Example:
      python -m lab merge shard-1 shard-2 shard-3 --out reports/runs/whole
    """
    left_out: list[str] = []
    folder = merged(runs, out, left_out.append)
    from lab.pipeline import derive  # a slow import, after all refusals

    with folder:
        built = derive(folder)
    print_findings(built, folder.path, as_json=as_json)
    for sentence in left_out:
        click.echo(f"left out: {sentence}", err=True)
    return ExitCode.CELLS_FAILED if left_out else ExitCode.DONE


def merged(runs: tuple[Path, ...], out: Path | None, left_out: Callable[[str], None]) -> RunFolder:
    """Merge runs and archives into ``out``, by default a new folder below reports/runs.

    ``left_out`` is called with a sentence for each run that was not merged.
    """
    import contextlib
    import datetime as dt

    from lab.runs.archive import opened
    from lab.runs.folder import DEFAULT_RUNS, new_run_id
    from lab.runs.merge import merge

    with contextlib.ExitStack() as stack:
        folders = [stack.enter_context(opened(run)) for run in runs]
        return merge(folders, out or DEFAULT_RUNS / new_run_id(dt.datetime.now(dt.UTC), "merged"), left_out)
