"""No workflow stands on a runner or an action whose announced end has passed."""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

GITHUB = Path(__file__).resolve().parents[2] / ".github"
FILES = [*sorted((GITHUB / "workflows").glob("*.yml")), *sorted((GITHUB / "actions").glob("*/action.yml"))]
ENDS: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_name("ends.toml").read_text(encoding="utf-8"))
USES = re.compile(r"^\s*(?:- )?uses: ([\w-]+/[\w-]+)@[0-9a-f]{40} # (v\d+)", re.MULTILINE)


def labels_of(workflow: Mapping[str, Any]) -> set[str]:
    """The labels of runners that a workflow's jobs run on, with those of a matrix."""
    found: set[str] = set()
    for job in workflow.get("jobs", {}).values():
        label = job["runs-on"]
        found |= set(job["strategy"]["matrix"]["os"]) if "matrix.os" in label else {label}
    return found


def majors_in(text: str) -> set[str]:
    """The actions that a file uses, as ``owner/name@v7``."""
    return {f"{name}@{major}" for name, major in USES.findall(text)}


def complaints(labels: set[str], majors: set[str], today: dt.date) -> Iterator[str]:
    """One sentence for each label and major that has ended by ``today``, or that the table does not know."""
    for label in sorted(labels):
        if label not in ENDS["labels"]:
            yield f"{label} is not in ends.toml: add it with its announced end and the source."
        elif (end := ENDS["labels"][label].get("end")) and end <= today:
            yield f"{label} ended on {end}: use a newer runner."
    for major in sorted(majors):
        if major not in ENDS["majors"]:
            yield f"{major} is not in ends.toml: add it with the runtime that its action.yml names."
        elif (end := ENDS["runtimes"][ENDS["majors"][major]].get("end")) and end <= today:
            yield f"{major} runs on {ENDS['majors'][major]}, which ended on {end}: use a newer major version."


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_has_ended_that_a_workflow_stands_on(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    labels, majors = labels_of(YAML(typ="safe", pure=True).load(text)), majors_in(text)
    assert labels | majors
    assert list(complaints(labels, majors, dt.date.today())) == []  # noqa: DTZ011 - ends are whole days


def test_an_end_that_has_passed_and_an_unknown_name_are_complaints() -> None:
    labels, majors = {"macos-14", "macos-15", "solaris-11"}, {"actions/checkout@v4", "actions/checkout@v7", "a/b@v1"}
    assert len(list(complaints(labels, majors, dt.date(2026, 11, 28)))) == 4
    assert len(list(complaints(labels, majors, dt.date(2026, 1, 1)))) == 2


def test_every_entry_names_its_source_and_the_day_it_was_read() -> None:
    entries = [*ENDS["labels"].values(), *ENDS["runtimes"].values()]
    assert all(entry["source"].startswith("https://") and entry["checked"] for entry in entries)
    assert set(ENDS["majors"].values()) <= set(ENDS["runtimes"])
