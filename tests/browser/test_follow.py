"""Following work: a log that grows by itself, a title that says how far, a stream."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import FINISHED_MS, LONG

LINES = "#log-lines > li[id^=L]"
STREAM = """jobId => new Promise(resolve => {
  const seen = [];
  const source = new EventSource(`/api/jobs/${jobId}/stream`);
  for (const type of ["phase", "progress", "result", "summary", "done"]) {
    source.addEventListener(type, event => seen.push([event.lastEventId, event.type]));
  }
  source.onerror = () => source.readyState === EventSource.CLOSED && resolve(seen);
})"""


@pytest.fixture
def start(watch, demo):
    """Start a run of some seconds; return the page that watches and the run."""

    def make():
        lab = watch()
        strategy = {"strategy": {"name": "macd"}, "force": True}
        return lab, lab.api("/api/backtest", LONG | strategy)

    return make


def shown(page):
    return page.locator(LINES).evaluate_all("lines => lines.map(line => line.id)")


def test_the_log_of_a_job_grows_until_it_ends(start):
    lab, run = start()
    page = lab.open(f"/jobs/{run['job_id']}")
    expect(page).to_have_title(re.compile(r"^(Queued|\d+%) · "))
    expect(page.locator("#log-lines")).to_contain_text("data_loading")
    expect(page.locator("#log-follow")).to_have_text("Stop following")

    expect(page.locator("#log-lines")).to_contain_text("job_end", timeout=FINISHED_MS)

    ids = shown(page)
    assert ids == [f"L{seq}" for seq in range(1, len(ids) + 1)]
    expect(page.locator("#log-follow")).to_have_count(0)
    expect(page).to_have_title(re.compile(r"^Succeeded · "))

    page.locator("#log-q").fill("simulation")
    page.get_by_role("button", name="Search the log").click()
    expect(page.locator(LINES)).to_have_count(1)
    assert "q=simulation" in page.url
    page.locator("#log-warnings").click()
    expect(page.get_by_text("No line matches.")).to_be_visible()
    assert "level=warning&q=simulation" in page.url


def test_the_log_tab_of_a_run_keeps_its_lines_when_the_result_comes(start):
    lab, run = start()
    page = lab.open(f"{run['links']['page']}?tab=logs")
    expect(page.locator("#job-progress")).to_be_visible()

    expect(page.locator("#log-lines")).to_contain_text("job_end", timeout=FINISHED_MS)
    expect(page.get_by_role("link", name="Charts")).to_be_visible()

    ids = shown(page)
    assert ids == [f"L{seq}" for seq in range(1, len(ids) + 1)]
    assert not lab.scrolls_sideways()
    page.locator(LINES).nth(2).get_by_role("link").click()
    page.wait_for_url(re.compile(r"tab=logs&line=3#L3$"))
    expect(page.locator("#L3:target")).to_be_visible()


def test_a_browser_hears_every_event_once_and_stays_away_after_the_end(start):
    lab, run = start()
    page = lab.open("/settings")

    seen = page.evaluate(STREAM, run["job_id"])

    assert [int(seq) for seq, _ in seen] == list(range(1, len(seen) + 1))
    assert [kind for _, kind in seen].count("done") == 1
    assert seen[-1][1] == "done"
    assert "phase" in {kind for _, kind in seen}
