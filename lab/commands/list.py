"""``lab list``."""

from __future__ import annotations

import click

from lab.commands.output import json_option


@click.command("list")
@json_option
def command(as_json: bool) -> None:
    """List every scenario with its question, axes and needs.

    \b
    Example:
      python -m lab list --json
    """
    from lab.agent.scenario import discover
    from lab.claims.claim import TUTORIAL_IN_FULL
    from lab.report.readme.generated import NOT_IN_TUTORIAL, NOTHING_MORE, NOWHERE

    found = discover().values()
    if as_json:
        rows = [
            {
                "name": scenario.name,
                "family": scenario.family,
                "question": scenario.question,
                "axes": {axis: list(values) for axis, values in scenario.axes.items()},
                "source": scenario.source,
                "article": scenario.article,
                "requires": scenario.requires,
                "unsupported": scenario.unsupported,
                "view": scenario.figures[0],
            }
            for scenario in found
        ]
        from lab.commands.objects import Listed, print_object

        print_object({"scenarios": rows}, Listed)
        return
    for scenario in found:
        print(f"{scenario.name} (family {scenario.family})\n    {scenario.question}")
        print(f"    the tutorial's section: {scenario.article or NOT_IN_TUTORIAL}")
        for axis, values in scenario.axes.items():
            print(f"    {axis}: {' '.join(map(str, values))}")
        print(f"    needs: {scenario.requires or NOTHING_MORE}")
        print(f"    unsupported: {scenario.unsupported or NOWHERE}")
    print(TUTORIAL_IN_FULL)
