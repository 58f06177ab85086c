"""The frame around every page: its theme, and its menu on a phone; and paper."""

import re
import zlib

UNSEEN = '[hx-trigger="revealed"]'
LIGHT_BLUE, DARK_BLUE = b".1216 .4078 .702 RG", b".4235 .6784 .9412 RG"
GROUND = "() => getComputedStyle(document.body).backgroundColor"


def test_the_theme_is_kept_by_the_server(watch):
    lab = watch("light")
    page = lab.open("/settings")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save settings").click()

    page.wait_for_load_state("networkidle")

    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "Settings saved" in page.locator("#toasts").inner_text()


def test_the_menu_opens_without_script_on_a_phone(watch):
    page = watch("light", "narrow").open("/")

    page.get_by_role("button", name="Menu").click()

    assert page.get_by_role("link", name="Settings").is_visible()


def charts_are_on_paper(page):
    """What was not seen yet is drawn before it is printed, and in the light."""
    assert page.locator(UNSEEN).count() > 1
    streams = re.findall(rb"stream\r?\n(.*?)endstream", page.pdf(), re.DOTALL)

    inks = b"".join(zlib.decompressobj().decompress(one) for one in streams)

    assert inks.count(LIGHT_BLUE) > 1
    assert not inks.count(DARK_BLUE)
    assert not page.locator(UNSEEN).count()
    assert page.locator("html").get_attribute("data-theme") is None


def test_paper_is_light_and_holds_nothing_to_press(watch, demo):
    run = demo["SMA 20/50"]
    lab = watch("dark")
    page = lab.open(run["links"]["page"])
    page.wait_for_load_state("networkidle")  # what printing cannot wait for is there
    charts_are_on_paper(page)
    page.emulate_media(media="print")

    assert page.evaluate(GROUND) == "rgb(247, 247, 245)"
    for part in (".side", ".crumbs", ".tabs", "#calls", ".fold summary"):
        assert not page.locator(part).first.is_visible()
    lab.open(f"{run['links']['report']}?format=html")
    assert page.evaluate(GROUND) == "rgb(255, 255, 255)"
    assert not page.locator("details:visible").count()
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 3


def test_focus_and_the_open_tab_are_seen_in_forced_colours(browser, lab_url, demo):
    context = browser.new_context(forced_colors="active")
    page = context.new_page()
    page.goto(lab_url + demo["SMA 20/50"]["links"]["page"])

    page.keyboard.press("Tab")

    ring = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(ring) == "solid"
    line = "tab => getComputedStyle(tab).borderBottomColor"
    tabs = page.locator(".tabs a")
    assert tabs.nth(0).evaluate(line) != tabs.nth(1).evaluate(line)
    context.close()
