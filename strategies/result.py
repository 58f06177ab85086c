"""What every result says of itself, be it of one symbol, of many, or of weights."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from strategies.config import RunConfig
from strategies.metrics import MetricInputs, compute_all
from strategies.simulation.records import Trips
from strategies.statistics import sharpe_se
from strategies.timeseries import ReportSeries, report_series
from strategies.types import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from strategies.market.candles import Candles
    from strategies.market.panel import Panel

FEWEST_RETURNS = 2


class Held(Protocol):
    """What was bought and held beside it."""

    @property
    def equity(self) -> FloatArray:
        """Account value at each close, in cash, shape (n_bars,)."""


class Account(Held, Protocol):
    """What the trades made of the cash."""

    @property
    def bar_returns(self) -> FloatArray:
        """Simple returns of the equity, shape (n_bars − 1,)."""


@dataclass(frozen=True)
class Measured:
    """An account and its metrics.

    Attributes
    ----------
    simulation : Simulation or PortfolioSimulation
        Equity, cash, quantities and fills.
    metrics : dict
        Keys of the metric registry; None where a number is undefined.
    flags : dict
        Metric key to the reason why it is undefined or doubtful.
    """

    simulation: Account
    metrics: dict[str, Any]
    flags: dict[str, str]

    @property
    @abstractmethod
    def timeline(self) -> Candles | Panel:
        """Stamps, calendar, timeframe and bars per year of the result."""

    @property
    def ts(self) -> IntArray:
        """Open time of each bar, epoch ms UTC, shape (n_bars,)."""
        return self.timeline.ts

    @property
    def equity(self) -> FloatArray:
        """Account value at each close, in cash, shape (n_bars,)."""
        return self.simulation.equity

    @property
    def bar_returns(self) -> FloatArray:
        """Simple returns of the equity, net of costs, shape (n_bars − 1,)."""
        return self.simulation.bar_returns


@dataclass(frozen=True)
class RunResult(Measured):
    """All there is to know about one run; frames are made on first access.

    Attributes
    ----------
    config : RunConfig
        Completed: every default filled in.
    benchmark : Simulation, SideBySide or None
        The benchmark held over the same bars, without costs.
    """

    config: RunConfig
    benchmark: Held | None

    @property
    def data_fingerprint(self) -> str:
        """The sha256 of all bars that were read."""
        return self.timeline.fingerprint

    @property
    def sharpe_se(self) -> float | None:
        """Standard error of the annualised Sharpe ratio; None where that is."""
        return annual_sharpe_se(self.metrics, self.timeline.ppy)

    @property
    def benchmark_equity(self) -> FloatArray | None:
        """Account value of the benchmark at each close, shape (n_bars,)."""
        return self.benchmark.equity if self.benchmark else None

    @cached_property
    def benchmark_metrics(self) -> dict[str, Any]:
        """The metrics of the benchmark, without alpha and beta; {} without one."""
        inputs = self._benchmark_inputs()
        return {} if inputs is None else compute_all(inputs)[0]

    @cached_property
    def series(self) -> ReportSeries:
        """The series of the report: drawdown, rolling Sharpe, months, histogram."""
        return report_series(
            self.timeline,
            self.equity,
            benchmark=self.benchmark_equity,
            trips=self.trips,
            rf=self.config.rf,
        )

    @property
    @abstractmethod
    def fills(self) -> pd.DataFrame:
        """One row per execution, oldest first: the columns of ``trades.parquet``."""

    @property
    @abstractmethod
    def round_trips(self) -> pd.DataFrame:
        """One row per trip of a symbol from flat to flat."""

    @property
    @abstractmethod
    def bars(self) -> pd.DataFrame:
        """One row per symbol and bar: holdings, prices and the features behind them."""

    @abstractmethod
    def _benchmark_inputs(self) -> MetricInputs | None:
        """Return what the metrics of the benchmark are computed from."""

    @property
    @abstractmethod
    def trips(self) -> Trips:
        """The round trips of all symbols as arrays, symbol after symbol."""


def annual_sharpe_se(metrics: dict[str, Any], ppy: float) -> float | None:
    """Return the standard error of `metrics["sharpe"]` (NUMBERS: first formula)."""
    sr, n = metrics.get("sharpe_bar"), metrics.get("n_bars", 0) - 1
    if sr is None or n < FEWEST_RETURNS:
        return None
    skew, kurtosis = metrics.get("skew"), metrics.get("kurtosis")
    if skew is None or kurtosis is None:
        return None
    return float(sharpe_se(sr, n, skew, kurtosis) * np.sqrt(ppy))
