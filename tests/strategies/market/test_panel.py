"""Panels: long frames in, matrices on one time line out, bad rows refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from strategies.errors import CandleError
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from tests.strategies.random_candles import random_candles

DAY = 86_400_000


def long_frame(**changes):
    """Return three days of A and the last two of B, days in no order."""
    rows = {
        "date": ["2024-01-03", "2024-01-02", "2024-01-04", "2024-01-04", "2024-01-03"],
        "symbol": ["A", "A", "A", "B", "B"],
        "open": [11.0, 10.0, 12.0, 22.0, 21.0],
        "high": [12.0, 11.0, 13.0, 23.0, 22.0],
        "low": [10.0, 9.0, 11.0, 21.0, 20.0],
        "close": [11.5, 10.5, 12.5, 22.5, 21.5],
        "cap": [1.0, 2.0, 3.0, 4.0, 5.0],
        "sector": ["tech", "tech", None, "oil", "oil"],
    }
    return pd.DataFrame(rows | changes)


def test_rows_become_matrices_on_the_union_of_stamps():
    panel = Panel.from_frame(long_frame())

    assert panel.symbols == ("A", "B")
    assert len(panel) == 3
    assert (panel.timeframe, panel.calendar, panel.ppy) == ("1d", "XNYS", 252)
    np.testing.assert_array_equal(np.diff(panel.ts), DAY)
    np.testing.assert_array_equal(
        panel.fields["close"], [[10.5, np.nan], [11.5, 21.5], [12.5, 22.5]]
    )
    np.testing.assert_array_equal(panel.fields["cap"], [[2, np.nan], [1, 5], [3, 4]])
    assert np.isnan(panel.fields["volume"]).all()
    np.testing.assert_array_equal(panel.mark, [[10.5, 0], [11.5, 21.5], [12.5, 22.5]])
    assert dict(panel.quality) == {
        "unsorted": 2,
        "duplicates": 0,
        "missing_bars": 1,
        "nan_rows": 0,
        "inconsistent_rows": 0,
        "zero_volume": 0,
    }


def test_a_label_stays_until_another_is_seen_and_never_looks_ahead():
    panel = Panel.from_frame(long_frame())

    labels, codes = panel.groups["sector"]

    assert labels == ("oil", "tech")
    np.testing.assert_array_equal(codes, [[1, -1], [1, 0], [1, 0]])


def test_the_fingerprint_follows_the_data_and_not_the_order_of_rows():
    panel = Panel.from_frame(long_frame())
    shuffled = Panel.from_frame(long_frame().iloc[::-1])
    other = Panel.from_frame(long_frame(cap=[1.0, 2.0, 3.0, 4.0, 6.0]))

    assert panel.fingerprint == shuffled.fingerprint != other.fingerprint
    with pytest.raises(ValueError, match="read-only"):
        panel.fields["close"][0, 0] = 1.0


def test_an_identical_row_is_dropped_and_counted():
    frame = long_frame()
    panel = Panel.from_frame(pd.concat([frame, frame.iloc[[3]]]))

    assert panel.quality["duplicates"] == 1
    assert panel.fingerprint == Panel.from_frame(frame).fingerprint


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"open": [11, 10, 0, 22, 21]}, "non_positive_price", "row 3, column open"),
        ({"cap": [1, 2, 3, np.inf, 5]}, "bad_cell", "row 4, column cap"),
        ({"symbol": ["A", "A", "A", "B", " "]}, "bad_cell", "row 5, column symbol"),
        ({"date": ["2024-01-03"] * 4 + ["soon"]}, "bad_cell", "row 5, column date"),
        (
            {"symbol": ["A", "A", "A", "A", "B"]},
            "conflicting_rows",
            "row 3 and row 4 have the same time",
        ),
        (
            {
                "symbol": ["A", "A", "A", "B", "B"],
                "date": ["2024-01-03"] * 2 + ["2024-01-04"] * 3,
            },
            "conflicting_rows",
            "row 1 and row 2",
        ),
    ],
)
def test_a_bad_row_is_refused_by_its_number(changes, code, message):
    with pytest.raises(CandleError, match=message) as refused:
        Panel.from_frame(long_frame(**changes))

    assert refused.value.code == code


def test_a_label_that_two_equal_rows_disagree_on_is_refused():
    frame = pd.concat([long_frame(), long_frame(sector="gas").iloc[[0]]])

    with pytest.raises(CandleError, match="differ in column sector"):
        Panel.from_frame(frame)


@pytest.mark.parametrize("missing", ["symbol", "close", "date"])
def test_a_missing_column_is_named(missing):
    with pytest.raises(CandleError) as refused:
        Panel.from_frame(long_frame().drop(columns=missing))

    assert refused.value.code == "missing_column"


@pytest.mark.parametrize(
    ("freq", "timeframe"),
    [("5min", "5m"), ("h", "1h"), ("B", "1d"), ("W", "1w"), ("MS", "1mo")],
)
def test_the_timeframe_is_the_usual_step(freq, timeframe):
    dates = pd.date_range("2023-01-02", periods=40, freq=freq)
    frame = pd.DataFrame({"date": dates, "symbol": "A"})
    frame[["open", "high", "low", "close"]] = 1.0
    frame = frame.drop(columns="date").set_index(pd.DatetimeIndex(dates))

    assert Panel.from_frame(frame).timeframe == timeframe
    assert Panel.from_frame(frame, timeframe="1d").timeframe == "1d"


def test_candles_side_by_side_are_the_panel_of_their_rows():
    one, two = random_candles(30, seed=1), random_candles(40, seed=2)
    two = Candles.from_frame(
        two.frame().iloc[5:], symbol="OTHER", timeframe="1d", calendar="24/7"
    )

    panel = Panel.of([one, two])
    frames = [one.frame().assign(symbol="RANDOM"), two.frame().assign(symbol="OTHER")]
    same = Panel.from_frame(pd.concat(frames), calendar="24/7")

    assert panel.symbols == ("OTHER", "RANDOM")
    assert panel.fingerprint == same.fingerprint
    assert panel.quality == same.quality
    np.testing.assert_array_equal(panel.candles("OTHER").close[5:], two.close)
    assert np.isnan(panel.candles("OTHER").close[:5]).all()


def test_candles_that_do_not_belong_together_are_refused():
    one = random_candles(30)

    with pytest.raises(CandleError, match="two columns of the symbol RANDOM"):
        Panel.of([one, one])
    with pytest.raises(CandleError, match="at least one symbol"):
        Panel.of([])
    hourly = Candles.from_frame(one.frame(), symbol="B", timeframe="1h")
    with pytest.raises(CandleError, match="differ in timeframe: 1d, 1h"):
        Panel.of([one, hourly])


def test_shapes_and_order_are_checked():
    panel = Panel.from_frame(long_frame())
    parts = {
        "symbols": panel.symbols,
        "timeframe": "1d",
        "calendar": "XNYS",
        "provider": "test",
    }
    wrong = dict(panel.fields) | {"cap": np.ones((2, 2))}

    with pytest.raises(CandleError, match="cap has shape"):
        Panel(**parts, ts=panel.ts, fields=wrong)
    with pytest.raises(CandleError, match="ascend"):
        Panel(**parts, ts=panel.ts[::-1], fields=panel.fields)
    with pytest.raises(CandleError, match="needs the field open"):
        Panel(**parts, ts=panel.ts, fields={})
