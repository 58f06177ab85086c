"""What a form sends stands below it, follows what is typed, and does the same."""

import json

from playwright.sync_api import expect

QUESTION = {
    "name": "As a body",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 100},
    "universe": ["SP500"],
}


def test_the_body_of_a_form_follows_it_and_starts_the_same_run(watch):
    lab = watch()
    experiment = lab.api("/api/model-lab/experiments", QUESTION)
    page = lab.open(f"{experiment['links']['page']}/runs/new")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#calls > summary").press("Enter")
    body, told = page.locator("#body-form"), page.locator("#form-call-told")
    fast = page.locator("#id_param_fast")
    expect(body).to_contain_text('"fast": 20')
    fast.fill("")
    fast.press("Tab")
    expect(told).to_contain_text("A value is needed.")
    fast.fill("13")
    fast.press("Tab")
    expect(body).to_contain_text('"fast": 13')
    expect(told).not_to_contain_text("A value is needed.")
    page.locator("#copy-body").press("Enter")
    expect(page.locator("#copy-body")).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    run = lab.api(f"/api/model-lab/experiments/{experiment['id']}/run", copied)
    page.get_by_role("button", name="Run the backtest").click()
    page.wait_for_url(f"**/model-lab/runs/{run['id']}")
    assert run["config"]["strategy"]["params"]["fast"] == 13

    # A form that nobody judges meanwhile is asked for its body, while that is open.
    page = lab.open("/watchlists/new")
    asked = []
    page.on("request", lambda one: asked.append(one.url) if "body=1" in one.url else 0)
    page.locator("#id_name").fill("Mine")
    expect(body).not_to_contain_text("Mine")
    page.locator("#calls > summary").press("Enter")
    expect(body).to_contain_text('"name": "Mine"')
    page.locator("#id_symbols").fill("AAPL, MSFT")
    expect(body).to_contain_text('"MSFT"')
    expect(page.locator("#curl-form")).to_contain_text('["AAPL", "MSFT"]')
    assert 2 <= len(asked) <= 4
