"""``lab clean``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lab.commands.output import json_option

if TYPE_CHECKING:
    from lab.planning.survey import EngineChoice


@click.command("clean")
@click.option(
    "--engine",
    type=click.Choice(["auto", "docker", "podman", "none"]),
    default="auto",
    show_default=True,
    help="The container engine that is cleaned; none cleans this host only.",
)
@click.option("--images", "with_images", is_flag=True, help="Remove the lab's images as well.")
@json_option
def command(engine: EngineChoice, with_images: bool, *, as_json: bool) -> None:
    """Remove what dead runs left behind.

    Stages go as well, and with --images the lab's images. Run folders, and what living runs use, are kept.

    \b
    Example:
      python -m lab clean --images
    """
    from lab.targets.cleanup import clean as remove

    lines = remove(engine, with_images=with_images)
    if as_json:
        from lab.commands.objects import Cleaned, print_object

        print_object({"done": list(lines)}, Cleaned)
        return
    for line in lines:
        print(line)
