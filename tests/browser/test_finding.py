"""A person looks for something: everywhere, in a list, again, and in all at once."""

import re

from playwright.sync_api import expect

CONFIG = {
    "provider": "synthetic",
    "symbol": "SYN-gbm-3",
    "end": "2012-12-31",
    "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
}


def test_what_was_made_is_found_again(watch):
    lab = watch()
    run = lab.api("/api/backtest", CONFIG | {"force": True, "name": "Lost"})
    page = lab.open(run["links"]["page"])
    expect(page.locator('#run-head [data-status="succeeded"]')).to_be_visible()

    page.keyboard.press("/")
    page.keyboard.type("deflated sharpe")
    menu = page.locator("#find-menu")
    hit = menu.get_by_role("link", name=re.compile("^Deflated Sharpe ratio"))
    expect(hit.first).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()

    lab.expected = ("422",)  # the browser says so of a page that was refused
    page = lab.open("/backtesting?q=sharp+%3E+-9")
    expect(page.locator("#query-fault")).to_contain_text("Did you mean 'sharpe'?")
    page.keyboard.press("f")
    search = page.locator(".main").get_by_role("searchbox", name="Search runs")
    expect(search).to_be_focused()
    search.fill("sharpe > -9 and name:Lost")
    page.keyboard.press("Enter")
    expect(page.locator("#run-list .lead").first).to_be_visible()
    page.get_by_text("Save this view").click()
    page.get_by_label("Name of the view").fill("Whatever ran")
    page.get_by_role("button", name="Save the view").click()
    view = page.get_by_role("navigation", name="Saved views")
    kept = view.get_by_role("link", name="Whatever ran")
    expect(kept).to_have_attribute("aria-current", "page")
    view.get_by_role("link", name="All views").click()
    page.get_by_role("button", name="Delete Whatever ran").click()
    expect(page.locator(".toast")).to_contain_text("deleted")

    page = lab.open("/statistics")
    expect(page.locator("#lab-distribution .chart svg")).to_be_visible()
    page.get_by_label("Distribution of").select_option("calmar")
    expect(page.locator("#lab-calmar .chart svg")).to_be_visible()
    page.evaluate("document.getElementById('lab-profit').scrollIntoView()")
    expect(page.locator("#lab-profit .chart svg")).to_be_visible()
    page.get_by_label("By", exact=True).select_option("weekday")
    expect(
        page.locator('#lab-profit [aria-label^="Profit of a run by weekday"]')
    ).to_be_visible()
