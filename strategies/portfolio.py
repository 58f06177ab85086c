"""From weights to a result: simulate a portfolio, measure it, report the trial."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies import __version__
from strategies.config import ExecutionConfig, SizingConfig
from strategies.documents import sha256_of
from strategies.errors import CandleError
from strategies.market.calendar import session_keys
from strategies.metrics import MetricInputs, compute_all
from strategies.result import Measured
from strategies.simulation.portfolio import (
    PortfolioSimulation,
    SideBySide,
    simulate_weights,
)
from strategies.simulation.records import fill_columns, framed, trip_columns
from strategies.trials import Trial, current_sink
from strategies.types import BoolArray, FloatArray
from strategies.weights import to_weights

if TYPE_CHECKING:
    import pandas as pd

    from strategies.market.panel import Panel

MIN_BARS = 2


@dataclass(frozen=True)
class PortfolioResult(Measured):
    """One portfolio of weights; frames are made on first access.

    Attributes
    ----------
    panel : Panel
        The bars that were read.
    weights : float64 array of shape (n_bars, n_symbols)
        Signed fractions of equity wanted after each close, before the lag.
    """

    simulation: PortfolioSimulation
    panel: Panel
    weights: FloatArray

    @property
    def timeline(self) -> Panel:
        """Stamps, calendar, timeframe and bars per year of the result."""
        return self.panel

    @cached_property
    def fills(self) -> pd.DataFrame:
        """One row per execution, oldest first: the columns of ``trades.parquet``."""
        return self._stacked(fill_columns, "ts_utc")

    @cached_property
    def round_trips(self) -> pd.DataFrame:
        """One row per trip of a symbol from flat to flat, by the time of its entry."""
        return self._stacked(trip_columns, "entry_ts")

    def _stacked(self, columns: Any, by: str) -> pd.DataFrame:
        parts = [
            columns(part, self.panel.candles(symbol))
            for symbol, part in zip(
                self.panel.symbols, self.simulation.parts, strict=True
            )
        ]
        return framed(parts).sort_values(by, kind="stable", ignore_index=True)


def simulate_portfolio(
    panel: Panel,
    weights: FloatArray | BoolArray,
    execution: ExecutionConfig | None = None,
    *,
    initial_cash: float = 100_000.0,
    sizing: SizingConfig | None = None,
    rf: float = 0.0,
    source: str = "run",
) -> PortfolioResult:
    """Return the result of holding `weights`, decided anew at each close.

    Parameters
    ----------
    panel : Panel
    weights : float64 or bool array of shape (n_bars, n_symbols)
        Signed fractions of equity wanted after each close, **not** lagged by the
        caller: the simulator applies the one lag. With `sizing`, values of any size,
        of which `strategies.weights.to_weights` makes the weights.
    execution : ExecutionConfig, optional
        Costs with overrides by symbol, lag and fill price; without it trading is free
        and fills at the next open.
    initial_cash : float
        > 0, quote currency.
    sizing : SizingConfig, optional
        Caps, neutralisation, smoothing, what NaN means, and the no-trade band.
        Without it the weights are taken as they are and NaN is refused.
    rf : float
        Risk-free rate per year, a fraction.
    source : str
        Who evaluates it, for the trial.

    Raises
    ------
    StrategyError
        ``bad_weights``, ``unknown_group``, ``unknown_symbol`` or ``out_of_range``.
    CandleError
        ``too_few_bars`` if the panel has fewer than two.
    """
    if len(panel) < MIN_BARS:
        raise CandleError(
            f"The panel has {len(panel)} bars: at least {MIN_BARS} are needed.",
            code="too_few_bars",
        )
    execution = execution or ExecutionConfig()
    wanted = np.asarray(weights, dtype=np.float64)
    band = 0.0
    if sizing is not None:
        wanted, band = to_weights(wanted, sizing, panel), sizing.no_trade_band
    simulation = simulate_weights(
        panel, wanted, execution, initial_cash=initial_cash, band=band
    )
    metrics, flags = compute_all(metric_inputs(panel, simulation, rf))
    identity = _identity(wanted, execution, band, initial_cash, rf)
    current_sink().report(_trial(panel, metrics, identity, source))
    return PortfolioResult(
        panel=panel,
        weights=wanted,
        simulation=simulation,
        metrics=metrics,
        flags=flags,
    )


def metric_inputs(
    panel: Panel,
    simulation: PortfolioSimulation | SideBySide,
    rf: float,
    benchmark_equity: FloatArray | None = None,
) -> MetricInputs:
    """Return what the metrics of a portfolio are computed from."""
    closed = [part.closed_trips for part in simulation.parts]
    sessions = session_keys(panel.ts[1:], panel.calendar, panel.timeframe)
    return MetricInputs(
        ts=panel.ts,
        equity=simulation.equity,
        in_position=(simulation.quantity != 0.0).any(axis=1),
        gross_exposure=simulation.gross_exposure,
        fill_notional=simulation.fill_notional,
        trip_pnl=np.concatenate([one["pnl"] for one in closed]),
        trip_return=np.concatenate([one["ret"] for one in closed]),
        ppy=panel.ppy,
        n_sessions=int(np.unique(sessions).size),
        rf=rf,
        benchmark_equity=benchmark_equity,
        ruined=simulation.ruined,
    )


def _identity(
    weights: FloatArray,
    execution: ExecutionConfig,
    band: float,
    initial_cash: float,
    rf: float,
) -> str:
    """Return the hash of all that a portfolio depends on, except the bars."""
    return sha256_of(
        {
            "code_version": __version__,
            "weights": hashlib.sha256(weights.tobytes()).hexdigest(),
            "execution": execution.changed(),
            "no_trade_band": band,
            "initial_cash": initial_cash,
            "rf": rf,
        }
    )


def _trial(panel: Panel, metrics: dict[str, Any], identity: str, source: str) -> Trial:
    return Trial(
        source=source,
        config_hash=identity,
        config_family_hash=identity,
        instruments=tuple(f"{panel.provider}:{name}" for name in panel.symbols),
        data_fingerprint=panel.fingerprint,
        start_ms=int(panel.ts[0]),
        end_ms=int(panel.ts[-1]),
        sharpe_bar=metrics["sharpe_bar"],
        skew=metrics["skew"],
        kurtosis=metrics["kurtosis"],
        n_returns=len(panel) - 1,
        ppy=panel.ppy,
    )
