"""The committed sample holds what its page shows, stays small, and is what README.md says."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from lab.errors import BadFiles, UsageError
from lab.report.readme import generated, sample
from lab.report.readme.sample import FIGURE, write_sample
from tests.manifests import manifest

CAPTURED = Path(__file__).parents[1] / "data" / "report-smoke"
SVG = """<?xml version="1.0"?>
<svg xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9" xmlns="http://www.w3.org/2000/svg">
 <metadata><x/></metadata>
 <defs>
  <style type="text/css">*{stroke-linejoin: round}</style>
 </defs>
 <g id="text_1">
  <!-- a & b -->
  <g style="fill: #333333" transform="translate(114.959095 27.058008) scale(0.085 -0.085)">
   <defs>
    <path id="DejaVuSans-15" d="M 1228 531
L 3431 531
z
" transform="scale(0.015625)"/>
   </defs>
   <use xlink:href="#DejaVuSans-15"/>
   <use xlink:href="#DejaVuSans-15" transform="translate(63.623047 0)"/>
  </g>
 </g>
</svg>
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a page of one figure."""
    folder = tmp_path / "run"
    shutil.copytree(CAPTURED, folder)
    (folder / "figures").mkdir()
    for name in ("shown", "other"):
        (folder / "figures" / f"{name}.svg").write_text(SVG, encoding="utf-8")
    (folder / "report.md").write_text("# T\n\n![one](figures/shown.svg)\n", encoding="utf-8")
    for name in sample.CSVS:
        (folder / name).touch()
    return folder


def test_the_sample_holds_every_figure_of_its_page_and_no_other(run: Path, tmp_path: Path) -> None:
    total = write_sample(run, tmp_path / "sample")
    files = [path for path in (tmp_path / "sample").rglob("*") if path.is_file()]
    assert [path.name for path in files if path.suffix == ".svg"] == ["shown.svg"]
    assert total == sum(path.stat().st_size for path in files)
    assert not (tmp_path / "sample" / "samples.csv").exists()


def test_a_sample_replaces_the_previous_one_and_keeps_foreign_files(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "sample"
    (folder / "figures").mkdir(parents=True)
    (folder / "selfcheck").mkdir()
    for name in ("figures/old.svg", "old.csv", "selfcheck/accuracy.csv"):
        (folder / name).write_text("x", encoding="utf-8")
    write_sample(run, folder)
    assert not (folder / "figures" / "old.svg").exists()
    assert not (folder / "old.csv").exists()
    assert (folder / "selfcheck" / "accuracy.csv").exists()


def test_a_sample_above_the_limit_is_refused_before_anything_is_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "MOST_BYTES", 1_000)
    with pytest.raises(UsageError, match="the limit is"):
        write_sample(run, tmp_path / "sample")
    assert not (tmp_path / "sample").exists()


def test_a_compact_figure_has_all_its_glyphs_in_their_positions_and_scales(run: Path, tmp_path: Path) -> None:
    write_sample(run, tmp_path / "sample")
    text = (tmp_path / "sample" / "figures" / "shown.svg").read_text(encoding="utf-8")
    ET.fromstring(text)
    assert '<path id="g15" d="M1228 531L3431 531z" transform="scale(0.015625)"/>' in text
    assert '<use href="#g15"/>\n<use href="#g15" x="63"/>' in text
    assert 'class="s0" transform="translate(114.95 27.05) scale(0.085 -0.085)"' in text
    assert ".s0{fill: #333333}</style>" in text
    assert len(text) < 0.8 * len(SVG)


def test_the_committed_sample_is_within_its_limit_and_has_the_figures_of_its_page() -> None:
    folder = generated.REPOSITORY / sample.SAMPLE
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) <= sample.MOST_BYTES
    shown = FIGURE.findall((folder / "report.md").read_text(encoding="utf-8"))
    assert shown
    assert all((folder / name).is_file() for name in shown)


def test_the_readme_quotes_the_first_answers_of_the_sample(tmp_path: Path) -> None:
    folder = tmp_path / sample.SAMPLE
    folder.mkdir(parents=True)
    answers = "\n".join(
        f"{number}. Says {number}. In brackets: 95 % intervals. ([figure](figures/a.svg))" for number in range(1, 9)
    )
    head = "# T\n\n- **Machine**: M\n- **Run**: R\n\n## Answers\n\n"
    (folder / "report.md").write_text(
        f"{head}{answers}\n\n## Claims\n\n1. not an answer\n\n![alt](figures/a.svg)\n", encoding="utf-8"
    )
    (folder / "manifest.json").write_text(manifest(command="python -m lab run --seed 7").encode(), encoding="utf-8")
    said = sample.answers(tmp_path)
    assert "- Says 5. ([figure](reports/sample/figures/a.svg))\n" in said
    assert "Says 6" not in said
    assert "not an answer" not in said
    assert "python -m lab run --seed 7\n" in said
    assert sample.figure(tmp_path) == "![alt](reports/sample/figures/a.svg)\n"


def test_without_a_sample_a_sentence_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BadFiles, match="nox -s sample -- RUN"):
        sample.figure(tmp_path)
