"""Start or resume a tune: folder, targets, options kept for later, and the result."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError
from lab.runs.folder import DEFAULT_RUNS, MANIFEST, RunFolder
from lab.runs.manifest import host
from lab.tune import record
from lab.tune.job import Place, Tuned, tune
from lab.tune.page import as_json as page_json
from lab.tune.places import FinishedPlace, NativePlace, native_places
from lab.tune.wanted import OPTIONS, Kept, Wanted, job_of

if TYPE_CHECKING:
    from rich.console import Console


def start(wanted: Wanted, out: Path | None, console: Console, *, quiet: bool, command: str) -> Tuned:
    """Tune anew; the default folder is below reports/runs.

    Raises:
        UsageError: the options cannot be carried out, or the function cannot be measured.
        NothingToRunOn: the interpreter does not exist.
    """
    name = re.sub(r"\W+", "-", wanted.subject().label)
    run_id = f"{dt.datetime.now(dt.UTC):%Y%m%d-%H%M%S}-tune-{name}"
    places = _places(wanted, run_id)
    _say(wanted, places, console, quiet=quiet)
    with RunFolder.create(out or DEFAULT_RUNS / run_id) as folder:
        _kept(wanted, places).write(folder.path)
        record.begin(folder, [place.native for place in places], wanted.seed, command)
        try:
            return _carry_out(wanted, places, folder, console, quiet=quiet)
        except LabError:
            _discard_unmeasured(folder)
            raise


def resume(path: Path, console: Console, *, quiet: bool) -> Tuned:
    """Continue a tune that was stopped; what its journals have is not measured again.

    Raises:
        BadFiles: the folder is not that of a tune.
        UsageError: the machine or an interpreter is another one.
    """
    kept = Kept.read(path)
    places = _places(kept.wanted, path.name)
    kept.refuse_others(_kept(kept.wanted, places), path)
    _say(kept.wanted, places, console, quiet=quiet)
    with RunFolder.existing(path) as folder:
        return _carry_out(kept.wanted, places, folder, console, quiet=quiet)


def as_json(found: Tuned) -> dict[str, object]:
    """The object of ``--json``: as tune.json, with the targets that could not be measured, and the page."""
    return {**page_json(found.title, found.answers), "failed": dict(found.failed), "page": str(found.page)}


def _places(wanted: Wanted, run_id: str) -> list[NativePlace]:
    return native_places(wanted.subject(), wanted.python, wanted.cpus, Path(wanted.folder), run_id)


def _kept(wanted: Wanted, places: list[NativePlace]) -> Kept:
    here = host()
    return Kept(
        wanted=wanted,
        machine=here.machine,
        kernel=here.kernel or "",
        pythons={place.target: place.interpreter.patch for place in places},
    )


def rebuild(path: Path, console: Console) -> Tuned:
    """Write pages and tables of a finished tune anew, from its journals and raw files; nothing is measured.

    Raises:
        BadFiles: the folder is not that of a tune, or is damaged.
        UsageError: the tune was stopped before its end.
    """
    wanted = Kept.read(path).wanted
    with RunFolder.existing(path) as folder:
        manifest = folder.manifest()
        machine_cpus = manifest.host.cpus or 0
        places = [FinishedPlace(record=each, machine_cpus=machine_cpus) for each in manifest.targets]
        return _carry_out(wanted, places, folder, console, quiet=True)


def _carry_out(wanted: Wanted, places: Sequence[Place], folder: RunFolder, console: Console, *, quiet: bool) -> Tuned:
    """Tune on each place, and complete the run folder."""
    found = tune(
        wanted.target,
        places,
        job_of(wanted.subject()),
        folder,
        console,
        budget_s=wanted.budget_s,
        seed=wanted.seed,
        quiet=quiet,
    )
    measured = {
        result.target: [item.choice for item in (*result.found.search, *result.found.final)] for result in found.answers
    }
    record.finish(folder, wanted.subject().label, measured)
    return found


def _discard_unmeasured(folder: RunFolder) -> None:
    """Remove the files of a tune that was refused before its first block: nothing of it could be resumed."""
    folder.discard_unmeasured()
    if not (folder.path / MANIFEST).exists():
        for path in (folder.path / OPTIONS, *folder.path.glob("*.jsonl")):
            path.unlink(missing_ok=True)


def _say(wanted: Wanted, places: Sequence[NativePlace], console: Console, *, quiet: bool) -> None:
    if not quiet:
        interpreter = places[0].interpreter
        line = f"{wanted.target} by Python {interpreter.patch} ({interpreter.executable})"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
