"""Figures written by two processes are those that one writes."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from lab.report.drawing import theme
from lab.report.drawing.drawing import log_axis
from lab.report.drawing.save import save
from lab.report.drawing.writing import shared
from lab.tables.second_process import second_process


def figures(count: int) -> dict[str, Figure]:
    drawn = {}
    with mpl.rc_context(theme.RC):  # type: ignore[arg-type]  # the stubs list all names
        for number in range(1, count + 1):
            figure = Figure(figsize=(2, 2))
            panel = figure.add_axes((0.2, 0.2, 0.7, 0.7))
            panel.plot([1, 10, 1000 * number], [1, 2, number], clip_on=True)
            log_axis(panel, "x")
            drawn[f"figure_{number}"] = figure
    return drawn


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_two_processes_write_the_bytes_of_one(tmp_path: Path) -> None:
    alone, together = tmp_path / "alone", tmp_path / "together"
    alone.mkdir()
    together.mkdir()
    texts = {name: save(figure, alone, name) for name, figure in figures(4).items()}
    assert second_process().submit(os.getpid).result() != os.getpid()  # it is there before the figures are
    assert list(shared(figures(4).items(), together, second_process()).items()) == list(texts.items())
    assert contents(together) == contents(alone)
    assert len(contents(alone)) == 8


def test_a_folder_is_the_same_for_both_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert second_process().submit(os.getcwd).result() != str(tmp_path)  # it was started elsewhere
    monkeypatch.chdir(tmp_path)
    Path("drawn").mkdir()
    shared(figures(4).items(), Path("drawn"), second_process())
    assert len(contents(tmp_path / "drawn")) == 8


def test_a_second_process_that_was_killed_costs_no_figure(tmp_path: Path) -> None:
    other = second_process()
    other.submit(os._exit, 1).exception()
    assert set(shared(figures(2).items(), tmp_path, other)) == {"figure_1", "figure_2"}
    assert second_process() is not other
    assert len(contents(tmp_path)) == 4


def test_a_figure_that_travelled_looks_the_same(tmp_path: Path) -> None:
    (drawn,) = figures(1).values()
    assert save(pickle.loads(pickle.dumps(drawn)), tmp_path, "travelled") == save(drawn, tmp_path, "stayed")
