"""The whole walk of somebody who keeps a notebook: two runs, and all that follows."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_organise import CONFIG, RUN_PAGE, open_menu
from tests.sizes import looks

FINISHED_MS = 240_000


@pytest.mark.parametrize(("theme", "slow"), looks(("dark", 60), ("light", 61)))
def test_two_runs_become_a_page_of_the_notebook(watch, theme, slow):
    lab = watch(theme)
    runs = [
        lab.api(
            "/api/backtest",
            CONFIG
            | {"name": f"Notebook {theme} {fast}", "force": True}
            | {"strategy": {"name": "sma_cross", "params": {"fast": fast}}},
        )
        for fast in (4, 9)
    ]
    for run in runs:
        page = lab.open(run["links"]["page"])
        done = page.locator('#run-head [data-status="succeeded"]')
        expect(done).to_be_visible(timeout=FINISHED_MS)

    # Select the two and set them side by side.
    page = lab.open(f"/backtesting?q=Notebook+{theme}")
    for run in runs:
        page.locator(f"#pick-{run['id']}").check()
    bar = page.locator("#run-selection")
    bar.get_by_role("link", name="Compare 2").click()
    expect(page.locator("h1")).to_contain_text("2 runs")
    expect(page.locator("main")).to_contain_text("1 of 23 settings")

    # Keep the better one in order.
    page.get_by_role("link", name=f"Notebook {theme} 9").first.click()
    page.wait_for_url(RUN_PAGE)
    star = page.get_by_role("button", name="Star ")
    star.click()
    expect(star).to_have_attribute("aria-pressed", "true")
    open_menu(page, "Name, tags and notes")
    dialog = page.get_by_role("dialog", name="Name, tags and notes")
    dialog.get_by_label(re.compile("tags", re.IGNORECASE)).last.fill(f"told-{theme}")
    dialog.get_by_label("Notes").fill("It **falls less** far.")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#run-head .prose strong")).to_have_text("falls less")

    # Delete it, and think better of it.
    open_menu(page, "Delete")
    page.locator(".toast").get_by_role("button", name="Undo").click()
    expect(page.locator(".toast")).to_contain_text("Restored.")
    page = lab.open(f"/backtesting?tag=told-{theme}")
    expect(page.locator("#run-list tbody tr")).to_have_count(1)

    # Save its settings, and run them again with one change.
    page = lab.open(runs[1]["links"]["page"])
    open_menu(page, "Save as preset")
    page.get_by_label("Name").fill(f"Notebook {theme}")
    page.get_by_role("button", name="Save the preset").click()
    page.locator(".lead").get_by_role("link", name=f"Notebook {theme}").click()
    page.locator("#id_param_slow").fill(f"{slow}")
    page.locator("#id_param_slow").press("Tab")
    expect(page.locator("#plan ins").first).to_contain_text(f"{slow}")
    page.get_by_role("button", name="Run the backtest").click()
    page.wait_for_url(RUN_PAGE)
    done = page.locator('#run-head [data-status="succeeded"]')
    expect(done).to_be_visible(timeout=FINISHED_MS)
    made = lab.api(f"/api/runs/{page.url.rpartition('/')[2]}")
    assert made["config"]["strategy"]["params"]["slow"] == slow
    assert made["preset_ref"] == f"Notebook {theme}"
