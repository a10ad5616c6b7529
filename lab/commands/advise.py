"""``lab advise``."""

from __future__ import annotations

from pathlib import Path

import click

from lab.commands.output import json_option
from lab.errors import UsageError

UNITS = {"mechanism": "bytes"}


@click.command("advise")
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--payload", metavar="SIZE", help="Size of a message: 64KiB, 64 KB, 1MB.")
@click.option("--task", metavar="TIME", help="Length of a task: 5ms, 200us.")
@click.option("--cpus", metavar="LIMIT", help="2, or 0.5q for a quota; default: the run's largest.")
@click.option("--python", metavar="VERSION", help="3.13 or 3.13t; default: the run's newest.")
@json_option
def command(
    *, run: Path | None, payload: str | None, task: str | None, cpus: str | None, python: str | None, as_json: bool
) -> None:
    """Recommend start method, workers, chunk size and mechanism from a run.

    Without RUN, the newest run below reports/runs is taken. Nothing is interpolated: where your value was not measured,
    the nearest measured value is named, or the two neighbours between which it lies.

    \b
    Example:
      python -m lab advise --payload 64KiB --task 5ms --cpus 2 --python 3.13
    """
    from lab.runs.folder import RunFolder
    from lab.text import parse_size_bytes, parse_task_ns

    payload_bytes = parse_size_bytes(payload) if payload else None
    task_ns = parse_task_ns(task) if task else None
    folder = RunFolder.existing(run or newest_run())
    folder.manifest()  # a folder that is not a run is refused before anything slow is imported
    from lab.advice.matching import target_for
    from lab.advice.questions import answers
    from lab.advice.words import as_lines, as_record
    from lab.comparisons.sides import Run
    from lab.report.data import load

    data = load(folder, disturbed=Run.from_folder(folder).disturbed)
    target = target_for(data.targets.values(), python=python, cpus=cpus)
    found = answers(data, target, payload_bytes=payload_bytes, task_ns=task_ns)
    if as_json:
        from lab.commands.objects import Advised, print_object

        records = [as_record(answer) for answer in found]
        print_object({"run": str(folder.path), "target": target.id, "answers": records}, Advised)
        return
    print(f"By {folder.path}: {target.words}")
    for answer in found:
        print("\n".join(as_lines(answer, UNITS.get(answer.question, "ns"))))


def newest_run(runs: Path | None = None) -> Path:
    """The run folder below ``runs`` (default reports/runs) with the newest manifest.

    Raises:
        UsageError: no run is found.
    """
    from lab.runs.folder import DEFAULT_RUNS, MANIFEST

    found = [path.parent for path in (runs or DEFAULT_RUNS).glob(f"*/{MANIFEST}")]
    if not found:
        raise UsageError(
            f"no run was found below {runs or DEFAULT_RUNS}; name a run, or measure one: python -m lab run"
        )
    return max(found, key=lambda path: ((path / MANIFEST).stat().st_mtime, path.name))
