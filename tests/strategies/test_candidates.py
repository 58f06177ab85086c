"""Keys tell candidates apart and are the same however they are made."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import RunConfig
from strategies.candidates import (
    candidate_key,
    candidate_keys,
    weekly_returns,
    weeks_of,
)
from strategies.library.resolve import resolve

CONFIG = resolve(
    RunConfig(
        symbol="SP500",
        strategy={"name": "sma_cross", "params": {"fast": 20, "slow": 50}},
        execution={"commission_bps": 5},
    )
)


def key_of(**changes):
    return candidate_key(CONFIG.with_changes(changes))


class TestOneCandidate:
    @pytest.mark.parametrize(
        "changes",
        [
            {"seed": 7},
            {"benchmark": "none"},
            {"indicators": [{"name": "sma", "params": {"window": 9}}]},
            {"execution": {"commission_bps": 5.0}},
            {"sizing": {"cap": 1.0}},
        ],
    )
    def test_what_earns_the_same_is_the_same(self, changes):
        assert key_of(**changes) == candidate_key(CONFIG)

    @pytest.mark.parametrize(
        "changes",
        [
            {"strategy": {"params": {"fast": 21}}},
            {"strategy": {"params": {"direction": "long_short"}}},
            {"execution": {"commission_bps": 5.5}},
            {"start": "2000-01-01"},
            {"timeframe": "1w"},
            {"rf": 0.01},
        ],
    )
    def test_any_other_setting_makes_another(self, changes):
        assert key_of(**changes) != candidate_key(CONFIG)

    def test_values_that_change_places_make_another(self):
        swapped = {
            "strategy": {"name": "donchian", "params": {"entry": 10, "exit": 20}}
        }
        usual = {"strategy": {"name": "donchian", "params": {"entry": 20, "exit": 10}}}

        assert key_of(**swapped) != key_of(**usual)


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(2, 20),
            st.integers(21, 200),
            st.sampled_from([0.0, 5.0, 0.1 + 0.2]),
            st.sampled_from([1.0, 0.5]),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_a_column_gives_the_keys_of_the_configs(rows):
    fast, slow, bps, cap = zip(*rows, strict=True)
    keys = candidate_keys(
        CONFIG,
        {
            "strategy.params.fast": np.array(fast),
            "strategy.params.slow": list(slow),
            "execution.slippage_bps": list(bps),
            "sizing.cap": list(cap),
        },
    )

    assert keys.tolist() == [
        key_of(
            strategy={"params": {"fast": f, "slow": s}},
            execution={"slippage_bps": b},
            sizing={"cap": c},
        )
        for f, s, b, c in rows
    ]


class TestWeeklyReturns:
    def test_from_friday_to_friday(self):
        days = pd.bdate_range("2021-01-04", "2021-01-22", tz="UTC")
        ts = days.as_unit("ms").asi8
        equity = np.array([100.0] * 5 + [100, 100, 100, 100, 110] + [110] * 4 + [99])

        first, returns = weekly_returns(ts, equity)

        assert first == weeks_of(ts)[0] + 1
        assert returns.tolist() == pytest.approx([0.1, -0.1], abs=1e-3)

    def test_a_week_without_bars_returns_nothing(self):
        ts = pd.DatetimeIndex(["2021-01-05", "2021-01-26"], tz="UTC").as_unit("ms").asi8

        assert weekly_returns(ts, np.array([1.0, 1.5]))[1].tolist() == [0, 0, 0.5]

    def test_nothing_comes_after_ruin(self):
        ts = pd.date_range("2021-01-05", periods=3, freq="7D", tz="UTC").as_unit("ms")

        assert weekly_returns(ts.asi8, np.array([1.0, 0.0, 0.0]))[1].tolist() == [-1, 0]
