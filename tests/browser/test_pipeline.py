"""A newcomer's way in a real browser: from a plan in words to a model, or to a no."""

import re

from playwright.sync_api import expect

# A fresh lab imports what trains models when the first of them is trained.
COLD_MS = 120_000


def go(page, name):
    page.get_by_role("button", name=name).click()


def fill(page, values):
    for name, value in values.items():
        page.locator(f"#id_{name}").fill(value)
        page.locator(f"#id_{name}").press("Tab")


def test_planned_tried_stopped_explained_loosened_and_trained(watch):
    lab = watch()
    lab.page.context.add_cookies([{"name": "view", "value": "novice", "url": lab.url}])
    page = lab.open("/learn")
    page.get_by_role("link", name="Let the lab do it, within limits").click()
    expect(page.locator(".tour")).to_contain_text("of 8")
    expect(page.get_by_role("heading", level=1)).to_have_text(
        "Twenty markets of pure chance"
    )
    page = lab.open("/pipeline/new")
    plan = page.locator("#plan")
    expect(plan).to_contain_text("20 symbols")
    fill(page, {"cap": "3"})
    expect(plan).to_contain_text("3 symbols")
    assert not lab.scrolls_sideways()
    go(page, "Next: what to try")
    page.get_by_text("Wide", exact=True).click()
    expect(plan).to_contain_text("48 of 50 allowed")
    page.get_by_text("Careful", exact=True).click()
    expect(plan).to_contain_text("12 of 50 allowed")
    go(page, "Next: safety limits")
    fill(page, {"min_trades": "1000000", "min_sharpe": "-100", "min_dsr": ""})
    go(page, "Dry run")
    expect(page.locator(".verdict")).to_contain_text("try 12 configurations")
    go(page, "Run the pipeline")

    progress = page.locator("#pipeline-progress")
    expect(progress).to_contain_text("none met every safety limit", timeout=COLD_MS)
    board = page.get_by_role("region", name="Leaderboard, a table")
    expect(board.locator("tbody tr")).to_have_count(12)
    expect(board.locator("tbody tr").first).to_contain_text("needs 1,000,000")
    expect(page.locator("#pipeline-result")).to_contain_text("fewer than the 1,000,000")
    expect(page.get_by_role("link", name="Run again with changes")).to_be_visible()
    page.get_by_role("link", name=re.compile("^Loosen the safety limits")).click()

    expect(page.locator("#pipeline-form")).to_contain_text(
        "Loosened after the result was seen"
    )
    go(page, "Dry run")
    go(page, "Run the pipeline")
    expect(progress).to_contain_text("was trained as version", timeout=COLD_MS)
    expect(board.locator("tbody tr").first).to_contain_text("chosen")
    page.get_by_role("link", name="Look at how well it learnt").click()
    expect(page.locator("main")).to_contain_text("How much there is to learn from")

    page.go_back()
    page.get_by_role("link", name="Let the critic look at it").click()
    gate = page.locator("#model-gate")
    go(page, "Run the critic gate")
    publish = gate.get_by_role("button", name=re.compile("^Publish version"))
    expect(publish).to_be_visible(timeout=COLD_MS)
    for box in gate.locator("input[name=accepted]").all():
        box.check()
    publish.click()
    expect(gate.get_by_role("heading", level=2)).to_contain_text("is published")
    gate.get_by_role("link", name="Backtest it").click()
    expect(page.locator("#id_strategy")).to_have_value("trained_model")
    backtested(page)


def backtested(page):
    """Use the published version as the strategy of an experiment, on other bars."""
    page.locator("#id_provider").select_option("synthetic")
    expect(page.locator("#id_symbol_helptext")).to_contain_text("bars, ")
    page.locator("#id_timeframe").select_option("1h")
    asked = {"name": "Does the model hold?", "symbol": "SYN-trend-9"}
    why = {"cause": "It learnt on markets like it.", "effect": "It does as well here."}
    fill(page, asked | why | {"start": "2010-03-01", "end": "2010-04-18"})
    go(page, "Create the experiment")
    page.get_by_role("link", name="New run").first.click()
    go(page, "Run the backtest")
    page.wait_for_url(re.compile(r"/model-lab/runs/[0-9a-f-]{36}"))
    expect(page.locator("#run-head .status")).to_have_text("succeeded", timeout=COLD_MS)
    expect(page.locator(".verdict")).to_contain_text("In this sample")
