"""What a report page draws, as JSON: made once where the run is computed.

Series have at most 500 points and keep their extremes; unknown values are null, times
are epoch ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.market.calendar import bars_per_year, month_keys
from strategies.market.timeframe import timeframe_named
from strategies.rolling import ROLLING_WINDOWS, rolling_sharpe_band
from strategies.timeseries import Line, downsample, yearly_table

if TYPE_CHECKING:
    from strategies import BacktestResult, UniverseResult
    from strategies.types import FloatArray

    Result = BacktestResult | UniverseResult

POINTS = 500
ROUND_TRIPS = 100
SPARKLINE_POINTS = 40

Document = dict[str, Any]


def report_document(result: Result) -> Document:
    """Return everything of CONTRACT's report that only the worker can compute."""
    series = result.series
    lines = {
        name: Line(*downsample(line.ts, line.value, POINTS))
        for name, line in series.lines.items()
    }
    return {
        "series": {name: _points(line) for name, line in lines.items()},
        "bands": _bands(result, lines),
        "benchmark_metrics": result.benchmark_metrics,
        "monthly_returns": [
            {
                "year": month.year,
                "month": month.month,
                "return": month.value,
                "partial": month.partial,
            }
            for month in series.monthly
        ],
        "yearly": [
            {
                "year": year.year,
                "return": year.value,
                "sharpe": year.sharpe,
                "max_drawdown": year.max_drawdown,
                "trade_count": year.trade_count,
            }
            for year in series.yearly
        ],
        "benchmark_yearly": _benchmark_yearly(result),
        "returns_histogram": {
            "edges": _numbers(series.histogram.edges),
            "counts": series.histogram.counts.tolist(),
        },
        "drawdowns": _drawdowns(result),
        "round_trips": _round_trips(result),
    }


def sparkline(equity: FloatArray) -> list[float]:
    """Return the equity at 40 bars, as a multiple of the first value."""
    n_points = min(SPARKLINE_POINTS, equity.shape[0])
    rows = np.linspace(0, equity.shape[0] - 1, n_points).round().astype(np.int64)
    return [round(value, 6) for value in (equity[rows] / equity[0]).tolist()]


def _points(line: Line) -> Document:
    return {"ts": line.ts.tolist(), "value": _numbers(line.value)}


def _numbers(values: FloatArray) -> list[float | None]:
    return [value if value == value else None for value in values.tolist()]


def _bands(result: Result, lines: dict[str, Line]) -> Document:
    """Return one standard error around each rolling Sharpe ratio, point by point."""
    candles = result.timeline
    intraday = timeframe_named(candles.timeframe).intraday
    ppy = bars_per_year(candles.calendar, "1d") if intraday else candles.ppy
    bands = {}
    for window in ROLLING_WINDOWS:
        line = lines[f"rolling_sharpe_{window}"]
        low, high = rolling_sharpe_band(line.value, window, ppy)
        bands[f"rolling_sharpe_{window}"] = {
            "ts": line.ts.tolist(),
            "low": _numbers(low),
            "high": _numbers(high),
        }
    return bands


def _benchmark_yearly(result: Result) -> list[Document]:
    if result.benchmark_equity is None:
        return []
    candles = result.timeline
    years = yearly_table(
        result.benchmark_equity,
        month_keys(candles.ts, candles.calendar, candles.timeframe),
        np.empty(0, dtype=np.int64),
        ppy=candles.ppy,
        rf=result.config.rf,
    )
    return [{"year": year.year, "return": year.value} for year in years]


def _drawdowns(result: Result) -> list[Document]:
    """Return the deepest episodes, oldest first."""
    deepest = sorted(result.series.drawdowns, key=lambda one: one.depth)[:POINTS]
    return [one._asdict() for one in sorted(deepest, key=lambda one: one.start)]


def _round_trips(result: Result) -> Document:
    first = result.round_trips.head(ROUND_TRIPS).to_dict("records")
    items = [
        {key: None if value != value else value for key, value in row.items()}
        for row in first
    ]
    return {"items": items, "total": len(result.round_trips)}
