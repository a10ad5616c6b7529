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
from lab.report.drawing.writing import save_all
from lab.report.figures import SECTIONS, figures
from lab.report.findings import Finding, findings
from lab.report.pages import html
from lab.report.pages.content import Picture, Section, best_workers, content
from lab.report.pages.templating import markdown_page
from lab.text import replace_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd
    from matplotlib.figure import Figure

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
    folder: Path,
    samples: pd.DataFrame | None = None,
    disturbed: pd.DataFrame | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Report:
    """Write figures/, report.md and index.html of a run folder; ``samples`` saves reading samples.csv again.

    ``disturbed``: the disturbed cells (``lab.stats.disturbances.disturbed_cells``); the findings flag them.
    ``meanwhile``: other work of the caller, done once while figures are drawn.

    Raises:
        BadFiles: the manifest or a CSV is missing or has another format.
    """
    data = load(folder, samples, disturbed)
    found: list[Finding] = []

    def work() -> None:
        found.extend(findings(data))
        if meanwhile is not None:
            meanwhile()

    pictures = draw_all(data, folder / "figures", work)
    tables = {"Pool scaling": best_workers(data)}
    named = {title: [name for name, figure in figures().items() if figure.section == title] for title in SECTIONS}
    sections = [
        Section(title=title, pictures=[pictures[name] for name in names], table=tables.get(title), caption=CAPTION)
        for title, names in named.items()
        if names
    ]
    page = content(data, found, sections)
    replace_text(folder / "report.md", markdown_page("report.md", content=page))
    replace_text(folder / "index.html", html.render(page))
    return Report(
        findings=tuple(found),
        html=folder / "index.html",
        markdown=folder / "report.md",
        figures=tuple(name for name, picture in pictures.items() if picture.svg),
        missing={name: picture.reason for name, picture in pictures.items() if picture.reason},
    )


def draw_all(data: RunData, folder: Path, meanwhile: Callable[[], None]) -> dict[str, Picture]:
    """Draw and save every figure; remove files of an earlier report that this one does not draw.

    ``meanwhile`` is called once all figures are laid out, while a second process may still save them.
    """
    folder.mkdir(exist_ok=True)
    every: dict[str, Drawing | Missing] = {}
    saved = save_all(followed(laid_out(for_figures(data), every), meanwhile), folder)
    for name in every.keys() - saved.keys():
        for ending in ("svg", "png"):
            (folder / f"{name}.{ending}").unlink(missing_ok=True)
    return {name: picture(name, drawn, saved.get(name, "")) for name, drawn in every.items()}


def laid_out(data: RunData, every: dict[str, Drawing | Missing]) -> Iterator[tuple[str, Figure]]:
    """Lay out the figures one by one; ``every`` collects all drawings and the reasons of missing ones."""
    for name, figure in figures().items():
        with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
            every[name] = drawn = figure.draw(data)
        if isinstance(drawn, Drawing):
            yield name, drawn.figure


def followed(figures: Iterator[tuple[str, Figure]], work: Callable[[], None]) -> Iterator[tuple[str, Figure]]:
    """Yield the figures, then do the work; by then the consumer has passed on the last figure."""
    yield from figures
    work()


def picture(name: str, drawn: Drawing | Missing, svg: str) -> Picture:
    """A figure of a page: the drawing with its SVG, or the reason why it is missing."""
    if isinstance(drawn, Missing):
        return Picture(name=name, reason=drawn.reason)
    return Picture(
        name=name,
        alternative=drawn.alternative,
        scenario=figures()[name].scenario,
        svg=svg,
        caption=caption_of(drawn.figure),
    )
