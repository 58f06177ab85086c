"""A validation in a real browser: ticked, started, followed, read."""

from playwright.sync_api import expect

DRAWN_MS = 60_000
DONE_MS = 240_000
DRAWS = 50
DRAWN = ("permutation", "block_bootstrap", "monte_carlo", "cost_stress")
QUESTION = {
    "name": "Was it luck?",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 100},
    "universe": ["SP500"],
    "start": "2009-01-02",
    "end": "2018-12-31",
}


def test_from_the_form_to_what_chance_does_as_well(watch):
    lab = watch("dark", "narrow")
    experiment = lab.api("/api/model-lab/experiments", QUESTION)
    run = lab.api(f"/api/model-lab/experiments/{experiment['id']}/run", {})
    page = lab.open(run["links"]["page"])
    expect(page.locator("#run-summary .verdict")).to_be_visible(timeout=DONE_MS)
    expect(page.get_by_text("none was run yet")).to_be_visible()
    page.get_by_role("link", name="Validation", exact=True).click()

    plan = page.locator("#plan")
    expect(plan).to_contain_text("4,000")
    page.locator("#id_use_random_entries").uncheck()
    # One change at a time: an answer replaces the form with what was sent.
    expect(plan).to_contain_text("3,000")
    drawn_then = ("2,050", "1,100", "150")
    for name, draws in zip(DRAWN, drawn_then, strict=False):
        page.locator(f"#id_{name}_n").fill(str(DRAWS))
        page.locator(f"#id_{name}_n").press("Tab")
        expect(plan).to_contain_text(draws)
    page.locator("#id_cost_stress_bps").fill("dear")
    page.locator("#id_cost_stress_bps").press("Tab")
    expect(page.locator("#id_cost_stress_bps_error")).to_be_visible()
    page.locator("#id_cost_stress_bps").fill("0, 10, 50")
    page.locator("#id_cost_stress_bps").press("Tab")
    expect(plan).to_contain_text("150")
    assert not lab.scrolls_sideways()
    page.get_by_role("button", name="Validate", exact=True).click()

    tab = page.locator("#run-validation")
    expect(tab.locator("#test-permutation")).to_contain_text(
        f"Of {DRAWS} other timings", timeout=DONE_MS
    )
    for name in DRAWN:
        page.evaluate(f"document.getElementById('test-{name}').scrollIntoView()")
        drawn = page.locator(f"#test-{name} .chart-view svg")
        expect(drawn).to_be_visible(timeout=DRAWN_MS)
        expect(page.locator(f"#test-{name} .legend")).to_contain_text("this run")
    expect(tab.locator("#test-wfo tbody tr").first).to_be_visible()
    assert not lab.scrolls_sideways()
    with page.expect_download() as download:
        page.locator("#test-permutation").get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == f"{run['id']}-permutation.csv"

    page.get_by_role("link", name="Summary", exact=True).click()
    expect(page.locator("#run-summary")).to_contain_text("permutation, block bootstrap")
    page.get_by_role("link", name="What they say").click()
    expect(page.locator("#test-permutation .chart-view svg")).to_be_visible()

    page.get_by_role("link", name="Critic", exact=True).click()
    critic = page.locator("#run-critic")
    expect(critic.locator(".findings li").first).to_be_visible(timeout=DRAWN_MS)
    critic.locator("summary").first.click()
    expect(critic.locator(".checks li").first).to_be_visible()
    assert not lab.scrolls_sideways()
    with page.expect_download() as download:
        critic.get_by_role("link", name="JSON").click()
    assert download.value.suggested_filename == f"critic-{run['id'][:8]}.json"
    page.get_by_role("link", name="Summary", exact=True).click()
    expect(page.locator("#run-worst .findings li")).to_have_count(3)
