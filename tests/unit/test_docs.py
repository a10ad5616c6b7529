"""What is generated in the READMEs is as the code says, and a README that cannot be filled is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.agent.scenario import discover
from lab.errors import BadFiles
from lab.report.readme import generated
from lab.tables import schema

MARKED = "# Title\n\n<!-- generated: metrics -->\nold\n<!-- end generated -->\n\nby hand\n"


def repository(folder: Path, text: str) -> Path:
    for name in generated.READMES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_no_readme_is_stale() -> None:
    assert generated.regenerate(check=True) == [], "regenerate it with: nox -s docs"


def test_every_part_is_used_in_a_readme() -> None:
    texts = "".join((generated.REPOSITORY / name).read_text(encoding="utf-8") for name in generated.READMES)
    assert {found["name"] for found in generated.MARKED.finditer(texts)} == set(generated.PARTS)


def test_checking_writes_nothing(tmp_path: Path) -> None:
    root = repository(tmp_path, MARKED)
    assert generated.regenerate(check=True, repository=root) == [root / name for name in generated.READMES]
    assert (root / generated.READMES[0]).read_text(encoding="utf-8") == MARKED


def test_regenerating_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    root = repository(tmp_path, MARKED)
    assert generated.regenerate(check=False, repository=root)
    text = (root / generated.READMES[0]).read_text(encoding="utf-8")
    assert "| `wall_time` | ns |" in text
    assert "old" not in text
    assert text.startswith("# Title\n")
    assert text.endswith("\nby hand\n")
    assert generated.regenerate(check=False, repository=root) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# Title\n", "has no part between"),
        (MARKED.replace("metrics", "nonsense"), "unknown part 'nonsense'"),
    ],
)
def test_a_readme_that_cannot_be_filled_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(BadFiles, match=complaint):
        generated.regenerate(check=True, repository=repository(tmp_path, text))


def test_outside_of_a_clone_a_sentence_says_so(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="in a clone of the repository"):
        generated.regenerate(check=True, repository=tmp_path)


def test_every_column_and_every_scenario_is_documented() -> None:
    dictionary = (generated.REPOSITORY / "reports" / "README.md").read_text(encoding="utf-8")
    for columns in (schema.SAMPLES, schema.SUMMARY, schema.CLAIMS, schema.SCALING):
        assert all(f"`{column.name}`" in dictionary for column in columns)
    scenarios = (generated.REPOSITORY / "lab" / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in scenarios for name in discover())


def test_a_bar_does_not_end_a_cell() -> None:
    assert generated.table(("a", "b"), [("x|y", "z")]).splitlines()[-1] == "| x\\|y | z |"


def test_long_lists_are_abbreviated_to_their_first_and_last_values() -> None:
    assert generated.listed(range(20)) == "0, 1, 2, 3, 4, 5, …, 19"
    assert generated.listed(("fork", "spawn")) == "fork, spawn"


def test_the_map_of_the_code_names_every_part_and_nothing_else() -> None:
    lab = generated.REPOSITORY / "lab"
    text = (lab / "README.md").read_text(encoding="utf-8").partition("## Scenarios")[0]
    named = {name for row in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)}
    modules = {path.name for path in lab.glob("*.py") if not path.name.startswith("__")}
    assert named == modules | {f"{path.parent.name}/" for path in lab.glob("*/__init__.py")} | {"profiles.toml"}
    for part in ("report", "agent"):
        inside = re.findall(r"`([\w/]+)`", text.partition(f"Inside the {part}:")[2].partition("\n\n")[0])
        assert inside
        assert [
            name for name in inside if not (lab / part / name).exists() and not (lab / part / f"{name}.py").exists()
        ] == []
