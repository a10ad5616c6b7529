"""``RUN`` or ``RUN@TARGET`` as a user writes it, and the run folder that it names.

A folder that is not a run is refused before anything slow is imported: pandas comes with the first table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.model import Manifest, TargetRecord
from lab.runs.folder import RunFolder

STATES = ("before", "after")
if TYPE_CHECKING:
    import pandas as pd

    from lab.stats.quality.disturbances import Disturbances

RUNS = Path("reports") / "runs"


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run folder's manifest and samples; its CSVs are read when they are first asked for, unless given."""

    path: Path
    manifest: Manifest
    given: pd.DataFrame | None = field(default=None, repr=False, compare=False)
    given_disturbed: Disturbances | None = field(default=None, repr=False, compare=False)

    @classmethod
    def load(cls, path: Path) -> Run:
        """The run of a folder.

        Raises:
            BadFiles: the folder is not a run, or is one of another version of the lab.
        """
        return cls.from_folder(RunFolder.existing(path))

    @classmethod
    def from_folder(
        cls, folder: RunFolder, samples: pd.DataFrame | None = None, disturbed: Disturbances | None = None
    ) -> Run:
        """The run of a folder that is open, with what was read of it already.

        Raises:
            BadFiles: its manifest is damaged, or of another version of the lab.
        """
        return cls(path=folder.path, manifest=folder.manifest(), given=samples, given_disturbed=disturbed)

    @cached_property
    def samples(self) -> pd.DataFrame:
        """The rows of samples.csv; ``BadFiles`` where it is missing or is not what the lab wrote."""
        from lab.tables import csv_files, schema

        return csv_files.read(self.path / "samples.csv", schema.SAMPLES) if self.given is None else self.given

    @property
    def id(self) -> str:
        """The run's id."""
        return self.manifest.run_id

    @property
    def targets(self) -> dict[str, TargetRecord]:
        """Target id -> its record in the manifest."""
        return self.manifest.by_id

    @cached_property
    def disturbed(self) -> Disturbances:
        """The cells that were disturbed; none where the run recorded no conditions."""
        if self.given_disturbed is not None:
            return self.given_disturbed
        from lab.stats.quality.disturbances import disturbed_cells
        from lab.tables import csv_files, schema

        file = self.path / "conditions.csv"
        return disturbed_cells(csv_files.read(file, schema.CONDITIONS)) if file.is_file() else {}

    def causes(self, target: str) -> dict[tuple[str, str], str]:
        """(scenario, case) -> what disturbed it on this target, in words."""
        return {cell[1:]: found.sentence for cell, found in self.disturbed.items() if cell[0] == target}

    def of(self, target: str) -> pd.DataFrame:
        """The samples of one target."""
        return self.samples[self.samples["target"] == target]


@dataclass(frozen=True, kw_only=True)
class Side:
    """BASE or NEW: a run, and one of its targets or all of them; or the state of all before or after a change."""

    run: Run
    target: str | None
    state: str | None = None

    @property
    def label(self) -> str:
        """``RUN`` or ``RUN@TARGET``, with the run's id."""
        behind = self.state or self.target
        return self.run.id if behind is None else f"{self.run.id}@{behind}"


def parse_both(base: str, new: str) -> tuple[Side, Side]:
    """BASE and NEW; a folder that both name is read once."""
    load = cache(Run.load)
    return parse(base, load), parse(new, load)


def parse(text: str, load: Callable[[Path], Run] | None = None) -> Side:
    """The side that a user names by a run's folder (or its name below reports/runs), and a target behind ``@``.

    ``before`` and ``after`` behind it stand for all targets that a run with ``--before`` has twice.

    Raises:
        UsageError: the run has no target of that id.
        BadFiles: the run does not exist.
    """
    load, whole = load or Run.load, located(text)
    if whole.exists() or "@" not in text:
        return Side(run=load(whole), target=None)
    folder, _, target = text.rpartition("@")
    run = load(located(folder))
    if target in STATES and target not in run.targets:
        return Side(run=run, target=None, state=target)
    if target not in run.targets:
        raise UsageError(f"{folder} has no target {target!r}; its targets are {', '.join(run.targets) or 'none'}")
    return Side(run=run, target=target)


def located(text: str) -> Path:
    """The folder as it is named, or one of that name below reports/runs."""
    path = Path(text)
    return path if path.exists() or len(path.parts) != 1 else RUNS / path
