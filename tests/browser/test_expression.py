"""Somebody writes an expression, is corrected, runs it, and looks into the catalog."""

import re

from playwright.sync_api import expect

COLD_MS = 240_000


def test_an_expression_from_an_error_to_a_result(watch):
    lab = watch()
    page = lab.open("/backtest")
    editor, keys = page.locator("#id_expr"), page.keyboard
    page.locator("#id_universe").fill("SYN-gbm-1, SYN-gbm-2")
    page.locator("#id_provider").select_option("synthetic")
    expect(page.locator("#id_universe")).to_have_value(re.compile("SYN-"))
    editor.click()
    keys.type("neg(rank(mean(retur, 5)))")
    error = page.locator(".expr-error")
    expect(error).to_contain_text("There is no value named 'retur'")
    expect(editor).to_have_attribute("aria-invalid", "true")
    error.get_by_role("button", name="Change it").click()
    expect(editor).to_have_value("neg(rank(mean(returns, 5)))")
    facts = page.locator("#expression-facts")
    expect(facts).to_contain_text("looks back 5 bars")
    expect(error).to_have_count(0)

    editor.press("Control+End")
    keys.type(" + 0.5 * cs_cou")
    options = page.locator("#expression-complete [role=option]")
    expect(options.first).to_contain_text("cs_count(x)")
    keys.press("ArrowDown")
    expect(options.first).to_have_attribute("aria-selected", "true")
    keys.press("Enter")
    keys.type("close) / 2")
    written = "neg(rank(mean(returns, 5))) + 0.5 * cs_count(close) / 2"
    expect(editor).to_have_value(written)
    expect(facts).to_contain_text("close, returns")
    expect(page.locator("#plan")).to_contain_text("One backtest")

    editor.press("Control+Enter")
    result = page.locator("#expression-result")
    # A fresh lab compiles what expressions need when the first of them is run.
    expect(result).to_contain_text("Is it luck?", timeout=COLD_MS)
    expect(result).to_contain_text("No look-ahead")
    expect(page).to_have_url(re.compile(r"/backtest\?run="))
    page.get_by_text("Save as strategy").click()
    page.get_by_label("Name", exact=True).fill("Typed and kept")
    page.get_by_role("button", name="Save it").click()
    expect(page.locator("#expression-saved")).to_contain_text("“Typed and kept”")
    expect(editor).to_have_value(written)

    page.locator(".page-head").get_by_role("link", name="Catalog").click()
    search = page.get_by_role("searchbox", name="Search in the catalog")
    search.fill("amihud")
    search.press("Enter")
    page.get_by_role("link", name="illiquidity", exact=True).click()
    page.get_by_role("button", name=re.compile("^Compute")).click()
    expect(page.locator("[data-chart=values] svg")).to_be_visible(timeout=COLD_MS)
    page.get_by_role("link", name="Open in the editor").click()
    expect(editor).to_have_value(re.compile("abs"))
    expect(facts).to_contain_text("price^-1·volume^-1")
    assert not lab.scrolls_sideways()
