"""A person keeps order: name, star, tags, notes, deletion and back, a preset."""

import re

import pytest
from playwright.sync_api import expect

RUN_PAGE = re.compile(r"/model-lab/runs/[0-9a-f-]{36}$")
CONFIG = {
    "provider": "synthetic",
    "symbol": "SYN-gbm-9",
    "end": "2012-12-31",
    "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
}


@pytest.fixture
def run(watch):
    """A finished run that only this test knows, on a page."""
    lab = watch()
    run = lab.api("/api/backtest", CONFIG | {"force": True, "name": "Untidy"})
    page = lab.open(run["links"]["page"])
    done = page.locator('#run-head [data-status="succeeded"]')
    expect(done).to_be_visible(timeout=60_000)
    return lab, page, run


def open_menu(page, item):
    page.locator(".menu > summary").click()
    page.locator(".menu-list").get_by_text(item, exact=True).click()


def test_a_run_is_kept_in_order(run):
    lab, page, made = run
    star = page.get_by_role("button", name="Star ")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    assert RUN_PAGE.search(page.url)  # only the head was shown anew

    open_menu(page, "Name, tags and notes")
    dialog = page.get_by_role("dialog", name="Name, tags and notes")
    dialog.get_by_label("Name").fill("Tidy")
    dialog.get_by_label(re.compile("tags", re.IGNORECASE)).last.fill("keep, keep")
    dialog.get_by_label("Notes").fill("**Why**\n\n<script>alert(1)</script>")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Tidy")
    expect(page.locator("#run-head .prose strong")).to_have_text("Why")
    expect(page.locator("#run-head a.tag")).to_have_text(["keep"])

    open_menu(page, "Delete")
    toast = page.locator(".toast")
    expect(toast).to_contain_text("1 run deleted. Its trials stay counted.")
    toast.get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("Restored.")
    again = lab.api(f"/api/runs/{made['id']}")
    assert (again["name"], again["starred"], again["tags"]) == ("Tidy", True, ["keep"])


def test_a_preset_is_saved_and_run_with_changes(run):
    lab, page, made = run
    lab.expected = ("422",)  # Chromium notes the refusal that is asked for
    open_menu(page, "Save as preset")
    page.get_by_label("Name").fill("Of the browser")
    page.get_by_role("button", name="Save the preset").click()
    page.locator(".lead").get_by_role("link", name="Of the browser").click()

    page.get_by_text("Any other setting").click()
    page.get_by_label("As JSON").fill('{"execution.fil": "close"}')
    page.get_by_label("As JSON").press("Tab")
    expect(page.locator("#id_patch_error")).to_contain_text("Did you mean 'fill'?")
    page.get_by_label("As JSON").fill('{"execution.fill": "close"}')
    page.get_by_label("As JSON").press("Tab")
    expect(page.locator("#plan ins")).to_have_text("close")
    page.get_by_role("button", name="Run the backtest").click()

    page.wait_for_url(RUN_PAGE)
    started = lab.api(f"/api/runs/{page.url.rpartition('/')[2]}")
    assert started["id"] != made["id"]
    assert started["preset_ref"] == "Of the browser"
    assert started["config"]["execution"]["fill"] == "close"


def test_order_needs_no_script(browser, lab_url, run):
    _, _, made = run
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{lab_url}{made['links']['page']}")
    page.get_by_role("button", name="Star ").click()
    expect(page.get_by_role("button", name="Star ")).to_have_attribute(
        "aria-pressed", "true"
    )

    open_menu(page, "Name, tags and notes")
    page.get_by_label("Name").fill("Plain")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Plain")

    open_menu(page, "Delete")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    page.goto(f"{lab_url}{made['links']['page']}")
    expect(page.locator("h1")).to_have_text("Plain")
    context.close()
