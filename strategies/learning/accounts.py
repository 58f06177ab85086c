"""Probabilities through the engine: each symbol from its own account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from strategies.backtest import (
    BacktestResult,
    check_length,
    measured,
    plan_of,
    terms_of,
)
from strategies.config import ExecutionConfig, RunConfig
from strategies.documents import sha256_of
from strategies.errors import ConfigError
from strategies.features.compute import compute_features
from strategies.learning.models import Model
from strategies.learning.selection import Selection, entries_allowed, position_of
from strategies.market.candles import Candles
from strategies.simulation.engine import carry_out
from strategies.trials import Trial, current_sink
from strategies.types import FloatArray, IntArray, Params

SHARPE_OF = {"1h": "avg_sharpe_hourly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which terms a model is judged.

    Attributes
    ----------
    model_id : str
        For the names of the results.
    selection : Selection
    execution : ExecutionConfig
        Costs, lag and fill price.
    initial_cash : float
        Of each account.
    identity : str
        What the probabilities are; with the rest it names the trial.
    source : str
        Who evaluates it, for the trial.
    """

    model_id: str
    selection: Selection
    execution: ExecutionConfig = field(default_factory=ExecutionConfig)
    initial_cash: float = 100_000.0
    identity: str = ""
    source: str = "pipeline"

    @property
    def trial_hash(self) -> str:
        """The sha256 of everything a result depends on but the bars."""
        return sha256_of(
            {
                "model_id": self.model_id,
                "identity": self.identity,
                "selection": self.selection.document(),
                "execution": self.execution.model_dump(),
                "initial_cash": self.initial_cash,
            }
        )


@dataclass(frozen=True, eq=False)
class Accounts:
    """What came of a model, symbol by symbol.

    Attributes
    ----------
    results : tuple of BacktestResult
        In the order of the symbols.
    """

    results: tuple[BacktestResult, ...]

    @property
    def avg_sharpe(self) -> float | None:
        """Mean of ``sharpe_bar`` over the symbols that have one; None if none has."""
        found = [one.metrics["sharpe_bar"] for one in self.results]
        known = [value for value in found if value is not None]
        return float(np.mean(known)) if known else None

    @property
    def trades_total(self) -> int:
        """Closed round trips of all symbols."""
        return int(sum(one.metrics["trade_count"] or 0 for one in self.results))

    @property
    def max_position_rate(self) -> float:
        """Largest share of bars in a position over the symbols."""
        return float(max(one.metrics["exposure"] or 0.0 for one in self.results))

    @property
    def metrics(self) -> dict[str, float | None]:
        """Return the three by their keys; that of the first tells the timeframe."""
        timeframe = self.results[0].candles.timeframe
        return {
            SHARPE_OF.get(timeframe, f"avg_sharpe_{timeframe}"): self.avg_sharpe,
            "trades_total": float(self.trades_total),
            "max_position_rate": self.max_position_rate,
        }


def trade(
    candles: Sequence[Candles],
    probability: Mapping[str, tuple[IntArray, FloatArray]],
    terms: Terms,
) -> Accounts:
    """Return what trading a model's probabilities would have earned.

    Parameters
    ----------
    candles : sequence of Candles
        One timeframe.
    probability : mapping of symbol to (ts, probability)
        int64 and float64 arrays of shape (n_rows,): see `Training.of_symbol`. A bar
        without one is not predicted. Trading begins at the first predicted bar of all
        symbols and ends with the last one, so that bars a model only learnt from
        neither flatter nor dilute it.
    terms : Terms

    Raises
    ------
    ConfigError
        ``no_symbols``, ``nothing_predicted``; ``bad_hours``. CandleError
        ``too_few_bars``.

    Notes
    -----
    However many accounts, it is one trial: its Sharpe ratio is the mean of theirs.
    """
    if not candles:
        raise ConfigError("There is no symbol to trade.", code="no_symbols")
    first, last = _predicted_span(probability)
    results = []
    for whole in candles:
        bars = whole.between(first, last)
        check_length(bars)
        chance = on_stamps(bars.ts, *probability[bars.symbol])
        allowed = entries_allowed(
            bars.ts,
            calendar=bars.calendar,
            timeframe=bars.timeframe,
            selection=terms.selection,
        )
        position = position_of(chance, allowed, terms.selection)
        results.append(_account(bars, chance, position, terms))
    accounts = Accounts(tuple(results))
    current_sink().report(_trial(accounts, terms))
    return accounts


def on_stamps(ts: IntArray, known: IntArray, values: FloatArray) -> FloatArray:
    """Return the value of each stamp of `ts`; NaN where `known` has none.

    Parameters
    ----------
    ts, known : int64 arrays, ascending
    values : float64 array of the shape of `known`
    """
    found = np.full(ts.shape[0], np.nan)
    _, here, there = np.intersect1d(ts, known, assume_unique=True, return_indices=True)
    found[here] = values[there]
    return found


def rule_probability(
    model: Model, params: Params, candles: Candles
) -> tuple[IntArray, FloatArray]:
    """Return what a rule says of each bar: 1 while it wants to be long, else 0."""
    config = RunConfig(
        provider=candles.provider,
        symbol=candles.symbol,
        timeframe=candles.timeframe,
        strategy={"name": model.name, "params": dict(params)},
    )
    plan = plan_of(config)
    columns = compute_features(candles, plan.features)
    signal = plan.strategy.signal(candles, columns, plan.params)
    return candles.ts, np.where(signal > 0.0, 1.0, 0.0)


def _predicted_span(
    probability: Mapping[str, tuple[IntArray, FloatArray]],
) -> tuple[int, int]:
    stamps = [ts[np.isfinite(chance)] for ts, chance in probability.values()]
    found = np.concatenate([*stamps, np.empty(0, dtype=np.int64)])
    if not found.size:
        raise ConfigError(
            "The model predicts no bar at all.",
            code="nothing_predicted",
            advice="Train it on more bars.",
        )
    return int(found.min()), int(found.max())


def _account(
    bars: Candles, chance: FloatArray, position: FloatArray, terms: Terms
) -> BacktestResult:
    config = RunConfig(
        provider=bars.provider,
        symbol=bars.symbol,
        timeframe=bars.timeframe,
        start=int(bars.ts[0]),
        end=int(bars.ts[-1]),
        strategy={"name": terms.model_id},
        execution=terms.execution,
        initial_cash=terms.initial_cash,
    )
    simulation = carry_out(bars, position, terms_of(config, bars))
    columns = {"probability": chance}
    return measured(config, bars, columns, position, simulation, None)


def _trial(accounts: Accounts, terms: Terms) -> Trial:
    bars = [one.candles for one in accounts.results]
    return Trial(
        source=terms.source,
        config_hash=terms.trial_hash,
        config_family_hash=terms.trial_hash,
        instruments=tuple(sorted(f"{one.provider}:{one.symbol}" for one in bars)),
        data_fingerprint=sha256_of([one.fingerprint for one in bars]),
        start_ms=min(int(one.ts[0]) for one in bars),
        end_ms=max(int(one.ts[-1]) for one in bars),
        sharpe_bar=accounts.avg_sharpe,
        skew=None,
        kurtosis=None,
        n_returns=max(len(one) for one in bars) - 1,
        ppy=bars[0].ppy,
    )
