"""Reports, windows and comparisons written by hand, and every chart of them."""

from __future__ import annotations

import math
from functools import cache
from string import ascii_uppercase
from typing import Any

from experiments.charts import (
    compare_figure,
    equity_figure,
    price_figure,
    returns_figure,
    rolling_figure,
    years_figure,
)
from experiments.charts.figure import Figure
from experiments.selectors.bars import PriceWindow

DAY_MS = 86_400_000
START_MS = 1_514_764_800_000  # 1 Jan 2018


def line(values: list[float | None]) -> dict[str, Any]:
    return {"ts": [START_MS + i * DAY_MS for i in range(len(values))], "value": values}


def report() -> dict[str, Any]:
    """Return a report of four bars in two years: 100, 110, 99, 121."""
    rolling = line([None, -1.0, None, 2.0])
    band = {"ts": rolling["ts"], "low": [None, -2.0, None, 0.5]}
    band["high"] = [None, 0.0, None, 3.5]
    return {
        "run": {"config": {"timeframe": "1d", "benchmark": "buy_and_hold"}},
        "metrics": {
            "max_drawdown": -0.1,
            "exposure": 0.75,
            "volatility": 0.2,
            "n_bars": 4,
            "start_ts": START_MS,
            "end_ts": START_MS + 3 * DAY_MS,
        },
        "benchmark_metrics": {"max_drawdown": -0.25},
        "series": {
            "equity": line([100.0, 110.0, 99.0, 121.0]),
            "benchmark": line([100.0, 120.0, 90.0, 105.0]),
            "drawdown": line([0.0, 0.0, -0.1, 0.0]),
            "rolling_sharpe_30": rolling,
            "rolling_sharpe_90": line([None] * 4),
            "rolling_sharpe_252": line([None] * 4),
        },
        "bands": {
            "rolling_sharpe_30": band,
            "rolling_sharpe_90": {**band, "low": [None] * 4, "high": [None] * 4},
            "rolling_sharpe_252": {**band, "low": [None] * 4, "high": [None] * 4},
        },
        "monthly_returns": [
            {"year": 2018, "month": 12, "return": -0.01, "partial": True},
            {"year": 2019, "month": 1, "return": 0.2, "partial": False},
            {"year": 2019, "month": 2, "return": 0.0, "partial": False},
        ],
        "yearly": [
            {"year": 2018, "return": -0.01, "max_drawdown": -0.1, "trade_count": 0},
            {"year": 2019, "return": 0.2, "max_drawdown": 0.0, "trade_count": 2},
        ],
        "benchmark_yearly": [
            {"year": 2018, "return": -0.1},
            {"year": 2019, "return": 0.3},
        ],
        "returns_histogram": {
            "edges": [-0.03, -0.01, 0.01, 0.03],
            "counts": [2, 9, 2],
        },
        "drawdowns": [
            {
                "start": START_MS + DAY_MS,
                "trough": START_MS + 2 * DAY_MS,
                "end": START_MS + 3 * DAY_MS,
                "depth": -0.1,
            }
        ],
    }


def idle() -> dict[str, Any]:
    """Return a report in which nothing was ever bought."""
    changed = report()
    changed["series"]["equity"] = line([100.0] * 4)
    changed["series"]["rolling_sharpe_30"] = line([None] * 4)
    changed["metrics"] |= {"exposure": 0.0, "volatility": 0.0, "max_drawdown": 0.0}
    changed["drawdowns"] = []
    return changed


def long_report(n_points: int = 500) -> dict[str, Any]:
    """Return a report with as many points in each series as there can be."""
    changed = report()
    wave = [100.0 + (i % 7) + i / 10 for i in range(n_points)]
    for name in ("equity", "benchmark"):
        changed["series"][name] = line(wave)
    changed["series"]["drawdown"] = line([-((i % 7) / 100) for i in range(n_points)])
    ratio = line([i % 5 - 2.0 for i in range(n_points)])
    changed["series"]["rolling_sharpe_252"] = ratio
    changed["bands"]["rolling_sharpe_252"] = {
        "ts": ratio["ts"],
        "low": [value - 1 for value in ratio["value"]],
        "high": [value + 1 for value in ratio["value"]],
    }
    edges = [-0.05 + i / 1000 for i in range(101)]
    changed["returns_histogram"] = {"edges": edges, "counts": [3] * 100}
    return changed


def window(n_candles: int = 10, **changes: Any) -> PriceWindow:
    candles = [
        {
            "ts_utc": START_MS + i * DAY_MS,
            "open": 10.0 + i,
            "high": 12.0 + i,
            "low": 9.0 + i,
            "close": 11.0 + i if i % 2 else 9.5 + i,
            "sma(close, 5)": None if i < 4 else 9.0 + i,
        }
        for i in range(n_candles)
    ]
    trip = {
        "symbol": "SP500",
        "side": "long",
        "entry_ts": START_MS + 2 * DAY_MS,
        "exit_ts": START_MS + 5 * DAY_MS,
        "entry_price": 12.5,
        "exit_price": 15.0,
        "return": 0.2,
        "bars_held": 3,
        "open": False,
    }
    fills = [
        {"ts_utc": trip["entry_ts"], "side": "buy", "price": 12.5, "candle": 2},
        {"ts_utc": trip["exit_ts"], "side": "sell", "price": 15.0, "candle": 5},
    ]
    fields = {
        "symbol": "SP500",
        "symbols": ("SP500",),
        "number": 2,
        "total": 3,
        "trip": trip,
        "bars_per_candle": 1,
        "candles": candles,
        "lines": ["sma(close, 5)"],
        "fills": fills,
        "entry": 2,
        "exit": 5,
    }
    return PriceWindow(**(fields | changes))


def comparison(
    curves: list[list[float]], benchmark: list[float] | None = None
) -> dict[str, Any]:
    """Return as much of a comparison as is drawn: the runs A, B, C, …"""
    ids = [f"run {i}" for i in range(len(curves))]
    series = [line(values) if values else line([]) for values in curves]
    return {
        "runs": [{"id": run_id, "name": f"Rule {run_id}"} for run_id in ids],
        "letters": dict(zip(ids, ascii_uppercase, strict=False)),
        "series": dict(zip(ids, series, strict=True)),
        "benchmark": benchmark and {"name": "buy_and_hold", "series": line(benchmark)},
    }


def many_curves() -> dict[str, Any]:
    waves = [
        [math.exp(0.3 * math.sin(i / (20 + k))) for i in range(500)] for k in range(20)
    ]
    return comparison(waves, waves[3])


@cache
def figures() -> dict[str, Figure]:
    """Return each chart in each of its variants, small and as large as it gets."""
    large, alone, ruined = long_report(), report(), report()
    del alone["series"]["benchmark"]
    alone["benchmark_yearly"] = []
    ruined["series"]["equity"] = line([100.0, 50.0, 0.0, 0.0])
    short = dict(window().trip, side="short", open=True)
    return {
        "log": equity_figure(report()),
        "linear": equity_figure(report(), scale="linear"),
        "alone": equity_figure(alone),
        "ruined": equity_figure(ruined),
        "large": equity_figure(large),
        "rolling": rolling_figure(report(), window=30),
        "rolling, large": rolling_figure(large, window=252),
        "returns": returns_figure(report()),
        "returns, large": returns_figure(large, flat_bars=2),
        "years": years_figure(report()),
        "years alone": years_figure(alone),
        "compare": compare_figure(comparison([[1.0, 1.2], [1.0, 0.9]], [1.0, 1.1])),
        "compare, alone": compare_figure(comparison([[1.0, 1.2], []])),
        "compare, flat": compare_figure(comparison([[1.0, 1.0], [1.0, 1.0]])),
        "compare, ruined": compare_figure(comparison([[1.0, 0.0], [1.0, 2.0]])),
        "compare, large": compare_figure(many_curves()),
        "compare, falls": compare_figure(many_curves(), view="drawdown"),
        "price": price_figure(window()),
        "price, large": price_figure(window(500)),
        "price, short and open": price_figure(window(trip=short)),
        "price, without lines": price_figure(window(lines=[], fills=[])),
    }
