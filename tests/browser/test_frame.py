"""The frame around every page: its theme, and its menu on a phone; and paper."""

import re

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


def test_paper_is_light_and_holds_nothing_to_press(watch, demo):
    run = demo["SMA 20/50"]
    lab = watch("dark")
    page = lab.open(run["links"]["page"])
    page.emulate_media(media="print")

    assert page.evaluate(GROUND) == "rgb(247, 247, 245)"
    for part in (".side", ".crumbs", ".tabs", "#calls", ".fold summary"):
        assert not page.locator(part).first.is_visible()
    lab.open(f"{run['links']['report']}?format=html")
    assert page.evaluate(GROUND) == "rgb(255, 255, 255)"
    assert not page.locator("details:visible").count()
    printed = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 3
