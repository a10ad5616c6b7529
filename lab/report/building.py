"""The report of a run folder: findings in words, figures, Markdown and one self-contained HTML file.

The same CSVs and manifest give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl

from lab.report.data import RunData, for_figures, load
from lab.report.drawing import theme
from lab.report.drawing.drawing import Drawing, Missing
from lab.report.drawing.layout import caption_of
from lab.report.drawing.save import save
from lab.report.figures import SECTIONS, figures
from lab.report.findings import Finding, findings
from lab.report.pages import html
from lab.report.pages.content import Picture, Section, best_workers, content
from lab.report.pages.templating import markdown_page
from lab.stats.quality.disturbances import UNDISTURBED, Disturbances
from lab.text import replace_text

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from lab.runs.folder import RunFolder

CAPTION = "Fastest measured worker counts and fitted laws"
__all__ = ["Finding", "Report", "build"]


@dataclass(frozen=True)
class Report:
    """The paths of the report, its findings, the names of its figures, and the reasons of missing figures."""

    findings: tuple[Finding, ...]
    html: Path
    markdown: Path
    figures: tuple[str, ...]
    missing: dict[str, str]


def build(
    folder: RunFolder,
    samples: pd.DataFrame | None = None,
    disturbed: Disturbances = UNDISTURBED,
    sizes: pd.DataFrame | None = None,
) -> Report:
    """Write figures/, report.md and index.html of a run folder; ``samples`` saves reading samples.csv again.

    ``disturbed``: the disturbed cells; the findings flag them. ``sizes``: the table of ``size_standings``.

    Raises:
        BadFiles: the manifest or a CSV is missing or has another format.
    """
    data = load(folder, samples, disturbed, sizes)
    found = findings(data)
    pictures = draw_all(data, folder.path / "figures")
    tables = {"Pool scaling": best_workers(data)}
    named = {title: [name for name, figure in figures().items() if figure.section == title] for title in SECTIONS}
    sections = [
        Section(title=title, pictures=[pictures[name] for name in names], table=tables.get(title), caption=CAPTION)
        for title, names in named.items()
        if names
    ]
    page = content(data, found, sections)
    replace_text(folder.path / "report.md", markdown_page("report.md", content=page))
    replace_text(folder.path / "index.html", html.render(page))
    return Report(
        findings=tuple(found),
        html=folder.path / "index.html",
        markdown=folder.path / "report.md",
        figures=tuple(name for name, picture in pictures.items() if picture.svg),
        missing={name: picture.reason for name, picture in pictures.items() if picture.reason},
    )


def draw_all(data: RunData, folder: Path) -> dict[str, Picture]:
    """Draw and save every figure; remove files of an earlier report that this one does not draw."""
    folder.mkdir(exist_ok=True)
    shown = for_figures(data)
    pictures = {}
    for name, figure in figures().items():
        with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
            drawn = figure.draw(shown)
        pictures[name] = picture(name, drawn, folder)
    return pictures


def picture(name: str, drawn: Drawing | Missing, folder: Path) -> Picture:
    """A figure of a page: the drawing with its SVG, or the reason why it is missing."""
    if isinstance(drawn, Missing):
        for ending in ("svg", "png"):
            (folder / f"{name}.{ending}").unlink(missing_ok=True)
        return Picture(name=name, reason=drawn.reason)
    return Picture(
        name=name,
        alternative=drawn.alternative,
        scenario=figures()[name].scenario,
        svg=save(drawn.figure, folder, name),
        caption=caption_of(drawn.figure),
    )
