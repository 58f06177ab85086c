"""Somebody keeps what a run showed: saved, judged, deleted, brought back."""

import re

from playwright.sync_api import expect

from tests.browser.test_every_page import HIGH, judged

COLD_MS = 240_000
ASKED = {
    "expr": "rank(-delta(close, 3)) - 0.5",
    "provider": "synthetic",
    "universe": [f"SYN-gbm-{seed}" for seed in range(1, 7)],
    "start": "2012-01-02",
    "end": "2013-12-31",
}


def test_a_run_is_kept_as_a_strategy_and_thrown_away(watch):
    lab = watch()
    run = lab.api("/api/backtest", ASKED)
    page = lab.open(f"/model-lab/runs/{run['run_id']}")
    # A fresh lab compiles what expressions need when the first of them is run.
    save = page.get_by_role("button", name="Save as strategy")
    expect(save).to_be_visible(timeout=COLD_MS)
    save.click()
    page.wait_for_url(re.compile(r"/strategies/[0-9a-f]{64}$"))
    address = page.url

    sheet = page.locator("#strategy-sheet")
    page.set_viewport_size({"width": 1280, "height": HIGH})
    expect(sheet.locator("[data-chart=decay] svg")).to_be_visible(timeout=COLD_MS)
    expect(sheet).to_contain_text("The 3 most traded of 6 symbols")
    checks = page.locator("#strategy-checks")
    expect(checks.get_by_role("listitem")).to_have_count(10)
    expect(checks).not_to_contain_text("pending")
    expect(page.locator("#chart-equity svg").first).to_be_visible()
    assert not lab.scrolls_sideways()
    assert judged(page, set()) == []

    page.goto(address)
    page.locator(".page-head summary").click()
    page.get_by_role("button", name="Delete").click()
    row = page.locator(f"a[href='/strategies/{address[-64:]}']")
    expect(page.locator(".toast")).to_contain_text("Its run and its trials stay")
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
    assert not lab.scrolls_sideways()
