"""Every page: no mistake in the console, no other host, no sideways scroll."""

import pytest

PAGES = (
    *("/", "/jobs", "/settings", "/api/docs", "/model-lab", "/model-lab/new"),
    *("/backtesting", "/model-lab/demo/remove"),
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", ["wide", "narrow"])
def test_pages_fit_and_make_no_mistakes(watch, theme, width):
    lab = watch(theme, width)
    for path in PAGES:
        lab.open(path).wait_for_load_state("networkidle")
        if not path.startswith("/api"):
            assert lab.page.locator("h1").count() == 1, path
            assert not lab.scrolls_sideways(), path


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
