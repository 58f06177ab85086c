"""Every page of the site: as axe-core judges it, in both themes, wide and narrow.

One walk: a page is opened once, in one of the looks in turn, and asked everything that
every page has to keep. `make torture` opens each in every look.
"""

import json
import urllib.error
import urllib.request
from importlib.resources import files
from itertools import cycle, product

import pytest
from playwright.sync_api import TimeoutError

from tests.addresses import addresses, of_search
from tests.sizes import IS_TORTURE

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
# What Swagger draws inside our page is not ours to judge.
JUDGE = """part => axe.run(
  {include: [part], exclude: ['#swagger-ui']}, {resultTypes: ['violations']}
).then(answer => answer.violations.map(v => [v.id, v.help, ...v.nodes.slice(0, 3).map(
    node => node.html.slice(0, 300))].join(' | ')))"""
OPEN_ALL = "document.querySelectorAll('details').forEach(fold => { fold.open = true })"
NAMELESS_CHARTS = """[...document.querySelectorAll('[data-chart]')].filter(
  chart => chart.getAttribute('role') !== 'img' || !chart.getAttribute('aria-label')
    || !chart.closest('.figure')?.querySelector('table'))
  .map(chart => `no name or no table: ${chart.dataset.chart}`)"""
# Where the address says which part of a page is meant.
NOT_OURS = ("/api/", "/admin/")  # no pages, and Django's
TABS = ("charts", "trades", "critic", "config", "files", "reproduce", "logs", "api")
SHOW_DIALOGS = """[...document.querySelectorAll('dialog[id]')].map(dialog => {
  const words = dialog.outerHTML; dialog.show(); return [dialog.id, words] })"""
IS_STILL = """() => ![...document.querySelectorAll('[aria-busy=true], .htmx-request')]
    .some(region => region.checkVisibility())
  && [...document.querySelectorAll('[data-chart]')].every(
    chart => chart.querySelector('.chart-view svg, .chart-view.hint'))"""
BUSY = """[...document.querySelectorAll(
  '[aria-busy=true], .htmx-request, [data-chart]:not(:has(.chart-view svg, .hint))')]
  .filter(part => part.checkVisibility()).map(part => part.outerHTML.slice(0, 200))"""
COLD_S = 240  # a fresh lab compiles what expressions need
# High enough for a whole page: what loads on sight is in sight at once.
HIGH = 6_000
LOOKS = tuple(product(("light", "dark"), (1280, 400)))


def is_page(url):
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.headers.get_content_type() == "text/html"
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code == 404


# Where there is a trend to find.
SEARCH = {
    "n": 40,
    "lookback_bars": 20,
    "provider": "synthetic",
    "universe": [f"SYN-trend-{seed}" for seed in range(1, 5)],
    "end": "2013-12-31",
    "sizing": {"neutralize": "none"},
}
PIPELINE = {
    "provider": "synthetic",
    "universe": ["SYN-gbm-1", "SYN-gbm-2"],
    "grid": {"params": {"fast": [5, 10], "slow": [20]}},
}


def launched(lab_url, door, asked):
    """Have the lab do some work; return what it answers."""
    headers = {"Content-Type": "application/json"}
    body = json.dumps(asked).encode()
    request = urllib.request.Request(lab_url + door, body, headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def wait_for(lab_url, work):
    stream = f"{lab_url}/api/jobs/{work['job_id']}/stream"
    with urllib.request.urlopen(stream, timeout=COLD_S) as events:
        assert b'"status":"succeeded"' in events.read().replace(b" ", b"")


@pytest.fixture(scope="module")
def pages(lab_url, demo):
    """Return every address that answers GET with a page, of the demo's first run."""
    search = launched(lab_url, "/api/jobs/train", SEARCH)
    pipeline = launched(lab_url, "/api/models/sma_cross/pipeline/run", PIPELINE)
    for work in (search, pipeline):
        wait_for(lab_url, work)
    run = demo["SMA 20/50"]
    known = {
        "run_id": run["id"],
        "experiment_id": run["experiment_id"],
        "job_id": run["job_id"],
        "key": "max_drawdown",
        "feature": "past_return",
        "primitive": "ts_rank",
        "model_id": "momentum_logit",
        "pool": run["honesty"]["pool"],
        "pipeline_id": pipeline["pipeline_run_id"],
    }
    found = [one for one in addresses(known) if not one.startswith(NOT_OURS)]
    tabs = [f"/model-lab/runs/{run['id']}?tab={tab}" for tab in TABS]
    both = f"/model-lab/compare?runs={run['id']},{demo['Buy and hold']['id']}"
    others = [
        both,
        "/backtest?expr=rank(retur)",
        "/backtest?expr=close%2Bvolume",
        "/api/docs",
        "/no/such/page",
        "/glossary?q=nothing",
        "/jobs?q=nothing",
    ]
    answering = [one for one in (*found, *tabs, *others) if is_page(lab_url + one)]
    return [*answering, *of_search(search["run_id"])]


def judged(page, known):
    """Return the violations of the page that is open; of dialogs, those not `known`."""
    page.evaluate(OPEN_ALL)
    page.evaluate(AXE)
    found = page.evaluate(JUDGE, "html")
    found += page.evaluate(NAMELESS_CHARTS)
    for dialog, words in page.evaluate(SHOW_DIALOGS):
        if words in known:
            continue
        known.add(words)
        page.evaluate("id => document.getElementById(id).scrollIntoView()", dialog)
        page.wait_for_function(IS_STILL)
        found += page.evaluate(JUDGE, f"#{dialog}")
    return found


def badly_fitting(lab, width):
    """Return what is wrong with the frame of the page that is open."""
    found = [] if lab.page.locator("h1").count() == 1 else ["not one h1"]
    if lab.scrolls_sideways():
        found.append(f"scrolls sideways at {width} px")
    return found


def faults_of(lab, path, look, known):
    """Open a page, and return everything that it does not keep."""
    page, (theme, width) = lab.page, look
    page.set_viewport_size({"width": width, "height": HIGH})
    page.emulate_media(color_scheme=theme)
    lab.open(path)
    try:
        page.wait_for_function(IS_STILL)
        # Swagger's own page is not ours to judge.
        frame = [] if path.startswith("/api") else badly_fitting(lab, width)
        return frame + judged(page, known) + lab.mistakes
    except TimeoutError:
        busy = page.evaluate(BUSY)
        return [f"does not come to rest: {busy}", *lab.mistakes]


def test_every_page_is_for_everybody_and_fits(watch, pages):
    lab = watch()
    lab.expected = ("status of 404",)  # addresses that are filled with nothing known
    visits = product(pages, LOOKS) if IS_TORTURE else zip(pages, cycle(LOOKS))
    known = {look: set() for look in LOOKS}  # dialogs that many pages have
    faults = {}
    for path, look in visits:
        if found := faults_of(lab, path, look, known[look]):
            faults[path, *look] = found
        lab.mistakes.clear()

    assert faults == {}
    assert len(pages) > 25
