"""Files that others read are replaced whole: who reads one meanwhile sees what was there, or what is new."""

from __future__ import annotations

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write the text as UTF-8, its line ends as they are; the file is there whole, or as it was."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", newline="")
    partial.replace(path)
