"""A cell of a CSV is a text or a number, also for a spreadsheet."""

from __future__ import annotations

from quantlab.web.downloads import _as_csv as as_csv
from quantlab.web.downloads import table_of


def cells(*values):
    text = b"".join(as_csv(table_of([{"a": value} for value in values]))).decode()
    return text.splitlines()[1:]


def test_what_a_spreadsheet_would_compute_is_told_to_be_a_text():
    formulas = ["=1+1", "@SUM(A1)", "+1|' /C calc'!A0", "-1+cmd|' /C calc'!A0"]

    assert cells(*formulas) == [f"'{one}" for one in formulas]
    asking = ["+WEBSERVICE(B2)", "-hyperlink(A1)", "-IMPORTXML(B2)", "＝1+1"]

    assert cells(*asking) == [f"'{one}" for one in asking]
    for sign in "+-":
        [cell] = cells(f'{sign}HYPERLINK("http://evil.example")')
        assert cell.startswith(f"\"'{sign}")
    long = "-" + "import" * 20_000  # read once, however long

    assert cells(long) == [long]


def test_expressions_and_numbers_stay_as_they_are():
    assert cells("-delta(close, 5)", "a = 1") == ['"-delta(close, 5)"', "a = 1"]
    assert cells(-1.5, 2.0) == ["-1.5", "2.0"]
