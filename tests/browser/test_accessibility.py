"""Every page of the site, in both themes, as axe-core judges it; and every chart."""

import urllib.error
import urllib.request
from importlib.resources import files

import pytest

from tests.addresses import addresses

AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
# What Swagger draws inside our page is not ours to judge.
JUDGE = """([part, rules]) => axe.run(
  {include: [part], exclude: ['#swagger-ui']},
  {resultTypes: ['violations'], ...(rules ? {runOnly: rules} : {})}
).then(answer => answer.violations.map(v => [v.id, v.help, ...v.nodes.slice(0, 3).map(
    node => node.html.slice(0, 300))].join(' | ')))"""
OPEN_ALL = "document.querySelectorAll('details').forEach(fold => { fold.open = true })"
NAMELESS_CHARTS = """[...document.querySelectorAll('[data-chart]')].filter(
  chart => chart.getAttribute('role') !== 'img' || !chart.getAttribute('aria-label')
    || !chart.closest('.figure')?.querySelector('table'))
  .map(chart => `no name or no table: ${chart.dataset.chart}`)"""
# Where the address says which part of a page is meant.
NOT_OURS = ("/api/", "/admin/")  # no pages, and Django's
TABS = ("charts", "trades", "config", "files", "logs", "api")
SHOW_DIALOGS = """[...document.querySelectorAll('dialog[id]')].map(
  dialog => { dialog.show(); return dialog.id })"""
IS_STILL = """() => ![...document.querySelectorAll('[aria-busy=true], .htmx-request')]
    .some(region => region.checkVisibility())
  && [...document.querySelectorAll('[data-chart]')].every(
    chart => chart.querySelector('.chart-view svg, .chart-view.hint'))"""
# High enough for a whole page: what loads on sight is in sight at once.
WINDOW = {"width": 1280, "height": 6000}


def is_page(url):
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.headers.get_content_type() == "text/html"
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return refusal.code == 404


@pytest.fixture(scope="module")
def pages(lab_url, demo):
    """Return every address that answers GET with a page, of the demo's first run."""
    run = demo["SMA 20/50"]
    known = {
        "run_id": run["id"],
        "experiment_id": run["experiment_id"],
        "job_id": run["job_id"],
        "key": "max_drawdown",
        "pool": run["honesty"]["pool"],
    }
    found = [one for one in addresses(known) if not one.startswith(NOT_OURS)]
    tabs = [f"/model-lab/runs/{run['id']}?tab={tab}" for tab in TABS]
    both = f"/model-lab/compare?runs={run['id']},{demo['Buy and hold']['id']}"
    others = [
        both,
        "/api/docs",
        "/no/such/page",
        "/glossary?q=nothing",
        "/jobs?q=nothing",
    ]
    return [one for one in (*found, *tabs, *others) if is_page(lab_url + one)]


def test_no_page_has_a_violation_and_no_chart_lacks_a_name_or_a_table(
    browser, lab_url, pages
):
    context = browser.new_context(
        bypass_csp=True, reduced_motion="reduce", viewport=WINDOW
    )
    page = context.new_page()
    faults = {}
    for path in pages:
        page.emulate_media(color_scheme="light")
        page.goto(lab_url + path)
        page.wait_for_function(IS_STILL)
        page.evaluate(OPEN_ALL)
        page.evaluate(AXE)
        found = page.evaluate(JUDGE, ["html", None])
        found += page.evaluate(NAMELESS_CHARTS)
        page.emulate_media(color_scheme="dark")
        found += page.evaluate(JUDGE, ["html", ["color-contrast"]])
        for dialog in page.evaluate(SHOW_DIALOGS):
            page.wait_for_function(IS_STILL)
            found += page.evaluate(JUDGE, [f"#{dialog}", None])
        if found:
            faults[path] = found
    context.close()

    assert faults == {}
    assert len(pages) > 25
