"""The files of a tune."""

from __future__ import annotations

import json
import re
from pathlib import Path

from lab.tune.choices import Choice
from lab.tune.page import write_pages
from tests.tune.simulated import Machine
from tests.tune.test_answer import answer_of
from tests.tune.test_search import compute


def test_page_markdown_and_json_have_the_answer_and_the_page_is_self_contained(tmp_path: Path) -> None:
    machine = Machine(job_s=compute, block_noise=0.03, process_noise=0.02, start_s=0.02)
    result = answer_of(machine)
    spans = {result.target: machine.timeline(result.verdict.recommended.choice, count=40)}
    page = write_pages("work.py:double", [result], spans, {result.target: 4}, tmp_path)
    html = page.read_text(encoding="utf-8")
    assert result.sentence in html
    assert html.count("<figure") == 4
    assert not re.findall(r'(?:src|href)="https?://[^"]*', html), "loads something from elsewhere"
    markdown = (tmp_path / "tune.md").read_text(encoding="utf-8")
    assert f"```python\n{result.code}```" in markdown
    for name in re.findall(r"\((figures/[^)]*)\)", markdown):
        assert (tmp_path / name).is_file()
    written = json.loads((tmp_path / "tune.json").read_text(encoding="utf-8"))
    assert written["targets"][0]["answer"] == result.sentence


def test_a_name_in_a_reason_is_escaped(tmp_path: Path) -> None:
    machine = Machine(job_s=compute, broken={Choice(executor="loky", workers=4): "<script>alert(1)</script>"})
    result = answer_of(machine)
    html = write_pages("work.py:double", [result], {}, {result.target: 4}, tmp_path).read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "was not recorded" in html
