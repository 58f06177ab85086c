"""A run that is made again in a real browser: asked for, followed, sealed."""

from playwright.sync_api import expect

DONE_MS = 240_000
QUESTION = {
    "name": "Is it the same twice?",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 100},
    "universe": ["SP500"],
    "start": "2015-01-02",
    "end": "2018-12-31",
}


def test_from_the_seal_to_the_same_bytes(watch):
    lab = watch("dark", "narrow")
    experiment = lab.api("/api/model-lab/experiments", QUESTION)
    run = lab.api(f"/api/model-lab/experiments/{experiment['id']}/run", {})
    page = lab.open(run["links"]["page"])
    seal = page.locator(".seal > div").first
    expect(seal).to_contain_text("Not tested yet.", timeout=DONE_MS)
    seal.get_by_role("link", name="Make it again").click()
    expect(page.locator(".provenance > li")).to_have_count(5)
    assert not lab.scrolls_sideways()

    page.get_by_role("button", name="Reproduce it").click()

    note = page.locator("[data-proof]")
    expect(note).to_contain_text("every byte is the same", timeout=DONE_MS)
    expect(page.get_by_role("button", name="Reproduce again")).to_be_visible()
    page.get_by_text("File by file").click()
    files = page.get_by_role("region", name="File by file, a table")
    expect(files.locator("tbody .chip-pass")).to_have_count(8)
    assert not lab.scrolls_sideways()
    page.get_by_role("link", name="Summary", exact=True).click()
    expect(page.locator(".seal > div[data-state=pass]").first).to_contain_text(
        "every byte the same"
    )
