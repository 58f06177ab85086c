"""A report that is taken home, and an archive that is shown before it is taken."""

from playwright.sync_api import expect


def test_a_report_and_an_archive_are_taken_home(watch, demo, browser, tmp_path):
    lab = watch()
    page = lab.open(demo["SMA 20/50"]["links"]["page"])
    page.get_by_text("More", exact=True).click()
    with page.expect_download() as sent:
        page.get_by_role("link", name="Report as one HTML file").click()
    report = tmp_path / "report.html"
    sent.value.save_as(report)
    page.goto(f"{lab.url}{demo['SMA 20/50']['links']['page']}?tab=files")
    with page.expect_download() as sent:
        page.get_by_role("link", name="All as a zip").click()
    archive = tmp_path / "run.zip"
    sent.value.save_as(archive)

    opens_alone(browser, report)

    page.goto(f"{lab.url}/import")
    page.get_by_label("Archive").set_input_files(archive)
    page.get_by_role("button", name="Check the archive").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("would bring")
    expect(page.get_by_role("cell", name="already here").first).to_be_visible()
    page.get_by_role("button", name="Import").click()
    expect(page.locator("#toasts")).to_contain_text("All was here.")


def opens_alone(browser, report):
    """Open the file without a network, dark and narrow, and find it whole."""
    context = browser.new_context(
        offline=True, color_scheme="dark", viewport={"width": 400, "height": 800}
    )
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(report.as_uri())

    expect(page.locator(".verdict")).to_contain_text("In this sample the rule")
    assert page.locator("svg.drawing").count() == 4
    surface = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert surface == "rgb(23, 25, 28)"
    line = page.locator(".draw-strategy").first
    assert line.evaluate("e => getComputedStyle(e).stroke") == "rgb(108, 173, 240)"
    root = "document.documentElement"
    assert not page.evaluate(f"{root}.scrollWidth > {root}.clientWidth")
    assert (asked, said) == ([report.as_uri()], [])
    context.close()
