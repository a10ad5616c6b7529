"""``lab docs``."""

from __future__ import annotations

import click

from lab.errors import ExitCode


@click.command("docs")
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a part is stale.")
def command(check: bool) -> int:
    """Regenerate the generated parts of the READMEs, and lab/commands/schemas.

    \b
    Example:
      python -m lab docs --check
    """
    from lab.commands.objects import regenerate_schemas
    from lab.report.readme.generated import regenerate

    stale = [*regenerate(check=check), *regenerate_schemas(check=check)]
    for path in stale:
        print(f"{path}: {'stale; regenerate it with: nox -s docs' if check else 'regenerated'}")
    return ExitCode.CELLS_FAILED if check and stale else ExitCode.DONE
