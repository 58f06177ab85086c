"""What a run's files hold of what the critic looks at."""

from __future__ import annotations

import numpy as np

from experiments.artifacts.tables import (
    BARS,
    EQUITY,
    FILLS,
    ROUND_TRIPS,
    run_columns,
)
from experiments.models import ModelRun
from strategies.critic.traces import Traces
from strategies.equity import risk_free_of_a_bar
from strategies.market.calendar import calendar_with, month_keys, session_days
from strategies.market.sessions import missing_before
from strategies.types import FloatArray, IntArray


def traces_of_files(run: ModelRun, market_return: float | None) -> Traces:
    """Return the arrays of a run that kept its files.

    `market_return` is the benchmark's mean return a year, None without one.
    """
    timeframe, ppy = str(run.config["timeframe"]), float(run.ppy or 1.0)
    calendar = calendar_with(ppy, timeframe)
    account = run_columns(run, EQUITY, "ts_utc", "equity")
    trips = run_columns(run, ROUND_TRIPS, "symbol", "pnl")
    bars = run_columns(run, BARS, "market_value", "close")
    traded, cost = _paid(run, account["ts_utc"])
    ts, shape = account["ts_utc"], (-1, len(account["ts_utc"]))
    return Traces(
        equity=account["equity"],
        day=session_days(ts, calendar, timeframe),
        year=month_keys(ts, calendar, timeframe) // 100,
        traded=traded,
        cost=cost,
        trip_pnl=trips["pnl"],
        trip_symbol=trips["symbol"].astype(str),
        held=np.nan_to_num(bars["market_value"]).reshape(shape).T,
        has_price=np.isfinite(bars["close"]).reshape(shape).T,
        n_missing=int(missing_before(ts, calendar, timeframe).sum()),
        ppy=ppy,
        rf_bar=risk_free_of_a_bar(float(run.config.get("rf", 0.0)), ppy),
        market_return=market_return,
    )


def _paid(run: ModelRun, ts: IntArray) -> tuple[FloatArray, FloatArray]:
    """Return the value traded on each bar and what it cost, both in cash."""
    names = ("ts_utc", "qty", "price", "fee", "slippage")
    fills = run_columns(run, FILLS, *names)
    rows = np.searchsorted(ts, fills["ts_utc"])
    traded = np.bincount(rows, fills["qty"] * fills["price"], minlength=len(ts))
    cost = np.bincount(rows, fills["fee"] + fills["slippage"], minlength=len(ts))
    return traded.astype(np.float64), cost.astype(np.float64)
