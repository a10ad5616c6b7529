"""Baseline targets: the targets of a run in their state before a change, such as the base of a pull request.

``--before`` names what changed. For a change in the agent it takes another checkout of the lab; every target then gets
a baseline target that runs the agent of that checkout. For a change in an image it takes another image of the same
Python version; every container of that version then gets a baseline target that runs this image. A target and its
baseline are measured in the same blocks of the same rounds. Drift of the machine affects both alike, and the comparison
is paired by round.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from lab.errors import UsageError
from lab.model import STREAM_VERSION, Cell, Target
from lab.targets.stage import agent_hash

IMAGE = re.compile(r"(\d+\.\d+t?)=(.+)")
SUFFIX = "-before"
VERSION_LINE = re.compile(r"^(?:STREAM|SCHEMA)_VERSION = (\d+)$", re.MULTILINE)  # older labs: SCHEMA_VERSION


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The state before a change; false where no baseline was requested.

    ``package`` is the folder ``lab`` of another checkout. ``images`` maps Python versions to image references.
    ``arguments`` are those of ``--before`` with absolute paths, so that a run can be resumed from any folder.
    """

    arguments: tuple[str, ...] = ()
    package: Path | None = None
    images: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.arguments)

    @property
    def agent_hash(self) -> str:
        """The hash of the baseline's agent; that of this lab's agent where only an image changed."""
        return agent_hash(self.package) if self.package else agent_hash()


def parse_baseline(arguments: Sequence[str]) -> Baseline:
    """Parse the arguments of ``--before``: checkouts of the lab and ``VERSION=REF``.

    Raises:
        UsageError: an argument is neither, a version or a checkout is named twice, or the two agents have different
            versions of the stream.
    """
    images: dict[str, str] = {}
    packages: list[Path] = []
    for argument in arguments:
        named = IMAGE.fullmatch(argument)
        if named and named[1] in images:
            raise UsageError(f"--before {argument}: Python {named[1]} has an image already; name one image per version")
        if named:
            images[named[1]] = named[2]
        else:
            packages.append(_checkout_package(argument))
    if len(packages) > 1:
        raise UsageError(f"--before takes one checkout of the lab, {len(packages)} were given; name one of them")
    named_images = [f"{version}={reference}" for version, reference in images.items()]
    return Baseline(
        arguments=(*(str(package.parent) for package in packages), *named_images),
        package=packages[0] if packages else None,
        images=images,
    )


def _checkout_package(argument: str) -> Path:
    package = Path(argument).resolve() / "lab"
    protocol = package / "agent" / "protocol.py"
    if not ((package / "agent" / "stage_main.py").is_file() and (package.parent / "docker" / "Dockerfile").is_file()):
        raise UsageError(
            f"--before {argument} is neither a checkout of the lab nor VERSION=REF; write --before ../base or "
            "--before 3.13=my/python:before"
        )
    version = VERSION_LINE.search(protocol.read_text(encoding="utf-8"))
    if not version or int(version[1]) != STREAM_VERSION:
        raise UsageError(
            f"the agent of {argument} uses version {version[1] if version else 'unknown'} of the stream, this lab uses "
            f"version {STREAM_VERSION}, so one run cannot measure both; make one run with each and compare the reports"
        )
    return package


def with_baselines(
    targets: Sequence[Target], cells: Sequence[Cell], baseline: Baseline, say: Callable[[str], None]
) -> tuple[tuple[Target, ...], tuple[Cell, ...]]:
    """The targets and cells of a plan, followed by the baseline targets and their cells.

    Scenarios that the checkout does not have are left out on the baseline targets; ``say`` gets one line about them.
    """
    found = baseline_targets(targets, baseline)
    new = sorted({cell.scenario for cell in cells if is_new_scenario(cell, baseline)})
    if new:
        say(f"new scenarios, which the baseline does not have, are not measured on it: {', '.join(new)}")
    names = {target.id.removesuffix(SUFFIX): target.id for target in found}
    old = [cell for cell in cells if cell.target in names and cell.scenario not in new]
    return (*targets, *found), (*cells, *(replace(cell, target=names[cell.target]) for cell in old))


def baseline_targets(targets: Sequence[Target], baseline: Baseline) -> tuple[Target, ...]:
    """The baseline target of every target that the change affects.

    A checkout affects all targets, an image the containers of its Python version.

    Raises:
        UsageError: no container of this run has the Python version of an image.
    """
    for key in baseline.images:
        if not any(target.key == key and target.engine != "none" for target in targets):
            raise UsageError(
                f"--before {key}={baseline.images[key]}: no container of this run has Python {key}; "
                f"add --python {key}, or leave out this --before"
            )
    return tuple(
        replace(target, id=f"{target.id}{SUFFIX}", is_baseline=True)
        for target in targets
        if baseline.package or (target.engine != "none" and target.key in baseline.images)
    )


def is_new_scenario(cell: Cell, baseline: Baseline) -> bool:
    """Whether the checkout lacks the cell's scenario, which has one file in the folder of its family."""
    if baseline.package is None:
        return False
    family, _, name = cell.scenario.partition(".")
    return not (baseline.package / "agent" / "scenarios" / family / f"{name}.py").is_file()
