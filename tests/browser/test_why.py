"""From a trade in a table to what decided it."""

from playwright.sync_api import expect


def test_a_trade_says_why(watch, demo):
    lab = watch("dark", "narrow")
    page = lab.open(f"{demo['SMA 20/50']['links']['page']}?tab=trades")

    page.get_by_role("link", name="Why").first.click()

    expect(page.locator(".verdict")).to_contain_text("rose above the 50-bar mean")
    expect(page.locator("#trade-why")).to_contain_text("What it did, and what it cost")
    assert not lab.scrolls_sideways()
    page.get_by_role("link", name="Next").click()
    expect(page.locator("h1")).to_contain_text("sold")
    expect(page.locator(".verdict")).to_contain_text("was no longer above")
    page.get_by_role("link", name="Fills").click()
    expect(page.get_by_role("link", name="Why").first).to_be_visible()
