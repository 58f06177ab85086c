"""What a run's files hold of what tests of luck look at."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.artifacts.store import run_store
from experiments.models import ModelRun
from strategies import RunConfig
from strategies.equity import risk_free_of_a_bar
from strategies.library.registry import complete_params, strategy_named
from strategies.market.candles import last_valid
from strategies.validation.evidence import Evidence

BARS = ("ts_utc", "market_value", "equity", "open", "close")
TRIPS = ("side", "entry_ts", "exit_ts", "pnl")


def evidence_of_files(run: ModelRun) -> Evidence:
    """Return the evidence of a run that no single backtest could make again."""
    config = RunConfig(**run.config)
    bars = _columns(run, "bars.parquet", BARS)
    trips = _columns(run, "round_trips.parquet", TRIPS)
    assert config.strategy is not None  # `resolve` refuses it  # noqa: S101
    strategy = strategy_named(config.strategy.name)
    params = complete_params(strategy, config.strategy.params)
    ppy = float(run.ppy or 1.0)
    equity = bars["equity"]
    return Evidence(
        equity=equity,
        held=bars["market_value"] / np.where(equity > 0.0, equity, np.inf),
        prices=last_valid(bars[config.execution.fill]),
        entry_bar=np.searchsorted(bars["ts_utc"], trips["entry_ts"]),
        exit_bar=np.searchsorted(bars["ts_utc"], trips["exit_ts"]),
        side=np.where(trips["side"] == "long", 1.0, -1.0),
        pnl=trips["pnl"],
        ppy=ppy,
        rf_bar=risk_free_of_a_bar(config.rf, ppy),
        lookback=strategy.lookback(params) + config.execution.execution_lag,
        additive=config.risk.name == "fixed_cash",
    )


def _columns(run: ModelRun, name: str, wanted: tuple[str, ...]) -> dict[str, Any]:
    import pyarrow.parquet as pq

    with run_store().open(str(run.pk), name) as file:
        table = pq.read_table(file, columns=list(wanted))
    return {key: table[key].to_numpy() for key in wanted}
