"""Candles: read-only, content-addressed, cut without copying."""

import copy
import pickle

import numpy as np
import pytest

from strategies.errors import CandleError, StrategyError
from strategies.market.candles import Candles

DAY = 86_400_000
MONDAY = 1_704_672_000_000  # 2024-01-08


def candles(n=5, **changes):
    values = {
        "symbol": "X",
        "timeframe": "1d",
        "calendar": "XNYS",
        "provider": "test",
        "ts": MONDAY + DAY * np.arange(n),
        **{name: np.full(n, 100.0) for name in ("open", "high", "low", "close")},
        "volume": np.full(n, 1.0),
    }
    return Candles(**{**values, **changes})


def test_arrays_are_read_only_contiguous_float64():
    made = candles(close=[1, 2, 3, 4, 5], columns={"vwap": np.arange(10.0)[::2]})

    for values in (made.open, made.close, made.volume, made.columns["vwap"]):
        assert values.dtype == np.float64
        assert values.flags.c_contiguous
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 2.0
    assert made.ts.dtype == np.int64


def test_the_callers_arrays_stay_writeable_and_are_not_shared():
    close = np.full(5, 100.0)
    made = candles(close=close)
    close[0] = 1.0

    assert made.close[0] == 100.0


def test_mappings_cannot_be_changed():
    made = candles(columns={"vwap": np.full(5, 1.0)})

    with pytest.raises(TypeError):
        made.columns["vwap"] = made.open
    with pytest.raises(TypeError):
        made.quality["gaps"] = 0


def test_the_fingerprint_depends_on_the_bars_alone():
    made = candles()

    assert made.fingerprint == candles(symbol="Y", provider="other").fingerprint
    assert len(made.fingerprint) == 64


@pytest.mark.parametrize(
    "changes",
    [
        {"ts": MONDAY + 1 + DAY * np.arange(5)},
        {"high": np.full(5, 100.5)},
        {"volume": np.full(5, np.nan)},
        {"columns": {"vwap": np.full(5, 1.0)}},
        {"n": 4},
    ],
)
def test_any_change_of_the_bars_changes_the_fingerprint(changes):
    assert candles().fingerprint != candles(**changes).fingerprint


def test_a_column_by_another_name_has_another_fingerprint():
    one, two = ({name: np.full(5, 1.0)} for name in ("a", "b"))

    assert candles(columns=one).fingerprint != candles(columns=two).fingerprint


def test_the_order_of_columns_does_not_matter():
    a, b = np.full(5, 1.0), np.full(5, 2.0)
    one, two = candles(columns={"a": a, "b": b}), candles(columns={"b": b, "a": a})

    assert one.fingerprint == two.fingerprint


def test_between_is_inclusive_on_both_sides():
    made = candles(close=np.arange(1.0, 6.0), columns={"x": np.arange(5.0)})
    cut = made.between(MONDAY + DAY, MONDAY + 3 * DAY)

    assert cut.close.tolist() == [2.0, 3.0, 4.0]
    assert cut.columns["x"].tolist() == [1.0, 2.0, 3.0]
    assert cut.fingerprint == made.between(MONDAY + 1, MONDAY + 4 * DAY - 1).fingerprint
    assert cut.fingerprint != made.fingerprint
    assert np.shares_memory(cut.close, made.close)


def test_between_without_bounds_is_the_same_object():
    made = candles()

    assert made.between(None, None) is made
    assert made.between(MONDAY, None) is made


@pytest.mark.parametrize("bounds", [(0, 1), (MONDAY + 9 * DAY, None), (MONDAY, 0)])
def test_between_may_leave_nothing(bounds):
    assert len(candles().between(*bounds)) == 0


def test_quality_is_counted_by_hand():
    nan = np.nan
    made = candles(
        ts=MONDAY + DAY * np.array([0, 1, 2, 7, 9]),  # Thu-Fri missing, then Tuesday
        open=[10.0, 10.0, nan, 10.0, 10.0],
        high=[11.0, 9.0, 11.0, 11.0, 11.0],  # bar 1: below open and close
        low=[9.0, 9.0, 9.0, 10.5, 9.0],  # bar 3: above open and close
        close=[10.0, 10.0, 10.0, 10.0, 10.0],
        volume=[0.0, 1.0, 1.0, nan, -1.0],  # bar 4: less than nothing
    )

    assert made.quality == {
        "unsorted": 0,
        "duplicates": 0,
        "nan_rows": 1,
        "inconsistent_rows": 3,
        "zero_volume": 1,
        "gaps": 1,
    }


def test_bars_per_year_come_from_calendar_and_timeframe():
    assert candles().ppy == 252.0
    assert candles(calendar="24/7").ppy == 365.0
    assert candles(timeframe="day").timeframe == "1d"


def test_copies_and_pickles_are_equal():
    made = candles(columns={"vwap": np.full(5, 1.0)})

    for other in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other.fingerprint == made.fingerprint
        assert other.quality == made.quality
        assert not other.close.flags.writeable


def test_repr_is_one_short_line():
    assert repr(candles()) == (
        "Candles('X', '1d', n_bars=5, provider='test', calendar='XNYS')"
    )


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"close": np.full(4, 1.0)}, "bad_shape"),
        ({"columns": {"x": np.full((5, 2), 1.0)}}, "bad_shape"),
        ({"ts": np.array([0, 1, 1, 2, 3])}, "unsorted"),
        ({"ts": np.array([0, 2, 1, 3, 4])}, "unsorted"),
    ],
)
def test_wrong_shapes_and_orders_are_refused(changes, code):
    with pytest.raises(CandleError) as refused:
        candles(**changes)

    assert refused.value.code == code


def test_unknown_calendars_and_timeframes_are_refused():
    with pytest.raises(StrategyError, match="calendar"):
        candles(calendar="LSE")
    with pytest.raises(StrategyError, match="timeframe"):
        candles(timeframe="2d")
