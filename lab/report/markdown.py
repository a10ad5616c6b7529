"""The report as Markdown, for CI summaries and pull requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

if TYPE_CHECKING:
    from lab.report.content import Content
    from lab.report.table import Table

SPECIAL = re.compile(r"([\\`*\[\]|~$])")


class Ready(str):
    """Text that is Markdown already."""

    __slots__ = ()


def render(content: Content) -> str:
    """The page; every expression of the template is escaped on its way out."""
    environment = Environment(
        loader=PackageLoader("lab.report"),
        autoescape=False,  # noqa: S701 -- this is no HTML; `finalize` escapes every expression for Markdown
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["table"] = table
    return environment.get_template("report.md").render(content=content).rstrip() + "\n"


def escaped(value: object) -> str:
    """Text that Markdown shows as it is: one line, no markup, no HTML, no end of a table's cell."""
    if isinstance(value, Ready):
        return value
    line = " ".join(str(value).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return SPECIAL.sub(r"\\\1", line)


def table(found: Table) -> Ready:
    """A table with its columns aligned as their kind asks."""
    rule = ["---:" if column in found.numeric else "---" for column in range(len(found.heads))]
    lines = [[escaped(head) for head in found.heads], rule]
    lines += [[escaped(cell) for cell in row] for row in found.rows]
    return Ready("\n".join(f"| {' | '.join(line)} |" for line in lines))
