"""The frame around every page: its theme, and its menu on a phone."""


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
