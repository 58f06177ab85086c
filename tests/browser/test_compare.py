"""Comparing in a real browser: from one run to four side by side, in both themes."""

import json
import re
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from tests.sizes import looks

WINDOW = {
    "provider": "builtin",
    "symbol": "SP500",
    "start": "1999-01-04",
    "end": "2018-12-31",
}
FINISHED_S = 300
DRAWN_MS = 60_000
LOOKS = looks(("light", "wide"), ("dark", "narrow"))


@pytest.fixture(scope="module")
def runs(lab_url):
    """Return four finished runs of one rule, without a browser."""

    def ask(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{lab_url}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    queued = [ask("/api/backtest", rule(fast)) for fast in (10, 20, 30, 40)]
    deadline = time.monotonic() + FINISHED_S
    while time.monotonic() < deadline:
        found = [ask(run["links"]["self"]) for run in queued]
        if all(run["status"] == "succeeded" for run in found):
            return found
        time.sleep(0.1)
    raise AssertionError("the runs did not finish")


def rule(fast):
    params = {"fast": fast, "slow": 150}
    strategy = {"name": "sma_cross", "params": params}
    return WINDOW | {"strategy": strategy, "name": f"Beside {fast}"}


def chart_drawn(page):
    page.evaluate("document.getElementById('chart-compare').scrollIntoView()")
    figure = page.locator("#chart-compare")
    expect(figure.locator(".chart-view svg")).to_be_visible(timeout=DRAWN_MS)
    return figure


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_runs_are_found_and_set_side_by_side(watch, runs, theme, width):
    lab = watch(theme, width)
    page = lab.open(runs[0]["links"]["page"])
    page.get_by_role("link", name="Compare with…").click()

    for run in runs[1:]:
        page.locator("#compare-q").fill(run["name"])
        add = page.locator("#compare-add").get_by_role(
            "link", name=f"Add {run['name']}"
        )
        expect(page.locator("#compare-add tbody tr")).to_have_count(1)
        add.click()
        expect(page).to_have_url(re.compile(run["id"]))

    expect(page.locator("h1")).to_have_text("Compare 4 runs")
    expect(page).to_have_title("Compare 4 runs · QuantLab")
    expect(page.locator("#settings ins")).to_have_text(["20", "30", "40"])
    assert not lab.scrolls_sideways()

    figure = chart_drawn(page)
    expect(figure.locator(".chart")).to_have_attribute("aria-label", re.compile("of 5"))
    figure.get_by_role("link", name="Drawdown").click()
    expect(page.locator("#chart-compare h2")).to_have_text("Drawdown")
    figure = chart_drawn(page)
    figure.get_by_text("View as table").click()
    expect(figure.locator("tbody tr").first).to_contain_text("1999-01-04")
    assert not lab.scrolls_sideways()

    page.get_by_role("link", name="Make baseline").first.click()
    expect(page.locator("#settings")).to_contain_text("Baseline is B.")
    page.get_by_role("link", name="Remove Beside 40").click()
    expect(page.locator("h1")).to_have_text("Compare 3 runs")
