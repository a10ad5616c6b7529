"""The vocabulary's check finds words, passes over what is exempted, and fails a session where it finds one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "words.py"


def check(*paths: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(SCRIPT), *map(str, paths)], capture_output=True, text=True, check=False, encoding="utf-8"
    )


@pytest.mark.parametrize(
    ("line", "use"),
    [
        ("The dearest of all.", "slow"),
        ("It is no run folder.", "is not a"),
        ("within 5 % of it", "5% without a space"),
        ("one row a target", "per"),
        ('    """The same."""', "docstring"),
    ],
)
def test_a_replaced_word_is_found_with_its_line_and_what_to_write(tmp_path: Path, line: str, use: str) -> None:
    path = tmp_path / "text.py"
    path.write_text(f"first\n{line}\n", encoding="utf-8")
    done = check(path)
    assert done.returncode == 1
    assert f"{path}:2: " in done.stdout
    assert use in done.stdout


def test_plain_words_exempted_lines_and_generated_parts_pass(tmp_path: Path) -> None:
    code, page = tmp_path / "code.py", tmp_path / "README.md"
    code.write_text("slowest = 1  # fastest of 12\nx = 2  # told, word-ok: a name of the kernel\n", encoding="utf-8")
    page.write_text("Plain.\n<!-- generated: x -->\nIt is no run.\n<!-- end generated -->\n", encoding="utf-8")
    assert check(code, page).returncode == 0
    page.write_text(page.read_text(encoding="utf-8") + "It is no run.\n", encoding="utf-8")
    assert check(page).returncode == 1


def test_the_repository_itself_passes() -> None:
    done = check()
    assert done.returncode == 0, done.stdout
