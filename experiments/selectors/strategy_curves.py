"""What a saved strategy earned over time, out of the files of its run."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.models import StrategySnapshot
from experiments.selectors.series import Series, Span, calendar_of, run_series
from experiments.selectors.strategies import run_of
from strategies.market.timeframe import timeframe_named
from strategies.rolling import rolling_returns
from strategies.types import FloatArray, IntArray

MONEY, GROWTH = "money", "growth"
SCALES = (GROWTH, MONEY)
CURRENCIES = {"builtin": "USD"}
UNKNOWN_CURRENCY = "XXX"  # ISO 4217: none is involved


def strategy_curve(
    row: StrategySnapshot, *, points: int, scale: str = GROWTH
) -> dict[str, Any]:
    """Return the equity curve, as multiples of the first value or in money.

    At most `points` points, the first, last, highest and lowest among them.
    """
    line = strategy_equity(row)
    shown = line.thinned(points)
    base = 1.0 if scale == MONEY else float(line.value[0])
    return {
        "expr_hash": row.expr_hash,
        "base_currency": CURRENCIES.get(row.config["provider"], UNKNOWN_CURRENCY),
        "scale": scale,
        "dates": dates_of(shown.ts, row),
        "equity": (shown.value / base).tolist(),
        "total_points": len(line.ts),
    }


def strategy_returns(row: StrategySnapshot) -> dict[str, Any]:
    """Return its simple returns, one for each session of bars shorter than a day."""
    ts, returns, _ = daily_returns(row)
    sessions = dates_of(ts, row, by_day=True)
    return {
        "expr_hash": row.expr_hash,
        "dates": sessions,
        "returns": returns.tolist(),
    }


def strategy_equity(row: StrategySnapshot) -> Series:
    return run_series(run_of(row), ["equity"], Span())["equity"]


def daily_returns(row: StrategySnapshot) -> tuple[IntArray, FloatArray, float]:
    """Return stamps, returns and how many of them a year has."""
    line = strategy_equity(row)
    return rolling_returns(
        line.ts,
        line.value,
        calendar=calendar_of(run_of(row)),
        timeframe=str(row.config["timeframe"]),
    )


def dates_of(ts: IntArray, row: StrategySnapshot, *, by_day: bool = False) -> list[str]:
    """Return stamps as dates, or as moments where a day has several."""
    intraday = timeframe_named(str(row.config["timeframe"])).intraday
    moments = ts.astype("datetime64[ms]")
    if by_day or not intraday:
        days: list[str] = moments.astype("datetime64[D]").astype(str).tolist()
        return days
    return [f"{one}Z" for one in np.datetime_as_string(moments)]
