"""The command line. Imports are late where they are slow: ``--help`` must not pay for pandas and matplotlib."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import click

import lab
from lab.errors import MEANINGS, ExitCode, LabError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from lab.main_job import Options
    from lab.matrix import EngineChoice

Command = Callable[..., Any]

EXIT_CODES = "\b\nExit codes:\n" + "\n".join(f"  {int(code):<4}{meaning}" for code, meaning in MEANINGS.items())

LATER = {
    "compare": "compares two runs, or two targets of one run",
    "fit": "fits a scaling law to a CSV of workers and throughput",
    "advise": "answers from a run which pool and which mechanism to take",
    "merge": "joins runs of several machines or shards",
    "reproduce": "runs the plan of a run again and judges its findings",
    "import": "reads the stream of an image run by hand into a run",
    "export": "packs a run into one file",
    "doctor": "says what on this machine harms precision",
}


def main() -> NoReturn:
    """Entry point: every error the user can act upon is one sentence and an exit code, never a traceback."""
    _speak_utf8()
    try:
        code = cli.main(standalone_mode=False, prog_name="python -m lab")
    except LabError as error:
        _complain(str(error))
        code = error.exit_code
    except click.ClickException as error:
        _complain(error.format_message())
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("stopped before the first cell; nothing was measured")
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone; there is nobody to tell
        code = ExitCode.DONE
    sys.exit(int(code) if isinstance(code, int) else 0)


@click.group(epilog=EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(lab.__version__, prog_name="comparison lab")
def cli() -> None:
    """What does Python multiprocessing cost, on this machine, in this container, on this Python?

    \b
    Example:
      python -m lab run --profile smoke
    """


def selection_options(command: Command) -> Command:
    """The options that ``run`` and ``plan`` share."""
    options = (
        click.option(
            "--profile", default="quick", show_default=True, metavar="NAME", help="smoke, quick, standard, full."
        ),
        click.option("--target", "targets", multiple=True, metavar="GLOB", help="Only targets whose id matches."),
        click.option(
            "--scenario", "scenarios", multiple=True, metavar="GLOB", help="Only scenarios or cell ids that match."
        ),
        click.option("--python", "pythons", multiple=True, metavar="VERSION", help="3.13 or 3.13t; repeatable."),
        click.option(
            "--cpus",
            metavar="LIST",
            help="CPU limits: 1,2 pins (cpuset), 0.5q is a quota, 0.5q10 one with a period of 10 ms.",
        ),
        click.option(
            "--engine", type=click.Choice(["auto", "docker", "podman", "none"]), default="auto", show_default=True
        ),
        click.option("--images", type=click.Choice(["auto", "registry", "host"]), default="auto", show_default=True),
        click.option(
            "--image", "given", multiple=True, metavar="VERSION=REF", help="Your own base image for a version."
        ),
        click.option("--registry", metavar="PREFIX", envvar="LAB_REGISTRY", help="Mirror for the official images."),
        click.option("--shard", metavar="I/N", help="Only this part of the plan, I from 1 to N."),
        click.option("--seed", type=int, default=0, show_default=True, help="Seed of every random order."),
        click.option("--budget", metavar="TIME", help="No round starts after it: 90s, 10m, 2h."),
        click.option(
            "--out", type=click.Path(path_type=Path, file_okay=False), help="Run folder; default reports/runs/<run-id>."
        ),
        click.option(
            "--inject-slowdown", type=float, default=0.0, metavar="PERCENT", help="For tests of the lab itself."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@selection_options
@click.option("--resume", type=click.Path(path_type=Path), metavar="RUN", help="Go on with a run that was stopped.")
@click.option("--dry-run", is_flag=True, help="Print the plan and stop.")
@click.option("--quiet", is_flag=True, help="No progress; only what went wrong, and the result.")
def run(resume: Path | None, dry_run: bool, quiet: bool, **chosen: Any) -> int:
    """Plan, get images, measure, write CSVs and the report.

    \b
    Example:
      python -m lab run --profile smoke --python 3.13 --cpus 1,2,0.5q
    """
    from lab import main_job

    console = _console()
    if dry_run:
        _print_plan(_options(quiet=quiet, **chosen), as_json=False)
        return ExitCode.DONE
    if resume:
        outcome = main_job.resume(resume, console, quiet=quiet)
    else:
        outcome = main_job.run(_options(quiet=quiet, **chosen), console)
    return _tell(outcome)


@cli.command()
@selection_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def plan(as_json: bool, **chosen: Any) -> None:
    """Print the cells that ``run`` with the same options would measure.

    \b
    Example:
      python -m lab plan --profile quick --scenario 'ipc.*' --json
    """
    _print_plan(_options(quiet=as_json, **chosen), as_json=as_json)


@cli.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def list_scenarios(as_json: bool) -> None:
    """Print every scenario: its question, the article's section, its axes, what it needs, where it cannot run.

    \b
    Example:
      python -m lab list --json
    """
    from lab.agent.scenario import discover
    from lab.docs import NOTHING_MORE, NOWHERE

    found = discover().values()
    if as_json:
        rows = [
            {
                "name": scenario.name,
                "family": scenario.family,
                "question": scenario.question,
                "axes": {axis: list(values) for axis, values in scenario.axes.items()},
                "source": scenario.source,
                "article": scenario.article,
                "requires": scenario.requires,
                "unsupported": scenario.unsupported,
                "view": scenario.view,
            }
            for scenario in found
        ]
        print(json.dumps({"scenarios": rows}, indent=1))
        return
    for scenario in found:
        print(f"{scenario.name} (family {scenario.family})\n    {scenario.question}")
        print(f"    the article: {scenario.article}")
        for axis, values in scenario.axes.items():
            print(f"    {axis}: {' '.join(map(str, values))}")
        print(f"    needs: {scenario.requires or NOTHING_MORE}")
        print(f"    unsupported: {scenario.unsupported or NOWHERE}")


@cli.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path))
def report(runs: tuple[Path, ...]) -> None:
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
    _tell_findings(built, runs[0])


@cli.command()
@click.option("--engine", type=click.Choice(["auto", "docker", "podman"]), default="auto", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
def images(engine: Literal["auto", "docker", "podman"], as_json: bool) -> None:
    """List the images that the lab has built.

    \b
    Example:
      python -m lab images
    """
    from lab.engine import connect
    from lab.images import list_images

    rows = [asdict(row) for row in list_images(connect(engine))]
    if as_json:
        print(json.dumps({"images": rows}, indent=1))
    elif not rows:
        print("no images of the lab; the first `nox -s lab` builds them")
    else:
        _print_table(rows)


@cli.command()
@click.option("--engine", type=click.Choice(["auto", "docker", "podman", "none"]), default="auto", show_default=True)
@click.option("--images", "with_images", is_flag=True, help="Remove the lab's images as well.")
def clean(engine: EngineChoice, with_images: bool) -> None:
    """Remove containers and stages that dead runs left behind, and with --images the lab's images. Runs are kept.

    \b
    Example:
      python -m lab clean --images
    """
    from lab.cleaning import clean as remove

    for line in remove(engine, with_images=with_images):
        print(line)


@cli.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 where something is stale.")
def docs(check: bool) -> int:
    """Regenerate what is generated in the READMEs.

    \b
    Example:
      python -m lab docs --check
    """
    from lab.docs import regenerate

    stale = regenerate(check=check)
    for path in stale:
        print(f"{path}: {'stale; regenerate it with: nox -s docs' if check else 'regenerated'}")
    return ExitCode.CELLS_FAILED if check and stale else ExitCode.DONE


def _later(name: str, what: str) -> None:
    @cli.command(
        name,
        help=f"Not there yet: {what}.\n\n\b\nExample:\n  python -m lab {name}",
        context_settings={"ignore_unknown_options": True},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> NoReturn:
        del arguments
        raise UsageError(f"`{name}`, which {what}, is not there yet; `python -m lab --help` lists what is")


for _name, _what in LATER.items():
    _later(_name, _what)


def _options(*, quiet: bool, cpus: str | None, given: tuple[str, ...], **chosen: Any) -> Options:
    """The command line's words as ``Options``."""
    from lab.durations import parse_duration
    from lab.main_job import Options
    from lab.matrix import Wanted
    from lab.select import parse_shard

    wanted = Wanted(
        engine=chosen["engine"],
        images=chosen["images"],
        given=dict(map(_version_and_reference, given)),
        registry=chosen["registry"],
        pythons=chosen["pythons"],
        cpus=tuple(part.strip() for part in cpus.split(",") if part.strip()) if cpus else (),
    )
    return Options(
        profile=chosen["profile"],
        wanted=wanted,
        targets=chosen["targets"],
        scenarios=chosen["scenarios"],
        shard=parse_shard(chosen["shard"]) if chosen["shard"] else None,
        seed=chosen["seed"],
        budget_s=parse_duration(chosen["budget"]) if chosen["budget"] else None,
        out=chosen["out"],
        slowdown_percent=chosen["inject_slowdown"],
        quiet=quiet,
        command=" ".join(["python -m lab", *sys.argv[1:]]),
    )


def _version_and_reference(text: str) -> tuple[str, str]:
    version, equals, reference = text.partition("=")
    if not (version and equals and reference):
        raise UsageError(f"--image {text}: write VERSION=REF, for example --image 3.15=python:3.15-rc-slim")
    return version, reference


def _print_plan(options: Options, *, as_json: bool) -> None:
    from lab.main_job import Say, make_plan

    planned = make_plan(options, Say(console=_console(), quiet=options.quiet))
    if as_json:
        rows = [
            {"id": cell.id, "target": cell.target, "scenario": cell.scenario, "case": cell.case, "values": cell.values}
            for cell in planned.cells
        ]
        print(json.dumps({"cells": rows, "targets": [target.id for target in planned.targets]}, indent=1))
        return
    for cell in planned.cells:
        print(cell.id)
    rounds = planned.profile.rounds
    _console().print(
        f"{len(planned.cells)} cells on {len(planned.targets)} targets, {rounds} rounds, "
        f"about {planned.expected_s / 60:.0f} min",
        highlight=False,
    )


def _tell(outcome: Any) -> int:
    """The run's closing words; what matters most stands last."""
    split = outcome.split
    shares = ", ".join(f"{name[:-2]} {split[name]:.0f} s" for name in split if name != "wall_s")
    _console().print(f"wall time {split['wall_s']:.0f} s: {shares}", highlight=False, soft_wrap=True)
    if outcome.failed:
        _console().print(
            f"{len(outcome.failed)} cells failed, the first: {outcome.failed[0]}; the report says why",
            highlight=False,
            soft_wrap=True,
        )
    _tell_findings(outcome.report, outcome.folder)
    return ExitCode.CELLS_FAILED if outcome.failed else ExitCode.DONE


def _tell_findings(built: Any, folder: Path) -> None:
    for number, finding in enumerate(built.findings[:3], 1):
        print(f"{number}. {finding.text}")
    print(folder / "index.html")


def _print_table(rows: list[dict[str, Any]]) -> None:
    texts = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    for line in texts:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def _console() -> Console:
    """Standard error: standard output is for results. Rich honours NO_COLOR by itself."""
    from rich.console import Console

    return Console(stderr=True)


def _complain(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr)


def _speak_utf8() -> None:
    """A Windows console in cp1252 cannot show what the lab writes; replace what it cannot rather than fail."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
