"""The selfcheck as Markdown and as one HTML file that needs nothing else, both of the content of selfcheck.json.

What the terminal shows of a selfcheck at its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lab.report.drawing.save import inline
from lab.report.pages import html
from lab.report.pages.templating import html_templates, markdown_page
from lab.text import plural, replace_text
from lab.validation.selfcheck import forest
from lab.validation.selfcheck.sections import Section, headline, sections

PACKAGE = "lab.validation.selfcheck"
Content = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What both forms show."""

    title: str
    headline: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    sections: Sequence[Section]
    figure: str


def write_pages(folder: Path, content: Content) -> None:
    """Write selfcheck.md, selfcheck.html and the figure into the folder; each is there whole or as it was."""
    rows = content["parts"].get("accuracy", {}).get("rows", [])
    figure = forest.draw([row for row in rows if row["comparison"] == "lab / bare"], folder / "figures")
    page = Page(
        title="Selfcheck of the comparison lab",
        headline=headline(content),
        warnings=_warnings(content),
        sections=sections(content),
        figure=figure,
    )
    replace_text(folder / "selfcheck.md", markdown_page("selfcheck.md", PACKAGE, page=page))
    replace_text(folder / "selfcheck.html", _html(page))


def _warnings(content: Content) -> list[str]:
    found = []
    if content["quick"]:
        found.append("Made with --quick: it shows that everything works, and decides nothing.")
    if not content["finished"]:
        found.append("Not finished: parts are missing.")
    return found


def _html(page: Page) -> str:
    templates = html_templates(PACKAGE)
    templates.filters["unbroken"] = html.unbroken
    drawn = inline(page.figure, forest.NAME) if page.figure else ""
    figure = Markup(drawn)  # noqa: S704 -- Matplotlib has escaped what it wrote
    return templates.get_template("selfcheck.html").render(title=page.title, page=page, figure=figure)


def verdict_lines(content: Mapping[str, Any]) -> list[str]:
    """What the terminal shows at the end: one line a goal."""
    parts = content["parts"]
    lines = []
    if "accuracy" in parts:
        for placement, counts in parts["accuracy"]["counts"].items():
            told = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
            lines.append(f"accuracy, {placement}: {told}")
        lines.append(f"what the agent's loop adds: {parts['accuracy']['null_loop']['verdict']}")
    if "precision" in parts:
        overall = parts["precision"]["overall"]
        ratio = f"{overall['ratio']:.2f} of pyperf's, " if overall["ratio"] is not None else ""
        lines.append(f"precision for the time: {ratio}{overall['verdict']}")
    if "loaded" in parts:
        lines.append(_loaded_line(parts["loaded"]))
    if "alarms" in parts:
        alarm = parts["alarms"]["false_alarms"]
        lines.append(f"false alarms: {alarm['false_alarms']} of {alarm['comparisons']}, {alarm['verdict']}")
        lines += [
            f"changes of {row['slowed_percent']:g} % found: {row['found']} of {row['precise_cells']}, {row['verdict']}"
            for row in parts["alarms"]["found_changes"]
            if "verdict" in row
        ]
    return lines


def _loaded_line(part: Mapping[str, Any]) -> str:
    """What came of the machine that was loaded on purpose."""
    told = [
        f"{mine['named']} of {plural(mine['cells'], 'cell')} named in the {half} half"
        for half, mine in part["halves"].items()
    ]
    contradicted = plural(part["contradictions"], "verdict")
    return f"loaded on purpose: {', '.join(told)}, {contradicted} contradicted, {part['verdict']}"
