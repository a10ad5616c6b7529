"""The generated parts of the READMEs: data dictionary, scenarios, claims, and the sample's figure and answers.

A generated part is between two comments in a README that is otherwise written by hand::

    <!-- generated: NAME -->
    <!-- end generated -->
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lab.agent.scenario import discover
from lab.claims import all_claims
from lab.claims.claim import TUTORIAL_IN_FULL
from lab.errors import BadFiles
from lab.report.readme import sample
from lab.tables import schema

REPOSITORY = Path(__file__).resolve().parents[3]
READMES = ("README.md", "reports/README.md", "lab/README.md")
MARKED = re.compile(r"(<!-- generated: (?P<name>[\w.-]+) -->\n).*?(<!-- end generated -->)", re.DOTALL)
LONGEST_LIST = 8  # values of an axis; a longer list is abbreviated
NOTHING_MORE, NOWHERE, NOT_IN_TUTORIAL = (
    "Python alone",
    "nowhere",
    "not in the tutorial",
)  # texts for empty declarations


def regenerate(check: bool, repository: Path = REPOSITORY) -> list[Path]:  # noqa: FBT001 - the only question there is
    """Find the READMEs whose generated parts are stale, and rewrite them unless ``check`` is set.

    Raises:
        BadFiles: a README is missing, has no marked part, or names an unknown part.
    """
    stale = []
    for name in READMES:
        path = repository / name
        if not path.is_file():
            raise BadFiles(f"{name} is not in {repository}; run this command in a clone of the repository")
        written = path.read_text(encoding="utf-8")
        wanted = filled(written, name)
        if wanted != written:
            stale.append(path)
            if not check:
                path.write_text(wanted, encoding="utf-8", newline="\n")
    return stale


def filled(text: str, name: str) -> str:
    """The README's text with all marked parts regenerated."""

    def part(marked: re.Match[str]) -> str:
        if marked["name"] not in PARTS:
            raise BadFiles(f"{name} names the unknown part {marked['name']!r}; use one of {', '.join(PARTS)}")
        return f"{marked[1]}\n{PARTS[marked['name']]()}\n{marked[3]}"

    replaced, count = MARKED.subn(part, text)
    if count == 0:
        raise BadFiles(f"{name} has no part between <!-- generated: NAME --> and <!-- end generated -->; restore it")
    return replaced


def columns_table(columns: Iterable[schema.Column]) -> str:
    """Name, type and meaning of each column."""
    return table(
        ("column", "type", "meaning"), [(f"`{column.name}`", column.dtype, column.meaning) for column in columns]
    )


def units_table() -> str:
    """The unit of each metric."""
    return table(("metric", "unit"), [(f"`{metric}`", unit) for metric, unit in schema.UNITS.items()])


def scenarios_table() -> str:
    """The table of all scenarios: question, section of the tutorial, axes and needs."""
    return f"{TUTORIAL_IN_FULL}\n\n" + table(
        (
            "scenario",
            "family",
            "question",
            "the tutorial's section",
            "what it measures",
            "axes",
            "needs",
            "unsupported",
        ),
        [
            (
                f"`{name}`",
                scenario.family,
                scenario.question,
                scenario.article or NOT_IN_TUTORIAL,
                f"`{scenario.source}`",
                "; ".join(f"{axis}: {listed(values)}" for axis, values in scenario.axes.items()),
                scenario.requires or NOTHING_MORE,
                scenario.unsupported or NOWHERE,
            )
            for name, scenario in discover().items()
        ],
    )


def claims_table() -> str:
    """The statement and the source of each claim."""
    return table(("claim", "statement", "source"), [(f"`{c.name}`", c.statement, c.source) for c in all_claims()])


def listed(values: Sequence[object]) -> str:
    """The values as text; a long list is abbreviated in the middle."""
    words = [str(value) for value in values]
    if len(words) > LONGEST_LIST:
        words = [*words[: LONGEST_LIST - 2], "…", words[-1]]
    return ", ".join(words)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars within cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


PARTS: dict[str, Callable[[], str]] = {
    "samples.csv": lambda: columns_table(schema.SAMPLES),
    "summary.csv": lambda: columns_table(schema.SUMMARY[len(schema.IDENTITY) :]),
    "claims.csv": lambda: columns_table(schema.CLAIMS),
    "conditions.csv": lambda: columns_table(schema.CONDITIONS),
    "canary.csv": lambda: columns_table(schema.CANARIES),
    "scaling.csv": lambda: columns_table(schema.SCALING),
    "compare.csv": lambda: columns_table(schema.COMPARE),
    "speedup.csv": lambda: columns_table(schema.SPEEDUP),
    "pool_sizes.csv": lambda: columns_table(schema.POOL_SIZES),
    "ipc_cost.csv": lambda: columns_table(schema.IPC_COST),
    "ipc_sizes.csv": lambda: columns_table(schema.IPC_SIZES),
    "ipc_crossings.csv": lambda: columns_table(schema.IPC_CROSSINGS),
    "linux-containers-beside-windows.csv": lambda: columns_table(schema.MACHINES),
    "metrics": units_table,
    "scenarios": scenarios_table,
    "claims": claims_table,
    "sample-figure": lambda: sample.figure(REPOSITORY),
    "sample-answers": lambda: sample.answers(REPOSITORY),
}
