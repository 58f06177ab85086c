"""A sweep in a real browser: asked for, followed, read, one candidate made a run."""

import re

import pytest
from playwright.sync_api import expect

from tests.sizes import looks

DRAWN_MS = 60_000
DONE_MS = 240_000
LOOKS = looks(("dark", "narrow"), ("light", "wide"))
QUESTION = {
    "name": "Where is the plateau?",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 100},
    "universe": ["SP500"],
    "start": "1999-01-04",
    "end": "2018-12-31",
}


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_from_the_form_to_a_run_of_its_own(watch, theme, width):
    lab = watch(theme, width)
    experiment = lab.api("/api/model-lab/experiments", QUESTION)
    page = lab.open(experiment["links"]["page"])
    page.get_by_role("link", name="Sweep", exact=True).click()

    plan = page.locator("#plan")
    expect(plan).to_contain_text("121 backtests")
    page.locator("#id_step_fast").fill("0")
    page.locator("#id_step_fast").press("Tab")
    expect(page.locator(".field-error").first).to_contain_text("steps of 0")
    page.locator("#id_step_fast").fill("5")
    page.locator("#id_step_fast").press("Tab")
    expect(plan).to_contain_text("55 backtests")
    expect(plan).to_contain_text("Best by luck, now and after it")
    page.locator("#id_name").fill(f"Around 20, {theme}")
    assert not lab.scrolls_sideways()
    page.get_by_role("button", name="Start the sweep").click()

    expect(page.locator("#sweep-map")).to_be_visible(timeout=DONE_MS)
    expect(page.locator("#sweep-summary .verdict")).to_contain_text("The best of 55")
    assert not lab.scrolls_sideways()
    page.locator("#map-metric").select_option("max_drawdown")
    expect(page.locator("#sweep-map h2")).to_contain_text("Max drawdown")
    page.evaluate("document.getElementById('chart-parallel').scrollIntoView()")
    drawn = page.locator("#chart-parallel .chart-view svg")
    expect(drawn).to_be_visible(timeout=DRAWN_MS)
    page.locator("#min_fast").fill("20")
    page.locator("#min_fast").press("Tab")
    expect(page.locator("#parallel-table")).to_contain_text("as a table")
    expect(drawn).to_be_visible(timeout=DRAWN_MS)
    assert not lab.scrolls_sideways()

    page.get_by_role("link", name="Candidates").first.click()
    page.locator("#where").fill("fast == 20, slow > 100")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#sweep-candidates .pager")).to_contain_text("out of 55")
    page.get_by_role("link", name="Luck", exact=True).click()
    page.get_by_role("button", name="Test the search").click()
    luck = page.locator("#overfitting")
    expect(luck.locator(".verdict")).to_contain_text("splits", timeout=DONE_MS)
    expect(luck.locator("figure .chart-view svg").first).to_be_visible(timeout=DRAWN_MS)
    assert not lab.scrolls_sideways()
    page.get_by_role("link", name="Summary").click()

    page.locator("#sweep-map td.is-pick a").click()
    expect(page).to_have_url(re.compile("/candidates/"))
    page.get_by_role("button", name="Make it a run").click()
    expect(page.locator("h1")).to_contain_text("SP500, sma_cross")
    expect(page.locator("#run-summary .verdict")).to_be_visible(timeout=DONE_MS)
