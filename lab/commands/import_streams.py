"""``lab import``."""

from __future__ import annotations

from pathlib import Path

import click

from lab.commands.output import console, json_option, print_findings


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: reports/runs/<run-id>.")
@click.option("--host", "label", default="imported", show_default=True, metavar="NAME", help="Label of the machine.")
@json_option
def command(files: tuple[str, ...], out: Path | None, label: str, *, as_json: bool) -> None:
    """Make a run folder from the output of images run by hand.

    FILE is what such an image printed; - is standard input.
    Several files of one target become its rounds. They must be of one machine and one agent.

    \b
    Example:
      docker run --rm --cpuset-cpus 0,1 IMAGE > samples.jsonl
      python -m lab import samples.jsonl
    """
    from lab.running.imports.whole import import_files

    path, built = import_files(
        files, out=out, label=label, say=lambda text: console().print(text, highlight=False, soft_wrap=True)
    )
    print_findings(built, path, as_json=as_json)
