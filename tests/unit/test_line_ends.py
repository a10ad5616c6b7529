"""Line ends: CR LF is read wherever it may come from, and what is written is the same on every system."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from lab.running.imports.stream import parse_stream
from lab.runs.folder import RunFolder
from lab.runs.raw import Start, read_raw
from lab.stats.laws.measurements import read_rounds
from lab.tables import csv_files, schema
from lab.text import replace_text
from tests.manifests import manifest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
STREAM = (DATA / "stream" / "samples.jsonl").read_bytes()
RAW = DATA / "raw-smoke" / "raw" / "py313-linux-native-c2.r0000.jsonl"


def crlf(content: bytes) -> bytes:
    return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_a_stream_that_a_windows_shell_has_saved_is_the_same_stream() -> None:
    assert parse_stream("a", crlf(STREAM)) == parse_stream("a", STREAM)


def test_a_stream_that_is_cut_off_is_torn_there_too() -> None:
    cut = STREAM.rstrip(b"\n")[:-20]
    ours, theirs = parse_stream("a", cut), parse_stream("a", crlf(cut))
    assert ours.lines == theirs.lines
    assert ours.torn == theirs.torn != b""


def test_raw_lines_are_read_whatever_a_transfer_made_of_their_ends(tmp_path: Path) -> None:
    other = tmp_path / RAW.name
    other.write_bytes(crlf(RAW.read_bytes()))
    assert read_raw(other) == read_raw(RAW)


def test_a_csv_is_read_with_either_end(tmp_path: Path) -> None:
    path = DATA / "raw-smoke" / "summary.csv"
    (tmp_path / "lf.csv").write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    (tmp_path / "crlf.csv").write_bytes(crlf(path.read_bytes()))
    one, other = (csv_files.read(tmp_path / name, schema.SUMMARY) for name in ("lf.csv", "crlf.csv"))
    assert len(one) > 0
    pd.testing.assert_frame_equal(one, other)


def test_a_table_for_a_fit_is_read_with_either_end(tmp_path: Path) -> None:
    text = b"workers,throughput\n1,10\n2,19\n4,33\n8,50\n"
    (tmp_path / "lf.csv").write_bytes(text)
    (tmp_path / "crlf.csv").write_bytes(b"\xef\xbb\xbf" + crlf(text))  # as a spreadsheet saves it
    for one, other in zip(read_rounds(tmp_path / "lf.csv"), read_rounds(tmp_path / "crlf.csv"), strict=True):
        assert one.tolist() == other.tolist()


def test_what_is_written_has_the_same_ends_on_every_system(tmp_path: Path) -> None:
    """Run on Windows too: there a text file gets CR LF unless it is told otherwise."""
    replace_text(tmp_path / "a.md", "one\ntwo\n")
    assert (tmp_path / "a.md").read_bytes() == b"one\ntwo\n"
    with RunFolder.create(tmp_path / "run") as folder:
        folder.write_manifest(manifest())
        folder.append_host_line("t", 0, Start(cell="a/b"))
    for path in (tmp_path / "run" / "manifest.json", tmp_path / "run" / "raw" / "t.r0000.jsonl"):
        assert b"\r" not in path.read_bytes()
        assert path.read_bytes().endswith(b"\n")
    csv_files.write(pd.DataFrame({"run_id": ["r"]}), tmp_path / "s.csv", schema.SUMMARY)
    assert (tmp_path / "s.csv").read_bytes().count(b"\r\n") == 2  # RFC 4180, section 2.1
    assert b"\r\r" not in (tmp_path / "s.csv").read_bytes()


def text_writes(path: Path) -> Iterator[ast.Call]:
    """Calls that write a text: they name an encoding (ruff's PLW1514 sees to it), or are pandas'."""
    text = path.read_text(encoding="utf-8")
    if not any(word in text for word in ("open(", "write_text(", "to_csv(")):
        return  # parsing every file would cost the unit tests half a second
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and (writes(call) or called(call) in {"write_text", "to_csv"}):
            yield call


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def writes(call: ast.Call) -> bool:
    """A file opened as text, to write to or to append to."""
    modes = [word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    modes += [word.value.value for word in call.keywords if word.arg == "mode" and isinstance(word.value, ast.Constant)]  # type: ignore[misc]
    text = any(word.arg == "encoding" for word in call.keywords)
    return called(call) in {"open", "fdopen"} and text and any(mode[:1] in {"w", "a", "x"} for mode in modes)


def test_whoever_writes_a_text_says_how_its_lines_end() -> None:
    """The systems where nothing is said end them differently cannot all be had here."""
    found = [(path, call) for path in sorted((ROOT / "lab").rglob("*.py")) for call in text_writes(path)]
    assert len(found) > 10
    silent = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path, call in found
        if not {word.arg for word in call.keywords} & {"newline", "lineterminator"}
    ]
    assert not silent
