"""``lab images``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

import click

from lab.commands.output import json_option, print_table


@click.command("images")
@click.option(
    "--engine",
    type=click.Choice(["auto", "docker", "podman"]),
    default="auto",
    show_default=True,
    help="The container engine whose images are listed.",
)
@json_option
def command(engine: Literal["auto", "docker", "podman"], as_json: bool) -> None:
    """List the images that the lab has built.

    \b
    Example:
      python -m lab images
    """
    from lab.targets.engine import connect
    from lab.targets.images import list_images

    rows = [asdict(row) for row in list_images(connect(engine))]
    if as_json:
        from lab.commands.objects import Images, print_object

        print_object({"images": rows}, Images)
    elif not rows:
        print("The engine has no images of the lab. The first `nox -s lab` builds them.")
    else:
        print_table(rows)
