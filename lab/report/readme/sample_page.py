"""The parts of README.md from the committed sample: its first figure, and its answers with their commands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lab.errors import BadFiles
from lab.runs.folder import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = "reports/sample"
PICTURE = re.compile(r"!\[(?P<alternative>.*)\]\((?P<path>figures/[\w-]+\.svg)\)")
ANSWER = re.compile(r"\d+\. (.*)")
FIGURE_LINK = re.compile(r" \(\[figure\]\((figures/[\w-]+\.svg)\)\)$")
MOST_ANSWERS = 5  # for the first screen of the README; the page has all
SAID_ONCE = re.compile(r" In brackets: 95 ?% intervals\.")  # stated above the answers; older runs have the space


def figure(repository: Path) -> str:
    """The first figure of the sample's page, as Markdown."""
    found = PICTURE.search(page(repository))
    if not found:
        raise BadFiles(f"{SAMPLE}/report.md has no figure; make the sample again: nox -s sample -- RUN")
    return f"![{found['alternative']}]({SAMPLE}/{found['path']})\n"


def answers(repository: Path) -> str:
    """The first answers of the sample, and the commands that made them."""
    text = page(repository)
    command = read_manifest(repository / SAMPLE / "manifest.json").command
    lines = text[: text.index("\n## Claims")].splitlines()
    machine = next(line.removeprefix("- **Machine**: ") for line in lines if line.startswith("- **Machine**: "))
    run = next(line.removeprefix("- **Run**: ") for line in lines if line.startswith("- **Run**: "))
    found = [answer(match[1]) for line in lines if (match := ANSWER.match(line))]
    intro = (
        f"From [the sample]({SAMPLE}/report.md): {machine}; {run}. Brackets give 95% intervals, which hold for that "
        f"session.\n\n```\n{command}\nnox -s sample -- RUN\n```\n\n"
    )
    return intro + "".join(f"- {line}\n" for line in found[:MOST_ANSWERS])


def answer(text: str) -> str:
    """One answer with links that work in the README."""
    linked = FIGURE_LINK.sub(rf" ([figure]({SAMPLE}/\1))", text)
    return SAID_ONCE.sub("", linked)


def page(repository: Path) -> str:
    """The text of the sample's page.

    Raises:
        BadFiles: the page is missing.
    """
    path = repository / SAMPLE / "report.md"
    if not path.is_file():
        raise BadFiles(f"{SAMPLE}/report.md is missing; make the sample: nox -s sample -- RUN")
    return path.read_text(encoding="utf-8")
