"""From what a strategy says to the fraction of equity it wants to hold."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from strategies.config import RunConfig
from strategies.errors import StrategyError
from strategies.features.catalog import Feature
from strategies.features.compute import FeatureCache, compute_features
from strategies.kernels import resolve
from strategies.market.candles import Candles
from strategies.types import FloatArray


def to_position(
    signal: FloatArray,
    config: RunConfig,
    candles: Candles,
    cache: FeatureCache | None = None,
) -> FloatArray:
    """Return the position wanted after each close, as a signed fraction of equity.

    Parameters
    ----------
    signal : float64 array of shape (n_bars,)
        Desired state per bar: 1 long, 0 flat, −1 short. NaN is not allowed: a
        strategy turns "not yet known" into flat itself.
    config : RunConfig
        ``risk`` says how much a position takes, ``sizing`` how it is smoothed and
        capped.
    candles : Candles
        Read by the risk models that look at prices.
    cache : FeatureCache, optional
        Where computed features are kept between runs.

    Returns
    -------
    float64 array of shape (n_bars,)
        It is *not* lagged: the simulator applies the one lag.

        - ``fixed_fraction``: ``signal · fraction``;
        - ``fixed_cash``: the signal, of a stake (`stake_of`) instead of equity;
        - ``volatility_target``: ``signal · annual / volatility``, with the volatility
          known at the close that decided and kept until the signal changes; flat while
          it is not known.

        Then, in this order: smoothed, short positions dropped if ``long_only``, and
        clipped to ``cap`` and ``max_lev``.

    Raises
    ------
    StrategyError
        If the signal holds NaN or leaves [−1, 1]; the message names the bar.
    """
    lowest, highest = _span(signal)
    if not (lowest >= -1.0 and highest <= 1.0):
        bar = int(np.flatnonzero(~(np.abs(signal) <= 1.0))[0])
        raise StrategyError(
            f"signal[{bar}] is {signal[bar]}: it must be between -1 and 1."
        )
    *_, (_, position) = position_steps(signal, config, candles, cache)
    return np.ascontiguousarray(position)


def position_steps(
    signal: FloatArray,
    config: RunConfig,
    candles: Candles,
    cache: FeatureCache | None = None,
) -> Iterator[tuple[str, FloatArray]]:
    """Yield what `to_position` makes of a signal, step by step.

    Parameters
    ----------
    signal, config, candles, cache
        As in `to_position`.

    Yields
    ------
    step : {"risk", "smooth_ema", "cap"}
    position : float64 array of shape (n_bars,)
        After this step. A step that is not asked for is left out.
    """
    sizing, position = config.sizing, risked(signal, config, candles, cache)
    yield "risk", position
    if sizing.smooth_ema is not None:
        smooth = resolve("strategies.kernels.rolling:smoothed_nb")
        position = smooth(np.ascontiguousarray(position), sizing.smooth_ema)
        yield "smooth_ema", position
    bound = min(sizing.cap, sizing.max_lev)
    low = 0.0 if sizing.long_only else -bound
    lowest, highest = _span(position)
    if lowest < low or highest > bound:
        yield "cap", np.clip(position, low, bound)


def stake_of(config: RunConfig) -> float:
    """Return the most cash that a wanted fraction of 1 stands for; inf: all equity."""
    if config.risk.name != "fixed_cash":
        return math.inf
    return float(config.risk.params["cash"] or math.inf)


def risked(
    signal: FloatArray, config: RunConfig, candles: Candles, cache: FeatureCache | None
) -> FloatArray:
    """Return the signal times what ``risk`` lets one position take, before its caps."""
    params = config.risk.params
    if config.risk.name == "fixed_cash":
        return signal
    if config.risk.name == "fixed_fraction":
        fraction = float(params.get("fraction") or 1.0)
        return signal if fraction == 1.0 else signal * fraction
    known = volatility_feature(config)
    volatility = compute_features(candles, [known], cache)[str(known)]
    annual = float(params["annual"] or 0.0) / math.sqrt(candles.ppy)
    held: FloatArray = resolve("strategies.kernels.signals:sized_by_volatility_nb")(
        np.ascontiguousarray(signal), volatility, annual
    )
    return held


def _span(values: FloatArray) -> tuple[float, float]:
    """Return the lowest and the highest value; nothing spans from 0 to 0."""
    if not values.size:
        return 0.0, 0.0
    span = resolve("strategies.kernels.span:span_nb")
    lowest, highest = span(np.ascontiguousarray(values))
    return lowest, highest


def volatility_feature(config: RunConfig) -> Feature:
    """Return the feature that ``volatility_target`` sizes by."""
    return Feature("volatility", {"period": config.risk.params["window"]})
