"""Layout of a figure: title, panels, legends and notes, each in a strip of its own.

All positions are computed in inches before anything is drawn, so nothing overlaps however many panels there are.
An HTML page writes the title and the notes as wrapped text of its own and shows only the strip between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from lab.report.drawing import theme
from lab.report.drawing.text_metrics import width_inches, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEFT, RIGHT, GAP_X = 0.75, 0.3, 0.62
TITLE_LINE, SUBTITLE_LINE, PANEL_LINE, LEGEND_LINE, NOTE_LINE = 0.25, 0.185, 0.17, 0.22, 0.16
AXIS_SPACE = 0.55
PAD = 0.16
TITLE_SIZE, SUBTITLE_SIZE, LEGEND_SIZE, NOTE_SIZE = 13, 9, 8.5, 8  # points
HANDLE_WIDTH = 0.72
MIN_WIDTH = 7.4


@dataclass(frozen=True)
class Shape:
    """How panels are arranged: most panels in one row, size of a panel and left margin in inches."""

    columns: int = 4
    width: float = 2.4
    height: float = 2.2
    left: float = LEFT


@dataclass(frozen=True)
class Legend:
    """A heading and its entries."""

    heading: str
    handles: Sequence[Line2D]


@dataclass(frozen=True)
class Text:
    """Title, subtitle, notes and legends of a figure."""

    title: str
    subtitle: str
    notes: Sequence[str]
    legends: Sequence[Legend] = ()


@dataclass(frozen=True, kw_only=True)
class Caption:
    """The text above and below the panels; ``head`` and ``foot`` are the heights of these two strips in inches."""

    title: str
    subtitle: str
    notes: Sequence[str]
    head: float
    foot: float


class CaptionedFigure(Figure):
    """A figure with its caption as text."""

    caption: Caption


def caption_of(figure: Figure) -> Caption | None:
    """The caption of a figure that ``panel_figure`` made; None for any other figure."""
    return figure.caption if isinstance(figure, CaptionedFigure) else None


def panel_figure(text: Text, groups: Sequence[Sequence[str]], shape: Shape) -> tuple[CaptionedFigure, list[list[Axes]]]:
    """Create a figure with one panel per title; ``groups`` are titles, and each group begins a new row of panels."""
    columns = balanced(max(len(group) for group in groups), shape.columns)
    lines = [(g, start) for g, group in enumerate(groups) for start in range(0, len(group), columns)]
    width = max(MIN_WIDTH, shape.left + columns * shape.width + (columns - 1) * GAP_X + RIGHT)
    panel_width = (width - shape.left - RIGHT - (columns - 1) * GAP_X) / columns
    bold = {"size": theme.RC["axes.titlesize"], "bold": True}
    titles = [[wrapped(title, panel_width, **bold) for title in group] for group in groups]
    title_lines = max(title.count("\n") + bool(title) for group in titles for title in group)
    title_room = PANEL_LINE * title_lines + 0.1
    inner = width - 2 * PAD
    head = wrapped(text.title, inner, TITLE_SIZE, bold=True), wrapped(text.subtitle, inner, SUBTITLE_SIZE)
    shown_notes = [note for note in text.notes if note]
    notes = "\n".join(wrapped(note, inner, NOTE_SIZE) for note in shown_notes)
    head_height = PAD + TITLE_LINE * (head[0].count("\n") + 1) + SUBTITLE_LINE * (head[1].count("\n") + 1)
    room = inner - heading_room(text.legends)
    legend_height = sum(legend_rows(legend, room) for legend in text.legends) * LEGEND_LINE + 0.1
    row_height = title_room + shape.height + AXIS_SPACE
    foot_height = NOTE_LINE * (notes.count("\n") + 1) + PAD
    height = head_height + 0.1 + len(lines) * row_height + legend_height + foot_height

    figure = CaptionedFigure(figsize=(width, height))
    figure.caption = Caption(
        title=text.title,
        subtitle=text.subtitle,
        notes=shown_notes,
        head=head_height,
        foot=foot_height if shown_notes else 0.0,
    )
    write_head(figure, head, width, height)
    axes: list[list[Axes]] = [[] for _ in groups]
    for index, (group, start) in enumerate(lines):
        bottom = height - head_height - 0.1 - index * row_height - title_room - shape.height
        for column, title in enumerate(titles[group][start : start + columns]):
            left = shape.left + column * (panel_width + GAP_X)
            box = (left / width, bottom / height, panel_width / width, shape.height / height)
            panel = figure.add_axes(box)
            panel.set_title(title, fontweight="bold", linespacing=1.2)
            axes[group].append(panel)
    write_legends(figure, text.legends, inner, height - head_height - 0.1 - len(lines) * row_height)
    figure.text(PAD / width, PAD / height, notes, size=NOTE_SIZE, color=theme.MUTED, va="bottom", linespacing=1.35)
    return figure, axes


def balanced(count: int, most: int) -> int:
    """The number of columns for ``count`` panels: of six panels and at most four columns, three."""
    lines = -(-count // max(1, most))
    return max(1, -(-count // max(1, lines)))


def write_head(figure: Figure, head: tuple[str, str], width: float, height: float) -> None:
    """Write the title and the subtitle."""
    top = height - PAD
    figure.text(PAD / width, top / height, head[0], size=TITLE_SIZE, fontweight="bold", va="top", linespacing=1.25)
    top -= TITLE_LINE * (head[0].count("\n") + 1)
    figure.text(PAD / width, top / height, head[1], size=SUBTITLE_SIZE, color=theme.MUTED, va="top", linespacing=1.35)


def write_legends(figure: Figure, legends: Sequence[Legend], inner: float, top: float) -> None:
    """Write each legend below the panels: the heading at the left edge, the entries row by row next to it."""
    width, height = figure.get_size_inches()
    room = heading_room(legends)
    for legend in legends:
        columns = legend_columns(legend, inner - room)
        figure.text(PAD / width, (top + 0.005) / height, legend.heading, size=LEGEND_SIZE, fontweight="bold", va="top")
        figure.legend(
            handles=row_by_row(legend.handles, columns),
            loc="upper left",
            bbox_to_anchor=((PAD + room) / width, top / height),
            ncols=columns,
            frameon=False,
            borderaxespad=0,
            borderpad=0,
            handlelength=3.4,
            columnspacing=1.6,
            fontsize=LEGEND_SIZE,
        )
        top -= legend_rows(legend, inner - room) * LEGEND_LINE


def row_by_row(handles: Sequence[Line2D], columns: int) -> list[Line2D]:
    """Reorder the handles: Matplotlib fills columns first, and the entries should read along rows."""
    return [handle for column in range(columns) for handle in handles[column::columns]]


def heading_room(legends: Sequence[Legend]) -> float:
    """Width of the column of headings in inches."""
    return max((width_inches(legend.heading, LEGEND_SIZE, bold=True) for legend in legends), default=0.0) + 0.3


def legend_columns(legend: Legend, room: float) -> int:
    """How many entries fit side by side; ``room`` is in inches."""
    widest = max((width_inches(str(handle.get_label()), LEGEND_SIZE) for handle in legend.handles), default=0.0)
    return max(1, min(len(legend.handles), int(room / (widest + HANDLE_WIDTH))))


def legend_rows(legend: Legend, room: float) -> int:
    """How many rows a legend takes; ``room`` is in inches."""
    return max(1, -(-len(legend.handles) // legend_columns(legend, room)))


def entry(label: str, colour: str, marker: str = "", line: object = "none", *, hollow: bool = False) -> Line2D:
    """A legend entry with the given colour, marker and line."""
    return Line2D(
        [],
        [],
        color=colour,
        marker=marker or "none",
        linestyle=line,  # type: ignore[arg-type]
        markerfacecolor="white" if hollow else colour,
        label=label,
    )
