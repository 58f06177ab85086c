"""A search for expressions in a real browser: called off once, once to its end."""

import re

from playwright.sync_api import expect

# A fresh lab compiles what expressions need when the first of them is run.
COLD_MS = 240_000
MADE_UP = {
    "provider": "synthetic",
    "universe": ", ".join(f"SYN-trend-{seed}" for seed in range(1, 5)),
    "end": "2013-12-31",
}


def fill(page, values):
    for name, value in values.items():
        page.locator(f"#id_{name}").fill(value)
        page.locator(f"#id_{name}").press("Tab")


def promoted(page, kept, place):
    """Make a strategy of one that the search kept; return the page of its run."""
    page.goto(kept)
    page.get_by_role("button", name="Keep as a strategy").nth(place).click()
    page.get_by_role("button", name="Save as strategy").click(timeout=COLD_MS)
    page.wait_for_url(re.compile(r"/strategies/[0-9a-f]{64}$"))
    return page.get_by_role("link", name="Open run").get_attribute("href")


def test_launched_called_off_launched_again_kept_and_compared(watch):
    lab = watch()
    page = lab.open("/strategies")
    page.get_by_role("link", name="Search for expressions").click()
    asked = "&".join(f"{name}={value}" for name, value in MADE_UP.items())
    page.goto(f"{lab.url}/strategies/search?{asked}")
    plan = page.locator("#plan")
    fill(page, {"n": "20000"})
    expect(page.locator("#id_n_error")).to_be_visible()
    fill(page, {"n": "9000"})
    expect(plan).to_contain_text("9,000 expressions")
    expect(plan.locator(".walk-sealed").first).to_be_attached()
    assert not lab.scrolls_sideways()
    page.get_by_role("button", name="Start the search").click()

    live = page.locator("#generate-live")
    expect(live.locator(".race-best")).to_be_attached(timeout=COLD_MS)
    expect(live).to_contain_text("Best expressions so far")
    expect(live.locator(".race-bars")).to_be_attached()
    page.get_by_role("link", name="Cancel the run").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run-head .status")).to_have_text("cancelled", timeout=COLD_MS)
    expect(page.locator(".verdict")).to_contain_text("called off", timeout=COLD_MS)

    page.get_by_role("link", name="Search with changes").click()
    fill(page, {"n": "60", "seed": "1"})
    page.get_by_text("How complex it may be").click()
    fill(page, {"lookback_bars": "20"})
    page.get_by_text("From values to weights").click()
    page.locator("#id_neutralize").select_option("none")
    expect(plan).to_contain_text("60 expressions")
    page.get_by_role("button", name="Start the search").click()
    found = page.locator("#generate-summary")
    expect(found.locator(".verdict")).to_contain_text("kept", timeout=COLD_MS)
    expect(page.locator("#chart-noise .chart-view svg")).to_be_visible()
    page.get_by_role("link", name="Kept", exact=True).click()
    kept = page.url
    first = promoted(page, kept, 0)
    promoted(page, kept, 1)
    page.get_by_role("link", name="Open run").click()
    page.get_by_role("link", name="Compare with").click()
    row = page.locator("#compare-add tr").filter(has=page.locator(f"a[href='{first}']"))
    row.get_by_role("link", name="Add").click()
    expect(page.locator("h1")).to_have_text("Compare 2 runs")
    assert not lab.scrolls_sideways()
