"""Find words that the project's vocabulary replaces (words.toml), and say what to write instead.

Usage: python .ci/words.py [FILE …]. Without files it reads lab/ and the READMEs that git tracks. The exit code is 1 if
a word was found.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TRACKED = ("lab", "README.md", "CONTRIBUTING.md", "*/README.md")
LEFT_OUT = ("reports/sample/",)  # made by older runs
SUFFIXES = frozenset({".py", ".md", ".toml", ".html", ".js"})
BEGIN, END = "<!-- generated: ", "<!-- end generated -->"
EXEMPTION = re.compile(r"word-ok: \S")


@dataclass(frozen=True, kw_only=True)
class Word:
    """A pattern that matches whole words, and what to write instead."""

    pattern: re.Pattern[str]
    use: str


@dataclass(frozen=True, kw_only=True)
class Hit:
    """An occurrence of a word; ``line`` counts from 1."""

    path: Path
    line: int
    found: str
    use: str


def read_words(path: Path) -> tuple[Word, ...]:
    """Read the words of a TOML file with an array ``words`` of tables with ``word`` and ``use``."""
    tables = tomllib.loads(path.read_text(encoding="utf-8"))["words"]
    return tuple(
        Word(pattern=re.compile(rf"(?<!\w)(?:{table['word']})(?![\w-])", re.IGNORECASE), use=table["use"])
        for table in tables
    )


def hits(path: Path, words: Sequence[Word]) -> Iterator[Hit]:
    """Find every listed word in a file; lines with an exemption and generated parts of a README are skipped."""
    generated = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        generated = path.suffix == ".md" and (line.startswith(BEGIN) or (generated and not line.startswith(END)))
        if generated or EXEMPTION.search(line):
            continue
        for word in words:
            for match in word.pattern.finditer(line):
                yield Hit(path=path, line=number, found=match[0], use=word.use)


def tracked_files() -> list[Path]:
    """The files to check if none are named: those that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *TRACKED],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    names = [name for name in listed.split("\0") if name and not name.startswith(LEFT_OUT)]
    return [ROOT / name for name in names if Path(name).suffix in SUFFIXES and (ROOT / name).is_file()]


def main(arguments: Sequence[str]) -> int:
    """Print every occurrence; return 1 if there is one, else 0."""
    words = read_words(ROOT / ".ci" / "words.toml")
    files = [Path(argument) for argument in arguments] or tracked_files()
    found = [hit for path in files for hit in hits(path, words)]
    for hit in found:
        shown = hit.path.relative_to(ROOT) if hit.path.is_relative_to(ROOT) else hit.path
        print(f"{shown}:{hit.line}: {hit.found!r}: write {hit.use}")
    if found:
        print(f"{len(found)} found; .ci/words.toml has the list, and how a line is exempted")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
