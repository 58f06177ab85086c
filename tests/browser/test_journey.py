"""The walk of a new user: a question, its run, the progress, the report; then mistakes.

Everything is real: the lab, its worker, the demo it made at its first start.
"""

import re

import pytest
from playwright.sync_api import expect

from experiments.charts.scales import labels
from tests.sizes import looks

LOOKS = looks(("light", "narrow"), ("dark", "wide"), ("light", "wide"))
# A million bars: there is time to think better of it.
LONG = {
    "provider": "synthetic",
    "symbol": "SYN-garch-3",
    "timeframe": "1m",
    "end": "2011-12-31",
    "persist": False,
    "force": True,
}
LABELS = """async ([low, high, axis]) =>
  (await import("/static/js/axis.js")).labelsOf(low, high, axis)"""
SAYS = """words => JSON.stringify(words) === JSON.stringify(
  [...document.querySelectorAll("#chart-equity .chart-view svg text")]
    .map(one => one.textContent).sort())"""
RUN_PAGE = re.compile(r"/model-lab/runs/[0-9a-f-]{36}$")
FINISHED_MS = 240_000


def run_page(demo, name="SMA 20/50"):
    return demo[name]["links"]["page"]


def finished(page):
    """Wait until the page of a run says by itself that it is done."""
    head = page.locator("#run-head")
    expect(head.locator('[data-status="succeeded"]')).to_be_visible(timeout=FINISHED_MS)


def drawn(page, name):
    """Scroll to a chart and wait until Vega has drawn it."""
    figure = page.locator(f"#chart-{name}")
    # In one step: a figure that loads meanwhile is replaced by its own answer.
    page.evaluate(f"document.getElementById('chart-{name}').scrollIntoView()")
    expect(figure.locator(".chart-view svg")).to_be_visible(timeout=FINISHED_MS)
    return page.locator(f"#chart-{name}")


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_from_a_question_to_its_report(watch, theme, width):
    lab = watch(theme, width)
    page = lab.open("/")
    page.get_by_role("link", name="New experiment").first.click()

    page.locator("#id_name").fill(f"Does the trend last? {theme} {width}")
    page.locator("#id_cause").fill("People react slowly to news.")
    page.locator("#id_effect").fill("Holding above the slow mean falls less far.")
    page.locator("#id_param_fast").fill("10")
    page.locator("#id_param_slow").fill("100")
    assert not lab.scrolls_sideways()
    page.get_by_role("button", name="Create the experiment").click()

    expect(page.locator("h1")).to_contain_text("Does the trend last?")
    assert not lab.scrolls_sideways()
    page.get_by_role("link", name="New run").first.click()
    page.get_by_role("button", name="Run the backtest").click()

    page.wait_for_url(RUN_PAGE)
    finished(page)
    expect(page.locator(".verdict")).to_contain_text("In this sample")
    expect(page.locator(".honesty")).to_contain_text("trial")
    drawn(page, "equity")
    assert not lab.scrolls_sideways()


def test_a_dashboard_shows_what_was_made_at_the_first_start(watch, demo):
    page = watch().open("/")

    expect(page.get_by_role("heading", name="Start here")).to_be_visible()
    expect(page.locator("#lab-overview")).to_contain_text("SP500")
    page.get_by_role("link", name="Open the demo run").click()
    expect(page.locator("h1")).to_contain_text("SMA 20/50")
    finished(page)


def test_the_strip_of_jobs_follows_the_work_and_goes(watch, demo):
    lab = watch()
    page = lab.open("/")
    run = lab.api("/api/backtest", LONG | {"strategy": {"name": "macd"}})
    page.reload()

    strip = page.locator("#jobs-strip")
    expect(strip).to_contain_text("SYN-garch-3")
    lab.api(f"/api/runs/{run['id']}/cancel", {})

    expect(strip).to_be_hidden(timeout=FINISHED_MS)


def zooms_to_every_bar(page, figure):
    """Go closer to the equity curve until each of its bars is drawn; then go back.

    The axes say what is in sight, and say the whole again afterwards.
    """
    words = figure.locator(".chart-view svg text")
    of_the_whole = words.all_text_contents()
    said = figure.locator("[data-zoom-said]")
    page.evaluate("document.getElementById('chart-equity').scrollIntoView()")
    place = figure.locator(".chart-view svg").bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 100)
    page.keyboard.down("Shift")
    with page.expect_response("**/api/runs/*/metrics?series=equity*") as answer:
        page.mouse.wheel(0, -3_000)
    page.keyboard.up("Shift")

    line = answer.value.json()["series"]["equity"]

    assert 4 < len(line["ts"]) == line["total_points"] < 1_000
    expect(said).to_contain_text("Every bar from 20")
    of_the_part = words.all_text_contents()
    assert not {"2000", "2.00"} & {*of_the_part}
    assert {"This run", "Buy & hold"} <= {*of_the_part}
    figure.get_by_role("button", name="Show all of it").click()
    expect(said).to_be_empty()
    expect(figure.get_by_role("button", name="Show all of it")).to_be_hidden()
    page.wait_for_function(SAYS, arg=sorted(of_the_whole))


def labels_as_the_lab_does(page):
    """An axis in sight is labelled by the rules that label the whole."""
    ends = [(0.82, 0.97), (0.9, 1.7), (0.31, 4.4), (1.5, 260.0), (-0.123, 0.0)]
    for low, high in ends:
        for is_log in {low > 0, False}:
            asked = [low, high, {"most": 6, "isLog": is_log}]
            found = page.evaluate(LABELS, asked)
            assert found == pytest.approx(labels(low, high, log=is_log))


@pytest.mark.parametrize("theme", looks("dark", "light"))
def test_charts_are_drawn_and_have_a_table(watch, demo, theme):
    page = watch(theme).open(f"{run_page(demo)}?tab=charts")

    for name in ("equity", "rolling", "returns", "years", "price"):
        drawn(page, name)
    figure = page.locator("#chart-equity")
    zooms_to_every_bar(page, figure)
    labels_as_the_lab_does(page)
    figure.get_by_text("View as table").click()

    expect(figure.locator("table")).to_be_visible()
    expect(figure.locator("tbody tr").first).to_contain_text("1999")


def test_one_thing_is_changed_and_run_again(watch, demo):
    page = watch().open(run_page(demo))
    page.get_by_role("link", name="Re-run with changes").click()

    page.locator("#id_param_slow").fill("60")
    page.locator("#id_param_slow").press("Tab")
    expect(page.locator("#run-form")).to_contain_text("50")
    expect(page.locator("#run-form ins").first).to_contain_text("60")
    page.get_by_role("button", name="Re-run with changes").click()

    page.wait_for_url(RUN_PAGE)
    assert run_page(demo) not in page.url
    finished(page)


def test_a_long_run_shows_its_progress_and_can_be_cancelled(watch):
    lab = watch()
    run = lab.api("/api/backtest", LONG | {"strategy": {"name": "donchian"}})
    page = lab.open(run["links"]["page"])

    expect(page.locator("#job-bar")).to_be_visible()
    page.get_by_role("link", name="Cancel the run").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()

    status = page.locator('#run-head [data-status="cancelled"]')
    expect(status).to_be_visible(timeout=FINISHED_MS)


def test_a_mistake_is_told_at_its_field_while_typing(watch):
    lab = watch()
    lab.expected = ("422",)  # Chromium notes the status, which is the right one
    page = lab.open("/model-lab/new")

    page.locator("#id_param_fast").fill("80")
    page.locator("#id_param_fast").press("Tab")

    expect(page.locator("#id_param_fast_error")).to_contain_text("fast < slow")
    page.locator("#id_param_fast").fill("8")
    page.locator("#id_param_fast").press("Tab")
    expect(page.locator("#id_param_fast_error")).to_have_count(0)


def test_a_judgement_leaves_what_is_selected_selected(watch):
    page = watch().open("/model-lab/new")
    page.locator("#id_name").fill("What is typed next replaces it")
    with page.expect_response(lambda answer: "validate=1" in answer.url):
        page.locator("#id_param_fast").select_text()
    expect(page.locator(".htmx-request, .htmx-settling")).to_have_count(0)

    page.keyboard.type("8")

    expect(page.locator("#id_param_fast")).to_have_value("8")


def test_nothing_is_made_of_a_form_with_a_mistake(watch):
    lab = watch()
    lab.expected = ("422",)
    page = lab.open("/model-lab/new")
    n_before = len(lab.api("/api/model-lab/experiments?limit=200")["items"])

    page.locator("#id_name").fill("The fast one is slower")
    page.locator("#id_param_fast").fill("80")
    page.get_by_role("button", name="Create the experiment").click()

    expect(page.locator("#id_param_fast_error")).to_contain_text("fast < slow")
    expect(page.locator(".error-summary")).to_be_focused()
    n_after = len(lab.api("/api/model-lab/experiments?limit=200")["items"])
    assert n_after == n_before


def test_a_form_works_without_script(browser, lab_url, demo):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{lab_url}{run_page(demo)}/rerun")
    page.locator("#id_param_slow").fill("70")
    page.get_by_role("button", name="Re-run with changes").click()

    page.wait_for_url(RUN_PAGE)
    assert run_page(demo) not in page.url
    context.close()


def test_the_demo_leaves_with_one_click_and_an_answer(watch, demo):
    lab = watch()
    [pipeline] = lab.api("/api/models/pipeline/runs?q=chance")["items"]
    page = lab.open("/")
    page.get_by_role("link", name="Remove the demo").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("heading", name="Start here")).to_be_visible()

    page.get_by_role("link", name="Remove the demo").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove the demo").click()

    expect(page.locator("#toasts")).to_contain_text("The demo was removed.")
    expect(page.get_by_role("heading", name="Start here")).to_have_count(0)
    expect(page.locator("#lab-overview")).to_contain_text("SP500")  # still counted
    experiment = demo["SMA 20/50"]["experiment_id"]
    lab.api(f"/api/model-lab/experiments/{experiment}/restore", {})
    lab.api(f"/api/models/pipeline/runs/{pipeline['pipeline_run_id']}/restore", {})
