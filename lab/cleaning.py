"""What ``lab clean`` removes: what dead runs left (containers, networks, groups), stages, and images where asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from lab.counts import plural
from lab.engine import connect
from lab.errors import NothingToRunOn
from lab.images import remove_images
from lab.targets.quota import remove_groups
from lab.targets.stages import remove_unused


def clean(engine_choice: Literal["auto", "docker", "podman", "none"], *, with_images: bool) -> Iterator[str]:
    """Remove it, and say what was removed, a line each; what a living run uses stays."""
    from lab.targets.leftovers import leftovers

    stages = remove_unused()
    kept = f"; {plural(stages.in_use, 'other')} in use by a run under way" if stages.in_use else ""
    yield f"{plural(stages.removed, 'compiled stage')} removed{kept}"
    groups = remove_groups()
    if groups:
        yield f"{plural(groups, 'control group')} of dead runs removed"
    if engine_choice == "none":
        return
    try:
        engine = connect(engine_choice)
    except NothingToRunOn as error:
        yield f"no containers and images were looked at: {error}"
        return
    removed = plural(leftovers(engine).remove(), "container or network", "containers and networks")
    yield f"{removed} of dead runs removed"
    if with_images:
        yield f"{plural(len(remove_images(engine)), 'image')} removed"
