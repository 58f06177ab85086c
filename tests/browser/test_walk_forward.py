"""A walk-forward in a real browser: from a form that draws it to what is left."""

import re

from playwright.sync_api import expect

DRAWN_MS = 60_000
DONE_MS = 240_000
QUESTION = {
    "name": "Does it hold?",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 100},
    "universe": ["SP500"],
    "start": "1999-01-04",
    "end": "2018-12-31",
}


def test_from_the_form_to_what_is_left_out_of_sample(watch):
    lab = watch("dark", "narrow")
    experiment = lab.api("/api/model-lab/experiments", QUESTION)
    page = lab.open(experiment["links"]["page"])
    page.get_by_role("link", name="Walk forward").click()

    plan = page.locator("#plan")
    expect(plan).to_contain_text("20 windows of 121 candidates")
    page.locator("#id_train_bars").fill("9000")
    page.locator("#id_train_bars").press("Tab")
    expect(page.locator(".field-error").first).to_contain_text("One window takes 9,200")
    page.locator("#id_train_bars").fill("1000")
    page.locator("#id_test_bars").fill("500")
    page.locator("#id_purge_bars").fill("20")
    page.locator("#id_purge_bars").press("Tab")
    expect(plan).to_contain_text("8 windows of 121 candidates")
    expect(plan.locator("rect.walk-purge")).to_have_count(8)
    assert not lab.scrolls_sideways()
    page.get_by_role("button", name="Start the walk-forward").click()

    summary = page.locator("#walk-summary")
    expect(summary).to_be_visible(timeout=DONE_MS)
    expect(summary.locator(".verdict").first).to_contain_text(
        "Chosen anew in 8 windows"
    )
    for name in ("degradation", "chosen", "equity"):
        page.evaluate(f"document.getElementById('chart-{name}').scrollIntoView()")
        drawn = page.locator(f"#chart-{name} .chart-view svg")
        expect(drawn).to_be_visible(timeout=DRAWN_MS)
    assert not lab.scrolls_sideways()

    page.get_by_role("link", name="Windows", exact=True).first.click()
    expect(page.locator("#walk-windows tbody tr")).to_have_count(8)
    assert not lab.scrolls_sideways()
    page.get_by_role("link", name="Files").click()
    expect(page.get_by_text("windows.json").first).to_be_visible()
    page.get_by_role("link", name="Walk with changes").click()
    expect(page).to_have_url(re.compile("around="))
    expect(page.locator("#id_test_bars")).to_have_value("500")
