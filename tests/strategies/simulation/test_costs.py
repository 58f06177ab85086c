"""Costs: basis points become fractions, overrides win, nonsense is refused."""

from __future__ import annotations

import math

import pytest

from strategies.config import ExecutionConfig
from strategies.errors import StrategyError
from strategies.simulation.costs import Costs


def test_basis_points_become_fractions_and_years_become_bars():
    execution = ExecutionConfig(
        commission_bps=5,
        commission_per_share=0.01,
        commission_min=1,
        slippage_bps=20,
        borrow_bps=252,
    )

    costs = Costs.of(execution, symbol="X", ppy=252.0)

    # 252 bps a year over 252 bars: one basis point a bar.
    assert costs.commission == pytest.approx(0.0005)
    assert (costs.per_share, costs.minimum) == (0.01, 1.0)
    assert costs.slippage == pytest.approx(0.002)
    assert costs.borrow_per_bar == pytest.approx(0.0001)


def test_an_override_replaces_only_what_it_names():
    execution = ExecutionConfig(
        commission_bps=5, slippage_bps=5, overrides={"X": {"slippage_bps": 0}}
    )

    own = Costs.of(execution, symbol="X", ppy=252.0)
    other = Costs.of(execution, symbol="Y", ppy=252.0)

    assert (own.commission, own.slippage) == (other.commission, 0.0)
    assert other.slippage == pytest.approx(0.0005)


@pytest.mark.parametrize("bad", [-0.1, math.nan, math.inf])
@pytest.mark.parametrize(
    "name", ["commission", "per_share", "minimum", "slippage", "borrow_per_bar"]
)
def test_a_cost_that_is_no_amount_is_refused_by_name(name, bad):
    with pytest.raises(StrategyError, match=name):
        Costs(**{name: bad})


def test_slippage_of_the_whole_price_is_refused():
    with pytest.raises(StrategyError, match="Slippage of 100%"):
        Costs(slippage=1.0)
