"""``lab report``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lab.commands.output import console, json_option, print_findings
from lab.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.runs.folder import RunFolder

TUNE_OPTIONS = "tune-options.json"  # lab.tune.wanted.OPTIONS, whose module imports much


@click.command("report")
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="New folder for what is not rebuilt in place: several runs, or an archive.",
)
@click.option(
    "--sample",
    type=click.Path(path_type=Path, file_okay=False),
    help="Also put the sample (page, small CSVs, figures; at most 3 MB) into this folder.",
)
@json_option
def command(runs: tuple[Path, ...], out: Path | None, sample: Path | None, *, as_json: bool) -> ExitCode:
    """Rebuild the CSVs, figures and pages of a run from its raw files.

    An archive is unpacked, and several runs are merged, into --out, by default a folder below reports/runs.

    \b
    Example:
      python -m lab report reports/runs/20261123-140000-quick-0
    """
    if len(runs) == 1 and (runs[0] / TUNE_OPTIONS).is_file():
        from lab.tune.run import rebuild

        print(rebuild(runs[0], console()).page)
        return ExitCode.DONE
    left_out: list[str] = []
    with _folder(runs, out, left_out.append) as folder:
        folder.manifest()  # refuses a folder that is not a run, before slow imports
        from lab.pipeline import derive

        built = derive(folder)
    print_findings(built, folder.path, as_json=as_json)
    if sample:
        _write_sample(folder.path, sample)
    for sentence in left_out:
        click.echo(f"left out: {sentence}", err=True)
    return ExitCode.CELLS_FAILED if left_out else ExitCode.DONE


def _write_sample(run: Path, sample: Path) -> None:
    from lab.report.readme.sample import MB, write_sample

    written = write_sample(run, sample)
    text = f"The sample in {sample} has {written / MB:.1f} MB; put it into README.md with: python -m lab docs"
    console().print(text, highlight=False, soft_wrap=True)


def _folder(runs: tuple[Path, ...], out: Path | None, left_out: Callable[[str], None]) -> RunFolder:
    from lab.commands.merge import merged
    from lab.errors import UsageError
    from lab.runs.folder import RunFolder

    if len(runs) > 1:
        return merged(runs, out, left_out)
    if runs[0].is_file():
        return _unpacked(runs[0], out)
    if out:
        raise UsageError(
            f"--out {out} contradicts {runs[0]}, whose report is rebuilt in its own folder; leave out --out"
        )
    return RunFolder.existing(runs[0])


def _unpacked(archive: Path, out: Path | None) -> RunFolder:
    """Unpack an archived run into ``out``, by default a new folder below reports/runs."""
    import shutil

    from lab.runs.archive import opened
    from lab.runs.folder import DEFAULT_RUNS, RunFolder

    with opened(archive) as folder:
        path = out or DEFAULT_RUNS / folder.name
        RunFolder.create(path)
        shutil.copytree(folder, path, dirs_exist_ok=True)
    return RunFolder.existing(path)
