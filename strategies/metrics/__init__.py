"""What a result is worth in numbers: definitions in `registry`, arithmetic beside it.

`compute_all` is the only way in which a run gets its metrics.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import numpy as np

from strategies.equity import BAR_RETURNS, checked_equity
from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.metrics.benchmark import benchmark_figures, joined_on_time
from strategies.metrics.figures import REASONS, Figures
from strategies.metrics.returns import fitness, return_figures
from strategies.metrics.totals import curve_totals, trip_totals
from strategies.metrics.trades import activity_figures, trip_figures
from strategies.types import BoolArray, FloatArray, IntArray

__all__ = ["REASONS", "MetricInputs", "compute_all"]

Metrics = dict[str, float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInputs:
    """What the metrics of one run are made of.

    Attributes
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, ascending.
    equity : float64 array of shape (n_bars,)
        Account value at each close, in cash; the first is the starting capital.
    in_position : bool array of shape (n_bars,)
        A position was held at the close.
    gross_exposure : float64 array of shape (n_bars,)
        Market value of all positions, long and short added, as a fraction of equity.
    fill_notional : float64 array of shape (n_fills,)
        ``qty · price`` of each fill, in cash.
    trip_pnl, trip_return : float64 arrays of shape (n_trips,)
        Of closed round trips, in cash and as fractions, net of costs.
    ppy : float
        Bars per year.
    n_sessions : int
        Trading days of the window.
    rf : float
        Risk-free rate per year, a fraction.
    benchmark_equity : float64 array of shape (n_bars,), optional
        Without it there is no alpha and no beta.
    benchmark_returns : float64 array of shape (n_bars - 1,), optional
        Simple returns of a benchmark on the run's bars, where its holder keeps them:
        the same benchmark is then neither checked nor divided again for every run.
    benchmark_ts : int64 array, optional
        Stamps of the benchmark, where it does not live on the run's bars.
    ruined : bool
        The account fell to zero.
    """

    ts: IntArray
    equity: FloatArray
    in_position: BoolArray
    gross_exposure: FloatArray
    fill_notional: FloatArray
    trip_pnl: FloatArray
    trip_return: FloatArray
    ppy: float
    n_sessions: int
    rf: float = 0.0
    benchmark_equity: FloatArray | None = None
    benchmark_returns: FloatArray | None = None
    benchmark_ts: IntArray | None = None
    ruined: bool = False

    def __post_init__(self) -> None:
        n_bars = len(self.ts)
        for name in ("equity", "in_position", "gross_exposure"):
            _same_length(name, len(getattr(self, name)), "ts", n_bars)
        _same_length(
            "trip_return", len(self.trip_return), "trip_pnl", len(self.trip_pnl)
        )
        if self.benchmark_equity is not None:
            stamps = self.ts if self.benchmark_ts is None else self.benchmark_ts
            _same_length(
                "benchmark_equity", len(self.benchmark_equity), "its ts", len(stamps)
            )
        if self.benchmark_returns is not None:
            _same_length(
                "benchmark_returns",
                len(self.benchmark_returns),
                "ts less one",
                n_bars - 1,
            )


def compute_all(inputs: MetricInputs) -> tuple[Metrics, dict[str, str]]:
    """Return every metric of a run.

    Parameters
    ----------
    inputs : MetricInputs

    Returns
    -------
    metrics : dict of str to float, int or None
        None where a number is undefined; never NaN, never infinity.
    flags : dict of str to str
        Metric key to the reason why it is undefined or doubtful: a key of `REASONS`.

    Raises
    ------
    StrategyError
        Code ``bad_equity``: equity is empty, negative or not finite.
    """
    metrics: Metrics = {}
    flags: dict[str, str] = {}
    for values, reasons in _figures(inputs):
        metrics |= {k: v if isfinite(v) else None for k, v in values.items()}
        flags |= reasons
    metrics["fitness"], flags["fitness"] = _fitness(metrics, flags)
    return metrics, {key: reason for key, reason in flags.items() if reason}


def _figures(inputs: MetricInputs) -> Iterator[Figures]:
    equity = checked_equity(inputs.equity)
    ppy, rf = inputs.ppy, inputs.rf
    totals = curve_totals(equity, inputs.in_position, inputs.gross_exposure, rf, ppy)
    ruined = inputs.ruined or float(equity[-1]) <= 0.0
    yield return_figures(totals, ppy, ruined=ruined)
    yield trip_figures(trip_totals(inputs.trip_pnl, inputs.trip_return))
    traded = float(np.abs(inputs.fill_notional).sum())
    yield activity_figures(totals, traded, ppy=ppy, n_sessions=inputs.n_sessions)
    if inputs.benchmark_returns is not None:
        theirs = inputs.benchmark_returns
        yield benchmark_figures(totals.returns, theirs, ppy=ppy, rf=rf)
    elif inputs.benchmark_equity is not None:
        yield _against(inputs, inputs.benchmark_equity, equity, totals.returns)
    ends = {"start_ts": int(inputs.ts[0]), "end_ts": int(inputs.ts[-1])}
    yield Figures({**ends, "n_bars": len(inputs.ts)}, {})


def _against(
    inputs: MetricInputs, benchmark: FloatArray, equity: FloatArray, returns: FloatArray
) -> Figures:
    benchmark = checked_equity(benchmark)
    if inputs.benchmark_ts is not None:
        equity, benchmark = joined_on_time(
            inputs.ts, equity, inputs.benchmark_ts, benchmark
        )
        returns = resolve(BAR_RETURNS)(equity)
    theirs = resolve(BAR_RETURNS)(benchmark)
    return benchmark_figures(returns, theirs, ppy=inputs.ppy, rf=inputs.rf)


def _fitness(metrics: Metrics, flags: dict[str, str]) -> tuple[float | None, str]:
    """Return the fitness, or None for the reason its first missing part has."""
    parts = []
    for key in ("sharpe", "ann_return", "turnover_daily"):
        value = metrics[key]
        if value is None:
            return None, flags[key]
        parts.append(value)
    return fitness(*parts), ""


def _same_length(name: str, length: int, other: str, expected: int) -> None:
    if length != expected:
        raise StrategyError(
            f"{name} has {length} values, {other} has {expected}.",
            code="lengths_differ",
        )
