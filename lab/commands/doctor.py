"""``lab doctor``."""

from __future__ import annotations

from dataclasses import asdict

import click

from lab.commands.output import json_option


@click.command("doctor")
@json_option
def command(*, as_json: bool) -> None:
    """Find what harms precision on this machine, with the command that helps.

    Nothing is changed.

    \b
    Example:
      python -m lab doctor
    """
    from lab.doctor.examination import examine

    found = examine()
    if as_json:
        from lab.commands.objects import Examined, print_object

        print_object({"checks": [asdict(finding) for finding in found]}, Examined)
        return
    for finding in found:
        print(f"{finding.state:<19} {finding.check}: {finding.seen}")
        if finding.help:
            print(f"{'':<19} -> {finding.help}")
