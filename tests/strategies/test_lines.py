"""Intervals of a line: by hand, with holes, and against a slow way of doing it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.errors import StrategyError
from strategies.lines import AGGREGATES, aggregated

NAN = math.nan
TS = np.array([10, 20, 30, 40, 50, 60])
KEYS = np.array([3, 3, 3, 7, 7, 9])
#                 ───────────────   ──────    ───
VALUES = np.array([NAN, 4.0, 2.0, 5.0, NAN, NAN])


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("last", [2.0, 5.0, NAN]),
        ("first", [4.0, 5.0, NAN]),
        ("min", [2.0, 5.0, NAN]),
        ("max", [4.0, 5.0, NAN]),
        ("mean", [3.0, 5.0, NAN]),
        ("sum", [6.0, 5.0, NAN]),
    ],
)
def test_by_hand(aggregate, expected):
    ts, values = aggregated(TS, VALUES, KEYS, aggregate)

    np.testing.assert_array_equal(ts, [10, 40, 60])
    np.testing.assert_array_equal(values, expected)


def test_nothing_stays_nothing():
    for aggregate in AGGREGATES:
        ts, values = aggregated(TS[:0], VALUES[:0], KEYS[:0], aggregate)
        assert (len(ts), len(values)) == (0, 0)


def test_an_unknown_aggregate_is_refused():
    with pytest.raises(StrategyError, match="median") as refused:
        aggregated(TS, VALUES, KEYS, "median")

    assert (refused.value.code, refused.value.field) == ("unknown_agg", "agg")


SLOW = {
    "last": lambda known: known[-1],
    "first": lambda known: known[0],
    "min": min,
    "max": max,
    "mean": lambda known: sum(known) / len(known),
    "sum": sum,
}
NUMBERS = st.one_of(st.just(NAN), st.floats(-1e6, 1e6))


@given(
    st.lists(st.tuples(st.integers(0, 2), NUMBERS), min_size=1, max_size=40),
    st.sampled_from(sorted(AGGREGATES)),
)
def test_every_interval_alone(steps, aggregate):
    keys = np.cumsum([step for step, _ in steps])
    values = np.array([value for _, value in steps])

    ts, found = aggregated(np.arange(len(keys)), values, keys, aggregate)

    np.testing.assert_array_equal(keys[ts], np.unique(keys))
    for key, value in zip(np.unique(keys), found, strict=True):
        known = [one for one in values[keys == key].tolist() if not math.isnan(one)]
        expected = SLOW[aggregate](known) if known else NAN
        assert value == pytest.approx(expected, nan_ok=True, rel=1e-9, abs=1e-6)
