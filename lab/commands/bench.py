"""``lab bench``."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import click

from lab.commands.output import console, json_option


@click.command("bench")
@click.option("--quick", is_flag=True, help="A tenth of the rows, and the small run natively only.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of bench.md and bench.json; default reports/runs/bench-<time>.",
)
@json_option
def command(quick: bool, out: Path | None, as_json: bool) -> None:
    """Measure what the lab itself costs.

    Overhead per cell, container start, packing, planning, and deriving 250,000, 500,000 and 1,000,000 samples, with CPU
    time and peak memory. Nothing else should run on the machine meanwhile.

    \b
    Examples:
      python -m lab bench --quick
      python -m lab bench --out reports/sample/bench
    """
    from lab.validation.bench.whole import bench

    folder, result = bench(
        quick=quick,
        out=out,
        command="python -m lab " + shlex.join(sys.argv[1:]),
        say=lambda text: console().print(text, highlight=False, soft_wrap=True),
    )
    if as_json:
        from lab.commands.objects import Benched, print_object

        print_object(asdict(result), Benched)
    else:
        print((folder / "bench.md").read_text(encoding="utf-8"))
        print(folder / "bench.md")
