"""``lab fit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.commands.output import json_option, print_table

if TYPE_CHECKING:
    from lab.stats.laws import Law


@click.command("fit")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def command(file: Path, as_json: bool) -> None:
    """Fit a scaling law to a CSV of workers and throughput.

    Several rows with one worker count are rounds. The law is the Universal Scalability Law where kappa is
    distinguishable from 0, else Amdahl's; with two worker counts it is Karp and Flatt's serial fraction. A peak is
    named only where the data support one. Where throughput rises and then stays level, the law is of the rising part
    and the plateau is named; where no law describes the data, none is fitted.

    \b
    Example:
      python -m lab fit throughput.csv --json
    """
    from lab.stats.laws import choose
    from lab.stats.laws.measurements import read_rounds

    workers, rounds = read_rounds(file)
    law = choose(workers, rounds)
    if as_json:
        from lab.commands.objects import Fitted, print_object

        print_object(as_object(law), Fitted)
        return
    print_law(law)


def as_object(law: Law) -> dict[str, object]:
    """The object that ``--json`` prints; a value that the data do not support is null."""
    named = {"sigma": law.sigma, "kappa": law.kappa, "lambda": law.rate, "serial_fraction": law.serial_fraction}
    return {
        "model": law.model,
        **{name: vars(coefficient) for name, coefficient in named.items()},
        "peak_workers": law.peak_workers,
        "plateau": law.plateau,
        "reason": law.reason,
        "r2": law.r2,
        "largest_workers_measured": law.largest_workers,
    }


def print_law(law: Law) -> None:
    """Print the coefficients as a table, and a sentence about model and peak."""
    fields = as_object(law)
    rows = [
        {"coefficient": name, "value": shown(value["value"]), "95% interval": interval(value)}
        for name, value in fields.items()
        if isinstance(value, dict) and value["value"] is not None
    ]
    if rows:
        print_table(rows)
    peak = "no peak" if law.peak_workers is None else f"peak at {law.peak_workers:.3g} workers"
    fit = "" if law.r2 is None else f", R2 {law.r2:.4f}"
    print(f"{law.model or 'no model'}{fit}, {peak}: {law.reason}.")


def shown(value: float | None) -> str:
    """The number with four digits, or a dash for None."""
    return "-" if value is None else f"{value:.4g}"


def interval(coefficient: dict[str, float | None]) -> str:
    """Both ends of the interval, or a dash where there is none."""
    low, high = coefficient["ci_low"], coefficient["ci_high"]
    return "-" if low is None else f"{shown(low)} to {shown(high)}"
