"""``lab doctor``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
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
        print(json.dumps({"checks": [asdict(finding) for finding in found]}, indent=1))
        return
    for finding in found:
        print(f"{finding.state:<19} {finding.check}: {finding.seen}")
        if finding.help:
            print(f"{'':<19} -> {finding.help}")
