"""``lab export``."""

from __future__ import annotations

from pathlib import Path

import click

from lab.commands.output import json_option

ARCHIVE = "archive"


@click.command("export")
@click.argument("run", metavar="RUN[@TARGET]")
@click.option(
    "--format",
    "name",
    default=ARCHIVE,
    metavar="NAME",
    show_default=True,
    help="archive, pyperf, benchmark (github-action-benchmark), bmf (Bencher), openmetrics, parquet or datapackage.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The file to write; by default beside the run's folder.",
)
@json_option
def command(run: str, name: str, out: Path | None, *, as_json: bool) -> None:
    """Write a run as one archive, or its results in another program's format.

    The archive holds the manifest, raw files, CSVs, figures and pages; the same files give the same bytes. The commands
    report, merge and reproduce take it wherever they take a run. The other formats hold results only: RUN@TARGET is one
    target of a run, whose names then match those of another target's or run's export. A datapackage.json describes the
    CSVs and is written among them.

    \b
    Examples:
      python -m lab export reports/runs/20261123-140000-quick-0 --out quick.zip
      python -m lab export RUN@py313-linux-c2 --format pyperf
    """
    path = _archive(run, out) if name == ARCHIVE else _results(run, name, out)
    if as_json:
        from lab.commands.objects import Exported, print_object

        print_object({"file": str(path), "format": name}, Exported)
    else:
        print(path)


def _archive(run: str, out: Path | None) -> Path:
    from lab.runs.archive import SUFFIX, pack

    folder = Path(run)
    return pack(folder, out or folder.resolve().with_name(folder.resolve().name + SUFFIX))


def _results(run: str, name: str, out: Path | None) -> Path:
    from lab.comparisons import sides
    from lab.errors import UsageError
    from lab.exports import FORMATS, default_path

    if name not in FORMATS:
        raise UsageError(f"the format {name!r} is unknown; choose one of {', '.join([ARCHIVE, *FORMATS])}")
    side = sides.parse(run)
    path = default_path(side, name)
    if FORMATS[name].in_the_run and out not in (None, path):
        raise UsageError(f"{path.name} describes the files beside it and is written to {path}; leave out --out")
    path = out or path
    content = FORMATS[name].encode(side)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return path
