"""The committed sample, the files of a run folder that are small enough, and what README.md takes from it.

It has report.md, the manifest, the small CSVs and the figures of the page as compact SVGs. ``index.html`` repeats
report.md, and ``samples.csv`` and ``raw/`` are too large.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from lab.errors import BadFiles, UsageError
from lab.report.drawing.save import compact
from lab.runs.folder import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

MB = 1_000_000
MOST_BYTES = 3 * MB  # of the whole folder
MOST_CSV_BYTES = 500_000  # a larger CSV is left out; `lab run` makes it
PAGE, MANIFEST = "report.md", "manifest.json"
CSVS = (
    *("claims.csv", "scaling.csv", "speedup.csv", "pool_sizes.csv", "ipc_cost.csv", "ipc_sizes.csv"),
    *("ipc_crossings.csv", "summary.csv"),
)
FIGURE = re.compile(r"\]\((figures/[\w-]+\.svg)\)")


def write_sample(run: Path, folder: Path) -> int:
    """Write the sample of a run with a fresh report into the folder, and replace an earlier sample.

    Subfolders other than ``figures`` are kept. The size of the whole folder in bytes is returned.

    Raises:
        UsageError: the folder would be larger than ``MOST_BYTES``; nothing is written then.
    """
    files = contents(run)
    kept = [path for path in folder.rglob("*") if path.is_file() and not is_own(path, folder)]
    total = sum(len(data) for data in files.values()) + sum(path.stat().st_size for path in kept)
    if total > MOST_BYTES:
        largest = sorted(files, key=lambda name: len(files[name]), reverse=True)[:3]
        sizes = ", ".join(f"{name} {len(files[name]) / MB:.1f} MB" for name in largest)
        raise UsageError(
            f"the sample would have {total / MB:.1f} MB, and the limit is {MOST_BYTES / MB:.0f} MB (largest: {sizes}); "
            "choose a run of fewer Python versions or CPU limits"
        )
    for old in [path for path in folder.rglob("*") if path.is_file() and is_own(path, folder)]:
        old.unlink()
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return total


def contents(run: Path) -> dict[str, bytes]:
    """Name -> content of each file of the sample."""
    page = (run / PAGE).read_bytes()
    manifest = json.dumps(
        json.loads((run / MANIFEST).read_text(encoding="utf-8")), separators=(",", ":"), ensure_ascii=False
    )
    files = {PAGE: page, MANIFEST: (manifest + "\n").encode()}
    for name in CSVS:
        if (run / name).stat().st_size <= MOST_CSV_BYTES:
            files[name] = (run / name).read_bytes()
    for name in dict.fromkeys(FIGURE.findall(page.decode())):
        files[name] = compact((run / name).read_text(encoding="utf-8")).encode()
    return files


def is_own(path: Path, folder: Path) -> bool:
    """Whether the file belongs to a sample: it is in the folder itself or in its ``figures``."""
    return path.parent in (folder, folder / "figures")


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
