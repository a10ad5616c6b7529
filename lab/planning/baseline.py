"""What a run measures beside itself: its targets as they were before a change, such as a pull request's base.

A change is in one of two things. In the agent, which is what this repository changes: then the targets are measured by
that of another checkout of the lab, too. Or in an image, which is what other projects change: then the targets of its
version run in another image, too. Both are measured in the same blocks of the same rounds, so that a machine's drift
meets them alike, and their comparison is paired by round.
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
SPEAKS = re.compile(r"^(?:STREAM|SCHEMA)_VERSION = (\d+)$", re.MULTILINE)  # the second in checkouts of older labs


@dataclass(frozen=True, kw_only=True)
class Before:
    """What it was before: ``package`` is the folder ``lab`` of another checkout, ``images`` are references by version.

    ``words`` are those of the command line, absolute, so that a run can be gone on with from anywhere.
    """

    words: tuple[str, ...] = ()
    package: Path | None = None
    images: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.words)

    @property
    def agent(self) -> str:
        """The hash of the agent that was: this lab's where only an image changed."""
        return agent_hash(self.package) if self.package else agent_hash()


def parse(words: Sequence[str]) -> Before:
    """The words of ``--before``: a checkout of the lab, or ``VERSION=REF``.

    Raises:
        UsageError: it is neither, a version or a checkout is named twice, or the agents speak another protocol.
    """
    images: dict[str, str] = {}
    packages: list[Path] = []
    for word in words:
        named = IMAGE.fullmatch(word)
        if named and named[1] in images:
            raise UsageError(f"--before {word}: Python {named[1]} has an image already; name one a version")
        if named:
            images[named[1]] = named[2]
        else:
            packages.append(_package(word))
    if len(packages) > 1:
        raise UsageError("--before takes one checkout of the lab; there is one state before a change")
    named_images = [f"{version}={reference}" for version, reference in images.items()]
    return Before(
        words=(*(str(package.parent) for package in packages), *named_images),
        package=packages[0] if packages else None,
        images=images,
    )


def _package(word: str) -> Path:
    package = Path(word).resolve() / "lab"
    protocol = package / "agent" / "protocol.py"
    if not ((package / "agent" / "stage_main.py").is_file() and (package.parent / "docker" / "Dockerfile").is_file()):
        raise UsageError(
            f"--before {word} is neither a checkout of the lab nor VERSION=REF; write --before ../base or "
            "--before 3.13=my/python:before"
        )
    speaks = SPEAKS.search(protocol.read_text(encoding="utf-8"))
    if not speaks or int(speaks[1]) != STREAM_VERSION:
        raise UsageError(
            f"the agent of {word} speaks version {speaks[1] if speaks else 'unknown'} of the protocol, this lab "
            f"{STREAM_VERSION}: the two cannot be measured in one run; compare two runs' reports by eye"
        )
    return package


def with_twins(
    targets: Sequence[Target], cells: Sequence[Cell], before: Before, say: Callable[[str], None]
) -> tuple[tuple[Target, ...], tuple[Cell, ...]]:
    """The plan with every target, and all of its cells, once more as it was before.

    Scenarios that the checkout does not have are told and left out on that side.
    """
    found = twins(targets, before)
    new = sorted({cell.scenario for cell in cells if absent(cell, before)})
    if new:
        say(f"not measured before the change, for these scenarios are new: {', '.join(new)}")
    names = {target.id.removesuffix(SUFFIX): target.id for target in found}
    old = [cell for cell in cells if cell.target in names and cell.scenario not in new]
    return (*targets, *found), (*cells, *(replace(cell, target=names[cell.target]) for cell in old))


def twins(targets: Sequence[Target], before: Before) -> tuple[Target, ...]:
    """The targets as they were before, for those that the change meets: all for a checkout, an image's for an image.

    Raises:
        UsageError: no target has a version that an image was given for.
    """
    for key in before.images:
        if not any(target.key == key and target.engine != "none" for target in targets):
            raise UsageError(f"--before {key}={before.images[key]}: no container of this run has Python {key}")
    return tuple(
        replace(target, id=f"{target.id}{SUFFIX}", before=True)
        for target in targets
        if before.package or (target.engine != "none" and target.key in before.images)
    )


def absent(cell: Cell, before: Before) -> bool:
    """Whether the checkout does not have the cell's scenario: there is one file a scenario, in its family's folder."""
    if before.package is None:
        return False
    family, _, name = cell.scenario.partition(".")
    return not (before.package / "agent" / "scenarios" / family / f"{name}.py").is_file()
