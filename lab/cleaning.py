"""What ``lab clean`` removes: what dead runs left (containers, networks, groups), stages, and images where asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Literal

import platformdirs

from lab.engine import connect
from lab.errors import NothingToRunOn
from lab.images import remove_images
from lab.targets.quota import remove_groups


def clean(engine_choice: Literal["auto", "docker", "podman", "none"], *, with_images: bool) -> Iterator[str]:
    """Remove it, and say what was removed, a line each."""
    from lab.targets.leftovers import leftovers

    stages = platformdirs.user_cache_path("comparison-lab") / "stages"
    count = len(list(stages.iterdir())) if stages.is_dir() else 0
    shutil.rmtree(stages, ignore_errors=True)
    yield f"{count} compiled stages removed"
    groups = remove_groups()
    if groups:
        yield f"{groups} control groups of earlier runs removed"
    if engine_choice == "none":
        return
    try:
        engine = connect(engine_choice)
    except NothingToRunOn as error:
        yield f"no containers and images were looked at: {error}"
        return
    yield f"{leftovers(engine).remove()} containers and networks of dead runs removed"
    if with_images:
        yield f"{len(remove_images(engine))} images removed"
