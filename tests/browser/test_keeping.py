"""A person makes room: what would go, that it went, and what is left of it."""

import re
from uuid import uuid4

from playwright.sync_api import expect

CONFIG = {
    "provider": "synthetic",
    "symbol": "SYN-gbm-9",
    "end": "2012-12-31",
    "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
}


def test_files_of_a_deleted_run_make_room(watch):
    """Of the trash alone: nothing that other tests look at is there."""
    lab = watch()
    name = f"Doomed {uuid4().hex[:6]}"
    made = lab.api("/api/backtest", CONFIG | {"force": True, "name": name})
    page = lab.open(f"{made['links']['page']}?tab=config")  # which loads no charts
    done = page.locator('#run-head [data-status="succeeded"]')
    expect(done).to_be_visible(timeout=60_000)
    page.locator(".menu > summary").click()
    page.locator(".menu-list").get_by_text("Delete", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("deleted")

    lab.open("/system")
    expect(page.locator("#caches-title")).to_be_visible()  # it loaded itself
    page.get_by_role("link", name="Make room").click()
    page.get_by_label("Days that files in the trash are kept").fill("0")
    page.keyboard.press("Enter")
    plan = page.locator("[data-plan]")
    expect(plan).to_contain_text("runs with files")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    page.get_by_role("button", name=re.compile("Remove the files of")).click()
    expect(page).to_have_url(re.compile(r"/jobs/job_"))
    expect(page.locator('[data-status="succeeded"]').first).to_be_visible(
        timeout=60_000
    )

    lab.open("/model-lab/trash")
    row = page.get_by_role("row").filter(has_text=name)
    row.get_by_role("button", name="Restore").click()
    lab.open(made["links"]["page"])
    expect(page.locator("#run-result")).to_contain_text("were removed on")
    expect(page.locator("#run-result")).to_contain_text("What it came to")
    lab.open("/system/retention")
    expect(page.get_by_role("region", name="Removals, a table")).to_be_visible()
