"""The page as a reader has it: opened from a file in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

from lab.report.data import of_frames
from lab.report.pages import html
from lab.report.pages.content import Section, content
from lab.tables import csv_files, schema
from tests.manifests import manifest

pytestmark = pytest.mark.browser
CONTRAST = Path(__file__).with_name("contrast.js")
ROWS = 5_000
PAPER_PX, PAGE_PX = 718, 980  # A4 and Letter less the margins of a browser: the narrower width, the lower height
SMALLEST_POINTS = 8  # of notes, and of numbers in a heat map
PAINT = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def said(browser: webdriver.Chrome) -> list[Any]:
    """What the console has said since it was last asked."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]  # selenium leaves it untyped


def show(browser: webdriver.Chrome, address: str, width: int = 1024, scheme: str = "light") -> None:
    browser.get("about:blank")
    said(browser)
    size = {"width": width, "height": 1200, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get(address)


def run(browser: webdriver.Chrome, script: str) -> Any:
    return browser.execute_script(script)


def test_the_page_opens_without_a_word_on_the_console(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    assert said(browser) == []
    assert run(browser, "return performance.getEntriesByType('resource').length") == 0


@pytest.mark.parametrize("width", [390, 1024, 1600])
def test_nothing_is_wider_than_the_window(browser: webdriver.Chrome, report: str, width: int) -> None:
    show(browser, report, width)
    run(browser, "for (const fold of document.querySelectorAll('details')) fold.open = true")
    page, window = run(browser, "return [document.scrollingElement.scrollWidth, document.scrollingElement.clientWidth]")
    assert page <= window <= width


@pytest.mark.parametrize("width", [390, 1024, 1600])
def test_a_statement_of_a_claim_has_the_room_to_be_read(browser: webdriver.Chrome, report: str, width: int) -> None:
    show(browser, report, width)
    box = run(browser, "return document.querySelector('.claims tbody td:nth-child(2)').getBoundingClientRect()")
    assert box["width"] >= 230
    assert box["left"] + box["width"] <= width


def test_what_a_phone_hides_does_not_widen_the_page(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report, 390)
    run(
        browser,
        "for (const head of document.querySelectorAll('.claims th')) head.textContent = 'a verdict '.repeat(20)",
    )
    assert run(browser, "return document.scrollingElement.scrollWidth <= document.scrollingElement.clientWidth")


def test_a_figure_that_is_wider_than_the_screen_says_so(browser: webdriver.Chrome, report: str) -> None:
    for width, expected in ((390, True), (1024, False)):
        show(browser, report, width)
        assert browser.find_element(By.CSS_SELECTOR, "figure .sideways").is_displayed() is expected


@pytest.mark.parametrize("width", [390, 1024, 1600])
def test_letters_of_a_figure_have_eight_pixels(browser: webdriver.Chrome, report: str, width: int) -> None:
    show(browser, report, width)
    scale = run(
        browser,
        "return [...document.querySelectorAll('figure svg')].map((svg) => "
        "svg.getBoundingClientRect().width / svg.viewBox.baseVal.width)",
    )
    assert min(scale) * SMALLEST_POINTS >= 8


def test_a_claim_leads_to_what_each_target_says_of_it(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    name = run(browser, "return document.querySelector('.claims tbody a').textContent")
    assert not run(browser, f"return document.getElementById('claim-{name}').open")
    browser.find_element(By.CSS_SELECTOR, ".claims tbody a").click()
    # The page hears of the new address a moment after the click.
    WebDriverWait(browser, 10).until(lambda page: run(page, f"return document.getElementById('claim-{name}').open"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_the_contrast_that_wcag_asks_for(browser: webdriver.Chrome, report: str, scheme: str) -> None:
    show(browser, report, scheme=scheme)
    seen, found = run(browser, CONTRAST.read_text(encoding="utf-8"))
    assert seen > 500
    assert found == []


def test_every_figure_can_be_heard(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    texts = run(
        browser,
        "return [...document.querySelectorAll('figure')].map((figure) => "
        "figure.querySelector('[role=img]').getAttribute('aria-label'))",
    )
    assert len(texts) >= 7
    assert all(text and len(text) > 30 for text in texts)


def visible(browser: webdriver.Chrome, column: str) -> list[str]:
    """The texts of one column of all tables, of the rows that the filters leave."""
    script = """
        return [...document.querySelectorAll("#summary table")].flatMap((table) => {
          const at = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent === arguments[0]);
          return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[at].textContent.trim());
        });"""
    return list(browser.execute_script(script, column))


def test_filters_leave_what_was_chosen(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    everything = visible(browser, "target")
    target = Select(browser.find_element(By.ID, "filter-target"))
    name = target.options[1].text
    target.select_by_visible_text(name)
    assert set(visible(browser, "target")) == {name}
    assert 0 < len(visible(browser, "target")) < len(everything)
    Select(browser.find_element(By.ID, "filter-scenario")).select_by_visible_text("ipc.round_trip")
    folds = browser.find_elements(By.CSS_SELECTOR, "#summary details")
    assert [fold.find_element(By.TAG_NAME, "summary").text.split()[0] for fold in folds if fold.is_displayed()] == [
        "ipc.round_trip"
    ]
    assert "rows" in browser.find_element(By.ID, "filter-count").text
    browser.find_element(By.CSS_SELECTOR, "#filters button").click()
    run(browser, "return new Promise((done) => setTimeout(done, 50))")
    assert visible(browser, "target") == everything


def test_a_table_sorts_by_value_and_by_the_keyboard(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    run(browser, "for (const fold of document.querySelectorAll('#summary details')) fold.open = true")
    table = browser.find_element(By.CSS_SELECTOR, "#summary table")
    head = next(cell for cell in table.find_elements(By.TAG_NAME, "th") if cell.text.startswith("estimate"))
    at = table.find_elements(By.TAG_NAME, "th").index(head)

    def values() -> list[float]:
        script = "return [...arguments[0].tBodies[0].rows].map((row) => Number(row.cells[arguments[1]].dataset.order))"
        return list(browser.execute_script(script, table, at))

    unsorted = values()
    head.find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    assert head.get_attribute("aria-sort") == "ascending"
    assert values() == sorted(unsorted) != unsorted
    head.find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    assert head.get_attribute("aria-sort") == "descending"
    assert values() == sorted(unsorted, reverse=True)


def test_a_link_to_a_row_opens_the_table_that_holds_it(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report)
    anchor = run(browser, "return document.querySelector('#summary details:last-of-type tbody tr:last-child').id")
    show(browser, f"{report}#{anchor}")
    row = browser.find_element(By.ID, anchor)
    assert row.is_displayed()
    assert run(browser, f"return document.getElementById('{anchor}').getBoundingClientRect().top") < 1200


def test_all_rows_are_there_without_a_script(browser: webdriver.Chrome, report: str) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        show(browser, report)
        fold = browser.find_element(By.CSS_SELECTOR, "#summary details")
        assert not fold.find_element(By.TAG_NAME, "td").is_displayed()
        fold.find_element(By.TAG_NAME, "summary").click()
        assert fold.find_element(By.TAG_NAME, "td").is_displayed()
        assert not browser.find_element(By.ID, "filters").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def large(rows: int) -> pd.DataFrame:
    """A summary of so many rows."""
    common = {"family": "ipc", "unit": "ns", "metric": "wall_time", "n": 15, "rounds": 5, "status": "ok", "run_id": "r"}
    lines = [
        {
            **common,
            "target": f"py313-linux-c{number % 8}",
            "scenario": f"ipc.scenario_{number % 25}",
            "case": f"pipe-{number}",
            "operation": "round_trip",
            "estimate": 1e4 + number,
            "ci_low": 9e3 + number,
            "ci_high": 11e3 + number,
            "stable": "stable",
        }
        for number in range(rows)
    ]
    return csv_files.conform(pd.DataFrame(lines), schema.SUMMARY)


def test_a_page_of_many_rows_can_be_used(browser: webdriver.Chrome, tmp_path: Path) -> None:
    data = of_frames(manifest(finished="yes"), summary=large(ROWS))
    page = tmp_path / "index.html"
    page.write_text(html.render(content(data, [], [Section(title="None", pictures=[])])), encoding="utf-8")
    show(browser, page.as_uri())
    print(f"first paint with {ROWS} rows after {run(browser, PAINT)} ms")
    assert len(visible(browser, "target")) == ROWS
    Select(browser.find_element(By.ID, "filter-target")).select_by_visible_text("py313-linux-c3")
    assert len(visible(browser, "target")) == ROWS / 8


def test_the_title_of_a_figure_wraps_on_a_phone(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report, 390)
    figures = run(
        browser,
        "return [...document.querySelectorAll('figure')].map((figure) => { const head = figure.querySelector('h3'), "
        "box = head.getBoundingClientRect(), whole = box.left >= 0 && box.right <= 390; "
        "return [head.textContent, whole && head.scrollWidth <= head.clientWidth, "
        "figure.querySelector('svg').viewBox.baseVal.y] })",
    )
    assert figures
    assert all(title.strip() and whole for title, whole, _ in figures)
    assert all(top > 0 for *_, top in figures), "the drawn title is out of sight: it would stand there twice"


def test_paper_gets_what_is_unfolded_and_no_figure_larger_than_a_page(browser: webdriver.Chrome, report: str) -> None:
    show(browser, report, PAPER_PX)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        tall = "return [...document.querySelectorAll('figure')].map((figure) => figure.getBoundingClientRect().height)"
        assert max(run(browser, tall)) < PAGE_PX
        assert run(browser, "return document.scrollingElement.scrollWidth") <= PAPER_PX, "it would be printed smaller"
        assert not browser.find_element(By.CSS_SELECTOR, "nav").is_displayed()
        assert not browser.find_element(By.CSS_SELECTOR, "#summary details").is_displayed()
        run(browser, "document.querySelector('#summary details').open = true")
        assert browser.find_element(By.CSS_SELECTOR, "#summary details td").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_comparison_sorts_and_gives_its_figures(browser: webdriver.Chrome, comparison: str) -> None:
    show(browser, comparison)
    assert said(browser) == []
    ratios = "return [...document.querySelectorAll('#rows td[data-order]')].map((cell) => cell.dataset.order)"
    before = run(browser, ratios)
    head = next(cell for cell in browser.find_elements(By.CSS_SELECTOR, "#rows th") if cell.text.startswith("ratio"))
    head.find_element(By.TAG_NAME, "button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert run(browser, ratios) != before
    assert browser.find_elements(By.CSS_SELECTOR, "figure a[data-figure]")
