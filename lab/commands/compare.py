"""``lab compare``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.commands.output import console, json_option
from lab.errors import BadFiles, ExitCode, UsageError
from lab.text import PERCENT, parse_share

if TYPE_CHECKING:
    from lab.comparisons.comparison import Comparison
    from lab.model import Rates

SHOWN = 5  # rows and differences on the console; the files have all


@click.command("compare")
@click.argument("base", metavar="BASE")
@click.argument("new", metavar="NEW")
@click.option(
    "--fail-on",
    metavar="slower[:PERCENT]",
    help="Exit with 4 where a row is slower and, if PERCENT is given, its whole 95% interval lies beyond that too.",
)
@click.option("--threshold", default="2%", show_default=True, help="Smallest change that matters.")
@click.option(
    "--floor",
    metavar="PERCENT|SELFCHECK",
    help="Noise floor to show, or a selfcheck's folder; default: what the runs or the last selfcheck recorded.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    help="Compare this metric; repeatable. Default: wall time, throughput, latency.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where compare.csv, .md and .html go.")
@json_option
def command(base: str, new: str, out: Path | None, as_json: bool, **chosen: Any) -> int:
    """Compare two runs, or two targets of one run.

    Every cell gets a verdict, for example slower or same.
    BASE and NEW are RUN or RUN@TARGET, or RUN@before and RUN@after of a run with --before. A ratio above 1 means that
    NEW is worse.

    \b
    Example:
      python -m lab compare RUN@py311-linux-c2 RUN@py313-linux-c2 --fail-on slower:5
    """
    from lab.comparisons.sides import RUNS, parse_both

    limit, metrics = failure_limit(chosen["fail_on"]), chosen["metrics"]
    threshold = parse_share(chosen["threshold"], "--threshold")
    sides = parse_both(base, new)

    from lab.comparisons.comparison import DEFAULT_METRICS, check_metrics, contrast
    from lab.comparisons.noise import last, of_pairs
    from lab.comparisons.pairing import machine, pairs
    from lab.comparisons.within import change_pairs
    from lab.report.pages.comparison import write_pages

    found = change_pairs(*sides) if sides[0].state or sides[1].state else pairs(*sides)
    check_metrics(found, metrics)
    ours = machine(found[0].new, found[0].new_target)
    rates = rates_of_option(chosen["floor"]) if chosen["floor"] else of_pairs(found) or last(ours)
    names = [side.label for side in sides]
    comparison = contrast(
        found, base=names[0], new=names[1], metrics=metrics or DEFAULT_METRICS, threshold=threshold, rates=rates
    )
    folder = out or RUNS / f"compare-{names[0]}-{names[1]}"
    page = write_pages(comparison, folder)
    if as_json:
        from lab.commands.objects import Compared, print_object

        print_object(as_object(comparison), Compared)
    else:
        print_comparison(comparison)
        print(page)
    return ExitCode.REGRESSION if regressions(comparison, limit) else ExitCode.DONE


def rates_of_option(text: str) -> Rates:
    """The value of --floor: a percentage, or the folder of a selfcheck with all its error rates.

    Raises:
        UsageError: the text is neither a percentage nor a folder.
        BadFiles: the folder is not that of a selfcheck, or the selfcheck did not measure the noise floor.
    """
    from lab.comparisons.noise import read
    from lab.model import Rates

    if PERCENT.fullmatch(text.strip()) or not Path(text).exists():
        return Rates(floor=parse_share(text, "--floor"))
    rates = read(Path(text)).rates
    if rates is None:
        raise BadFiles(f"{text} did not measure the noise floor; run: python -m lab selfcheck --part alarms")
    return rates


def failure_limit(text: str | None) -> float | None:
    """Parse --fail-on: by which share a row must be slower for exit code 4; None without the option.

    Raises:
        UsageError: the text is not ``slower`` or ``slower:PERCENT``.
    """
    if text is None:
        return None
    word, _, share = text.partition(":")
    if word != "slower":
        raise UsageError(
            f"--fail-on {text!r} is unknown; write slower, or slower:5 to fail where the whole interval is above 5%"
        )
    return parse_share(share, "--fail-on slower:") if share else 0.0


def regressions(comparison: Comparison, limit: float | None) -> int:
    """The number of rows that are slower and whose whole interval is beyond the limit."""
    if limit is None:
        return 0
    rows = comparison.rows
    return int(((rows["verdict"] == "slower") & (rows["ci_low"] > 1 + limit)).sum())


def as_object(comparison: Comparison) -> dict[str, object]:
    """The object that ``--json`` prints."""
    return {
        "base": comparison.base,
        "new": comparison.new,
        "threshold": comparison.threshold,
        "floor": comparison.floor,
        "rates": comparison.floor_line,
        "caveats": comparison.caveats,
        "differences": [
            {"pair": label or None, "name": item.name, "base": item.base, "new": item.new, "kind": item.kind}
            for label, item in comparison.differences
        ],
        "rows": json.loads(comparison.rows.to_json(orient="records", double_precision=15)),
    }


def print_comparison(comparison: Comparison) -> None:
    """Print the differences, the number of each verdict, and the worst rows."""
    out = console()
    matter = [f"{label}: {item.name}" if label else item.name for label, item in comparison.differences if item.matters]
    more = f" and {len(matter) - SHOWN} more" if len(matter) > SHOWN else ""
    out.print(f"differs: {', '.join(matter[:SHOWN]) or 'nothing that matters'}{more}", highlight=False, soft_wrap=True)
    for line in [*comparison.caveats, comparison.floor_line]:
        out.print(line, highlight=False, soft_wrap=True, markup=False)
    counts = comparison.counts()
    print(", ".join(f"{count} {word}" for word, count in counts.items()) or "nothing to compare")
    judged = comparison.rows[comparison.rows["verdict"] == "slower"].head(SHOWN)
    for identifier, ratio, low, high in judged[["id", "ratio", "ci_low", "ci_high"]].itertuples(index=False):
        print(f"slower: {identifier}: {ratio:.3f} times ({low:.3f} to {high:.3f})")
