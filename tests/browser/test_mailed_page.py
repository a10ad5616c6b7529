"""A page that was mailed alone has no files beside it; its figures come out of it all the same."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlparse
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

pytestmark = pytest.mark.browser
FIGURE = "ipc_mechanisms"
HREF = "{http://www.w3.org/1999/xlink}href"
Fetch = Callable[[str], Path]


@pytest.fixture(params=["light", "dark"])
def fetched(browser: webdriver.Chrome, report: str, tmp_path: Path, request: pytest.FixtureRequest) -> Fetch:
    """What a click on a link of the figure brings, from the page alone, on a light and on a dark screen."""
    (tmp_path / "mail").mkdir()
    alone = shutil.copy(unquote(urlparse(report).path), tmp_path / "mail")
    kept = tmp_path / "kept"
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(kept)})
    media = {"features": [{"name": "prefers-color-scheme", "value": request.param}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    size = {"width": 1500, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(Path(alone).as_uri())

    def fetch(ending: str) -> Path:
        link = browser.find_element(By.CSS_SELECTOR, f"#figure-{FIGURE} a[href$='.{ending}']")
        browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
        link.click()
        path = kept / f"{FIGURE}.{ending}"
        WebDriverWait(browser, 20).until(lambda _: path.exists())
        return path

    return fetch


def beside(report: str, ending: str) -> Path:
    return Path(unquote(urlparse(report).path)).parent / "figures" / f"{FIGURE}.{ending}"


def shot(browser: webdriver.Chrome) -> Image.Image:
    return Image.open(io.BytesIO(browser.get_screenshot_as_png()))


def grey(picture: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Grey values, light 255, of the picture at this size."""
    return np.asarray(picture.convert("RGB").resize(size, Image.Resampling.LANCZOS).convert("L")).astype(float)


def assert_whole(path: Path) -> None:
    """The SVG has the letters that its text refers to, and no colour that a page would have to give."""
    text = path.read_text(encoding="utf-8")
    root = ET.fromstring(text)
    ids = {element.get("id") for element in root.iter()}
    used = {(use.get("href") or use.get(HREF) or "")[1:] for use in root.iter("{http://www.w3.org/2000/svg}use")}
    assert used, "its text refers to letters"
    assert used <= ids, "and has them with it"
    assert "var(" not in text


def test_the_svg_is_a_drawing_of_its_own(fetched: Fetch, report: str, browser: webdriver.Chrome) -> None:
    path = fetched("svg")
    assert_whole(path)
    seen = []
    for file in (path, beside(report, "svg")):
        browser.get(file.as_uri())
        seen.append(shot(browser))
    ours, theirs = (grey(picture, seen[0].size) for picture in seen)
    assert (theirs < 200).mean() > 0.005, "the figure itself is seen"
    assert np.abs(ours - theirs).mean() < 0.5


def test_the_png_is_the_picture_of_the_svg(fetched: Fetch, report: str, browser: webdriver.Chrome) -> None:
    with Image.open(beside(report, "png")) as file:
        least = file.width
    with Image.open(fetched("png")) as ours:
        assert ours.width > least, "not less sharp than the file beside a report"
        half = (ours.width // 2, ours.height // 2)  # two pixels of a PNG stand for one of the screen
        small = grey(ours, half)
    browser.get(beside(report, "svg").as_uri())
    theirs = grey(shot(browser).crop((0, 0, *half)), half)
    assert (theirs < 200).mean() > 0.01, "the figure itself is seen"
    assert np.abs(small - theirs).mean() < 1


def test_a_comparison_gives_its_figure_too(browser: webdriver.Chrome, comparison: str, tmp_path: Path) -> None:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.get(comparison)
    link = browser.find_element(By.CSS_SELECTOR, "figure a[href$='.svg']")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    path = tmp_path / "compare-forest-1.svg"
    WebDriverWait(browser, 20).until(lambda _: path.exists())
    assert_whole(path)
