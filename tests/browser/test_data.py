"""The walk of somebody with a file: what is wrong with it, its bars, fifty symbols."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.test_journey import FINISHED_MS, RUN_PAGE, finished

DATASET = re.compile(r"/datasets/[0-9a-f-]{36}$")
SPLIT_AT = 60
FIFTY = [f"SYN-gbm-{seed}" for seed in range(1, 51)]


def messy(n_days=120, wrong=""):
    """Return what a spreadsheet saves: BOM, semicolons, decimal commas, mixed dates.

    There are a repeated row, an empty one, two out of order, and a split of 2:1.
    """
    rows = []
    for i in range(n_days):
        month, day = divmod(i, 28)
        per_share = 2 if i >= SPLIT_AT else 1
        price = (100 + i % 7) / per_share
        iso, ours = (
            f"2019-{month + 1:02}-{day + 1:02}",
            f"{day + 1:02}.{month + 1:02}.2019",
        )
        cells = [price, price + 1, price - 1, price + 0.5]
        written = ";".join(f"{cell:.2f}".replace(".", ",") for cell in cells)
        rows.append(f"{ours if i % 2 else iso};{written};{per_share}.000,5")
    rows[10], rows[11] = rows[11], rows[10]
    rows[20:20] = [rows[19]]
    rows[30] = f"{rows[30].partition(';')[0]};;;;;"
    rows += [wrong] if wrong else []
    return "\ufeff" + "\n".join(["Datum;Open;High;Low;Schluss;Volumen", *rows]) + "\n"


def sent(lab, text):
    """Send a file by the form, say what its columns are, have it judged again."""
    page = lab.open("/datasets/upload")
    file = {"name": "messy.csv", "mimeType": "text/csv", "buffer": text.encode()}
    page.locator("#id_file").set_input_files(file)
    page.locator("#id_symbol").fill("MESSY")
    page.get_by_role("button", name="Check the file").click()
    page.wait_for_url(DATASET)
    unread = page.locator(".problem")
    expect(unread).to_contain_text("No column of times", timeout=FINISHED_MS)
    for ours, theirs in {
        "ts": "Datum",
        "close": "Schluss",
        "volume": "Volumen",
    }.items():
        page.locator(f"#id_map_{ours}").select_option(theirs)
    page.locator("#id_calendar").select_option("24/7")
    page.get_by_role("button", name="Check again").click()
    return page


@pytest.mark.usefixtures("demo")  # until it is made, the worker has no time for files
def test_from_a_messy_file_to_fifty_symbols(watch):
    lab = watch()
    lab.expected = ("status of 422",)
    page = sent(lab, messy(wrong="01.06.2019;1,0;2,0;0,5;-3,0;7"))
    refused = page.locator("#dataset-report .problem")
    expect(refused).to_contain_text("1 row cannot be taken, so nothing was imported")
    expect(refused).to_contain_text("line 123")

    page = sent(lab, messy())
    report = page.locator("#dataset-report")
    expect(report).to_contain_text("can be imported")
    expect(report).to_contain_text("decimal comma")
    expect(page.get_by_label("Suspected splits, a table")).to_contain_text("likely")
    page.get_by_role("button", name="Import").click()
    expect(report.get_by_text("imported", exact=True)).to_be_visible()
    quality = report.locator("dl.metrics")
    for what in ("Empty prices1", "Repeated rows, dropped1", "Suspected splits1"):
        expect(quality).to_contain_text(what)
    assert not lab.scrolls_sideways()

    page.get_by_role("link", name="Test a rule on MESSY").click()
    page.locator("#id_name").fill("Is a messy file of any use?")
    page.locator("#id_strategy").select_option("buy_and_hold")
    expect(page.locator("#id_shown_strategy")).to_have_value("buy_and_hold")
    page.get_by_role("button", name="Create the experiment").click()
    page.get_by_role("link", name="New run").first.click()
    page.get_by_role("button", name="Run the backtest").click()
    page.wait_for_url(RUN_PAGE)
    finished(page)
    expect(page.locator("#run-head")).to_contain_text("MESSY")

    many_symbols(lab, page)


def many_symbols(lab, page):
    """Run the rule on fifty symbols, after one too many, and divide the profit."""
    page.go_back()
    page.locator("#id_provider").select_option("synthetic")
    shown = page.locator("#id_shown_provider")
    expect(shown).to_have_value("synthetic")  # the form came anew
    universe = page.locator("#id_universe")
    universe.fill(", ".join([*FIFTY, "NOPE"]))
    universe.blur()
    expect(page.locator("#run-form")).to_contain_text("NOPE")
    page.locator("#id_universe").fill(", ".join(FIFTY))
    page.locator("#id_start").fill("2016-01-01")
    page.locator("#id_end").fill("2016-12-31")
    page.locator("#id_end").blur()
    expect(page.locator("#run-form")).to_contain_text("and 45 more")
    page.get_by_role("button", name="Run the backtest").click()
    page.wait_for_url(RUN_PAGE)
    finished(page)
    expect(page.get_by_text("Survivorship bias")).to_be_visible()
    page.get_by_role("link", name="Breakdown").click()
    table = page.get_by_label("Profit by symbol, a table")
    expect(table.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Month").click()
    expect(page.get_by_label("Profit by month, a table")).to_contain_text("December")
    assert not lab.scrolls_sideways()
