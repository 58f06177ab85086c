"""What a run's files hold of what tests of luck look at."""

from __future__ import annotations

import numpy as np

from experiments.artifacts.tables import BARS, ROUND_TRIPS, run_columns
from experiments.models import ModelRun
from strategies import RunConfig
from strategies.equity import risk_free_of_a_bar
from strategies.library.resolve import rule_lookback
from strategies.market.candles import last_valid
from strategies.validation.evidence import Evidence

OF_BARS = ("ts_utc", "market_value", "equity", "open", "close")
OF_TRIPS = ("side", "entry_ts", "exit_ts", "pnl")


def evidence_of_files(run: ModelRun) -> Evidence:
    """Return the evidence of a run that no single backtest could make again."""
    config = RunConfig(**run.config)
    bars = run_columns(run, BARS, *OF_BARS)
    trips = run_columns(run, ROUND_TRIPS, *OF_TRIPS)
    # The bars of one symbol follow those of another, each on all stamps.
    n_bars = len(np.unique(bars["ts_utc"]))
    ts, equity = bars["ts_utc"][:n_bars], bars["equity"][:n_bars]
    alive = np.where(equity > 0.0, equity, np.inf)
    prices = bars[config.execution.fill].reshape(-1, n_bars)
    ppy = float(run.ppy or 1.0)
    return Evidence(
        equity=equity,
        held=bars["market_value"].reshape(-1, n_bars).T / alive[:, None],
        prices=np.column_stack([last_valid(own) for own in prices]),
        entry_bar=np.searchsorted(ts, trips["entry_ts"]),
        exit_bar=np.searchsorted(ts, trips["exit_ts"]),
        side=np.where(trips["side"] == "long", 1.0, -1.0),
        pnl=trips["pnl"],
        ppy=ppy,
        rf_bar=risk_free_of_a_bar(config.rf, ppy),
        lookback=rule_lookback(config)[1] + config.execution.execution_lag,
        additive=config.risk.name == "fixed_cash",
        is_portfolio=config.is_portfolio,
    )
