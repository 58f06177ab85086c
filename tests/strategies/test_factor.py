"""The factor sheet against a slow reference, and against what must be true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from strategies import RunConfig, run_backtest
from strategies.errors import StrategyError
from strategies.metrics.factor import factor_sheet, forward_returns, newey_west_t
from strategies.trials import MemorySink, reporting_to
from strategies.validation.robustness import liquid_half, sub_periods, sub_universe
from tests.strategies.test_universe import panel_of


def matrices(n_bars=60, n_symbols=9, seed=1):
    rng = np.random.default_rng(seed)
    opens = 100.0 * np.exp(rng.normal(0, 0.02, (n_bars, n_symbols)).cumsum(axis=0))
    values = np.round(rng.normal(size=opens.shape), 1)  # with ties
    values[rng.random(opens.shape) < 0.1] = np.nan
    opens[rng.random(opens.shape) < 0.05] = np.nan
    months = np.repeat([202001, 202002, 202003], 20)
    return values, opens, months


def slow(values, later, method):
    left, right = pd.DataFrame(values), pd.DataFrame(later)
    pairs = [
        (a.dropna().index.intersection(b.dropna().index), a, b)
        for (_, a), (_, b) in zip(left.iterrows(), right.iterrows(), strict=True)
    ]
    return np.array(
        [a[i].corr(b[i], method=method) if len(i) > 2 else np.nan for i, a, b in pairs]
    )


def test_correlations_are_those_of_pandas():
    values, opens, months = matrices()
    sheet = factor_sheet(values, opens, months, horizons=(1, 5), quantiles=3)
    for row in sheet["decay"]:
        horizon = row["horizon"]
        later = pd.DataFrame(opens).shift(-1 - horizon) / pd.DataFrame(opens).shift(-1)
        np.testing.assert_allclose(forward_returns(opens, horizon), later - 1.0)
        for name, method in (("ic", "pearson"), ("rank_ic", "spearman")):
            expected = slow(values, later - 1.0, method)
            told = expected[np.isfinite(expected)]
            assert row[name]["mean"] == pytest.approx(told.mean(), abs=1e-12)
            assert row[name]["std"] == pytest.approx(told.std(ddof=1), abs=1e-12)
            t = told.mean() / told.std(ddof=1) * np.sqrt(len(told) / horizon)
            assert row[name]["t"] == pytest.approx(t)
            assert row[name]["n"] == len(told)
    first = slow(values, forward_returns(opens, 1), "spearman")
    monthly = [np.nanmean(first[months == month]) for month in np.unique(months)]
    assert [one["rank_ic"] for one in sheet["monthly"]] == pytest.approx(monthly)
    ranks = pd.DataFrame(values).rank(axis=1)
    kept = np.nanmean(slow(ranks[1:], ranks[:-1], "pearson"))
    assert sheet["rank_autocorrelation"] == pytest.approx(kept)
    assert sheet["coverage"] == pytest.approx(np.isfinite(values).mean())


def test_quantiles_by_hand():
    opens = np.array([[1.0, 1, 1, 1], [1, 1, 1, 1], [1.1, 1.2, 1.3, 1.4]])
    values = np.array([[1.0, 2, 3, 4], [1, 3, 2, 4], [1, 2, 3, 4]])
    sheet = factor_sheet(values, opens, np.full(3, 202001), horizons=(1,), quantiles=2)
    low, high = sheet["quantiles"]
    assert (low["mean_return"], high["mean_return"]) == pytest.approx((0.15, 0.35))
    assert (low["mean_excess"], high["mean_excess"]) == pytest.approx((-0.1, 0.1))
    assert low["turnover"] == high["turnover"] == pytest.approx(0.5)  # one of two moves
    assert sheet["decay"][0]["ic"]["mean"] == pytest.approx(1.0)


def test_a_factor_that_knows_tomorrow_is_perfect_and_noise_is_not():
    _, opens, months = matrices()
    told = forward_returns(opens, 1)
    sheet = factor_sheet(told, opens, months)
    assert sheet["decay"][0]["rank_ic"]["mean"] == pytest.approx(1.0)
    assert abs(sheet["decay"][3]["rank_ic"]["mean"]) < 0.5
    flat = factor_sheet(np.ones_like(opens), opens, months)
    assert flat["decay"][0]["ic"] == {
        "mean": None, "std": None, "t": None, "share_positive": None, "n": 0,
    }  # fmt: skip
    with pytest.raises(StrategyError, match="at least 3"):
        factor_sheet(told[:, :2], opens[:, :2], months)


def test_half_of_the_symbols_and_parts_of_the_time():
    panel = panel_of("A", "B", "C", "D", "E")
    value = np.median(panel.fields["close"] * panel.fields["volume"], axis=0)
    best = sorted(np.array(panel.symbols)[np.argsort(-value)[:3]])
    assert list(liquid_half(panel)) == best
    config = RunConfig(
        provider="frame",
        universe=list(panel.symbols),
        expr="rank(-delta(close, 3)) - 0.5",
        execution={"overrides": {"A": {"slippage_bps": 9}}},
    )
    sink = MemorySink()
    with reporting_to(sink):
        found = sub_universe(config, panel, 1.0)
    assert sink.trials == []
    assert found["cutoff"] == pytest.approx(0.75 * (3 / 5) ** 0.5)
    alone = config.with_changes({"universe": best, "execution": {"overrides": None}})
    assert found["symbols"] == best
    if "A" not in best:
        only = panel_of("A", "B", "C", "D", "E")
        columns = [only.symbols.index(one) for one in best]
        fields = {k: v[:, columns] for k, v in only.fields.items()}
        part = type(only)(tuple(best), "1d", only.calendar, "frame", only.ts, fields)
        assert found["sharpe"] == run_backtest(alone, part).metrics["sharpe"]
    assert sub_universe(config, panel_of("A", "B"), 1.0)["applicable"] is False

    returns = np.random.default_rng(0).normal(0.001, 0.01, 203)
    parts = sub_periods(np.arange(203), returns, 252.0)
    assert sum(one["n"] for one in parts) == 203
    first = returns[: parts[0]["n"]]
    sharpe = first.mean() / first.std(ddof=1) * 252**0.5
    assert parts[0]["sharpe"] == pytest.approx(sharpe)
    assert sub_periods(np.arange(10), returns[:10], 252.0)[0]["sharpe"] is None


def test_newey_west_by_hand():
    # Twelve values, mean 0.5, 2 lags with weights 2/3 and 1/3: Σg² = 3, the products
    # of neighbours sum to −2.75, those two apart to 2.5. So the variance of the sum is
    # 3 + 2·(2/3·(−2.75) + 1/3·2.5) = 1.
    values = np.array([0.0, 1.0] * 6)
    assert newey_west_t(values) == pytest.approx(0.5 / (1.0**0.5 / 12))
    gaps = np.array([np.nan, *values, np.nan])
    assert newey_west_t(gaps) == newey_west_t(values)
    assert np.isnan(newey_west_t(values[:9]))
    assert np.isnan(newey_west_t(np.ones(50)))

    independent = np.random.default_rng(3).normal(0.1, 1.0, 4_000)
    plain = independent.mean() / independent.std(ddof=1) * 4_000**0.5
    assert newey_west_t(independent) == pytest.approx(plain, rel=0.1)
    twice = np.repeat(independent, 2)  # says nothing more than once
    assert newey_west_t(twice) < 0.8 * newey_west_t(independent) * 2**0.5
