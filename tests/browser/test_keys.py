"""The keyboard alone: search, the list of keys, the menu; and the way in with a key."""

from playwright.sync_api import expect


def test_keys_find_the_search_the_help_and_the_pages(watch):
    page = watch().open("/jobs")

    page.keyboard.press("/")
    expect(page.locator("#find-q")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("g?/")
    expect(page.locator("#q")).to_have_value("g?/")  # while typing these are letters
    page.locator("#q").fill("")
    page.locator("#q").blur()

    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard")
    expect(dialog).to_contain_text("Search on this page")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()

    page.keyboard.press("g")
    page.keyboard.press("s")
    expect(page.locator("h1")).to_have_text("Settings")
    page.wait_for_load_state()  # its script as well
    page.locator(".foot").get_by_role("link", name="Keyboard").click()
    expect(dialog).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()


def test_the_focus_stays_over_a_swap_and_leaves_a_menu(watch, demo):
    page = watch().open(demo["SMA 20/50"]["links"]["page"])
    page.wait_for_load_state()  # its script as well
    star = page.get_by_role("button", name="Star SMA 20/50")
    for state in ("true", "false"):
        star.focus()
        page.keyboard.press("Enter")
        expect(star).to_have_attribute("aria-pressed", state)
        expect(star).to_be_focused()

    more = page.locator("details.menu > summary").first
    more.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(more).not_to_be_focused()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(page.locator("details.menu[open]")).to_have_count(0)


def test_the_zone_of_this_computer_is_offered(browser, lab_url):
    context = browser.new_context(timezone_id="Asia/Tokyo")
    page = context.new_page()
    page.goto(f"{lab_url}/settings")

    offered = page.locator("[data-own-zone]")
    expect(offered).to_have_text("The zone of this computer, Asia/Tokyo")
    page.locator("#zone").select_option(label="The zone of this computer, Asia/Tokyo")
    page.get_by_role("button", name="Save settings").click()

    expect(page.locator("#zone")).to_have_value("Asia/Tokyo")
    expect(page.locator(".side-foot")).to_contain_text("Asia/Tokyo")
    context.close()
