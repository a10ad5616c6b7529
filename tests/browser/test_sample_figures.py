"""The sample's figures are written in fewer bytes; a reader sees the same."""

from __future__ import annotations

import io
from pathlib import Path
from urllib.parse import unquote, urlparse

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver

from lab.report.drawing.save import compact

pytestmark = pytest.mark.browser


def seen(browser: webdriver.Chrome, path: Path) -> np.ndarray:
    """Grey values of the picture, light 255."""
    size = {"width": 1500, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(path.as_uri())
    return np.asarray(Image.open(io.BytesIO(browser.get_screenshot_as_png())).convert("L")).astype(float)


def test_a_compact_figure_looks_the_same(browser: webdriver.Chrome, report: str, tmp_path: Path) -> None:
    folder = Path(unquote(urlparse(report).path)).parent / "figures"
    for name in ("pool_scaling", "ipc_mechanisms"):
        whole = (folder / f"{name}.svg").read_text(encoding="utf-8")
        (tmp_path / f"{name}.svg").write_text(compact(whole), encoding="utf-8")
        before, after = seen(browser, folder / f"{name}.svg"), seen(browser, tmp_path / f"{name}.svg")
        assert (before < 200).mean() > 0.005, "the figure itself is seen"
        # Edges may be shaded otherwise by a hundredth of a point; nothing moves, and nothing is missing.
        assert np.abs(before - after).mean() < 0.5
        assert (np.abs(before - after) > 128).mean() < 0.0005
