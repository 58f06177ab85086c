"""Picking runs in a list: by boxes, by keys, across views, and without script."""

import pytest
from playwright.sync_api import expect

from tests.sizes import looks

LOOKS = looks(("dark", "narrow"), ("light", "wide"))


@pytest.fixture
def listed(demo):
    """Return the address of the demo's list and two of its runs."""
    runs = list(demo.values())
    return f"/model-lab/experiments/{runs[0]['experiment_id']}", runs


def bar(page):
    return page.locator("#run-selection")


@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_picks_stay_while_the_view_changes(watch, listed, theme, width):
    address, [one, other, *_] = listed
    lab = watch(theme, width)
    page = lab.open(address)
    expect(bar(page)).to_have_count(0)

    # the second without waiting for the answer to the first
    page.locator(f"#pick-{one['id']}").check()
    page.locator(f"#pick-{other['id']}").check()

    expect(bar(page)).to_contain_text("2 selected")
    assert not lab.scrolls_sideways()
    compare = bar(page).get_by_role("link", name="Compare 2")
    for run in (one, other):
        assert run["id"] in compare.get_attribute("href")
        assert run["id"] in page.url
    page.goto(f"{page.url}&order=-sharpe")
    expect(bar(page)).to_contain_text("2 selected")
    expect(page.locator(f"#pick-{one['id']}")).to_be_checked()

    bar(page).get_by_role("link", name="Clear the selection").click()

    expect(bar(page)).to_have_count(0)
    expect(page.locator("tr[aria-selected]")).to_have_count(0)


def test_keys_walk_along_the_rows_and_pick_them(watch, listed):
    address, _ = listed
    page = watch().open(address)
    titles = page.locator("#run-list .lead > a")

    page.keyboard.press("j")
    expect(titles.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("x")

    expect(bar(page)).to_contain_text("1 selected")
    expect(titles.nth(1)).to_be_focused()  # the answer took nothing away
    page.keyboard.press("k")
    expect(titles.nth(0)).to_be_focused()
    first = titles.nth(0).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{first}")


def test_one_box_ticks_all_of_the_page(watch, listed):
    address, _ = listed
    page = watch().open(f"{address}?q=SMA")

    page.locator("#pick-all").check()

    boxes = page.locator("#run-list tbody .pickbox input")
    expect(bar(page)).to_contain_text(f"{boxes.count()} selected")


def test_without_script_a_button_takes_the_boxes_along(browser, lab_url, listed):
    address, [one, *_] = listed
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{lab_url}{address}?columns=calmar")

    page.locator(f"#pick-{one['id']}").check()
    page.get_by_role("button", name="Select the ticked runs").click()

    expect(bar(page)).to_contain_text("1 selected")
    assert "columns=calmar" in page.url
    context.close()
