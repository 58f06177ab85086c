"""The six classics.

Each says which state it wants after a close; a comparison with NaN is false, so all of
them are flat while warming up. `direction` long_short adds the mirrored conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strategies.features.catalog import Feature
from strategies.kernels import resolve
from strategies.library.base import Columns, Strategy
from strategies.types import BoolArray, FloatArray, Parameter, Params

if TYPE_CHECKING:
    from strategies.market.candles import Candles

DIRECTION = Parameter(
    name="direction",
    kind="choice",
    default="long",
    choices=("long", "long_short"),
    meaning="Long or flat, or long and short by the mirrored rule.",
)


def _while(long: BoolArray, short: BoolArray, params: Params) -> FloatArray:
    """Return 1 while `long`, and in long_short −1 while `short`."""
    wanted = long.astype(np.float64)
    return wanted - short if params["direction"] == "long_short" else wanted


def _from_until(
    enter: BoolArray,
    leave: BoolArray,
    enter_short: BoolArray,
    leave_short: BoolArray,
    params: Params,
) -> FloatArray:
    """Return 1 from `enter` until `leave`, and in long_short −1 by the other two."""
    signals = "strategies.kernels.signals"
    wanted: FloatArray
    if params["direction"] == "long_short":
        latch = resolve(f"{signals}:latch_both_nb")
        wanted = latch(enter, leave, enter_short, leave_short)
    else:
        wanted = resolve(f"{signals}:latch_nb")(enter, leave)
    return wanted


def _no_features(params: Params) -> tuple[Feature, ...]:
    return ()


def _always(candles: Candles, columns: Columns, params: Params) -> FloatArray:
    return np.ones(len(candles))


BUY_AND_HOLD = Strategy(
    name="buy_and_hold",
    label="Buy and hold",
    meaning="Long from the first close to the last.",
    novice="Buy once and keep it: the yardstick for every other rule.",
    features=_no_features,
    signal=_always,
)


def _sma_features(params: Params) -> tuple[Feature, Feature]:
    return (
        Feature("sma", {"period": params["fast"]}),
        Feature("sma", {"period": params["slow"]}),
    )


def _sma_signal(candles: Candles, columns: Columns, params: Params) -> FloatArray:
    fast, slow = (columns[str(feature)] for feature in _sma_features(params))
    return _while(fast > slow, fast < slow, params)


SMA_CROSS = Strategy(
    name="sma_cross",
    label="Moving average cross",
    meaning="Long while the fast simple mean of the close is above the slow one.",
    novice="Hold while the recent average price is above the longer-term average.",
    parameters=(
        Parameter.bars("fast", 20, "Length of the fast mean."),
        Parameter.bars("slow", 50, "Length of the slow mean.", minimum=2),
        DIRECTION,
    ),
    constraints=("fast < slow",),
    features=_sma_features,
    signal=_sma_signal,
)


def _level(name: str, default: float, meaning: str) -> Parameter:
    return Parameter(
        name=name,
        kind="float",
        default=default,
        minimum=0.0,
        maximum=100.0,
        step=1.0,
        unit="RSI points",
        meaning=meaning,
    )


def _rsi_features(params: Params) -> tuple[Feature]:
    return (Feature("rsi", {"period": params["period"]}),)


def _rsi_signal(candles: Candles, columns: Columns, params: Params) -> FloatArray:
    rsi = columns[str(_rsi_features(params)[0])]
    low, high = rsi < float(params["lower"]), rsi > float(params["upper"])
    return _from_until(low, high, high, low, params)


RSI_REVERSION = Strategy(
    name="rsi_reversion",
    label="RSI reversion",
    meaning="Long from RSI below the lower level until RSI above the upper level.",
    novice="Buy after a sharp fall and sell after a sharp rise.",
    parameters=(
        Parameter.bars("period", 14, "Length of Wilder's means."),
        _level("lower", 30.0, "Below this, the fall counts as overdone."),
        _level("upper", 70.0, "Above this, the rise counts as overdone."),
        DIRECTION,
    ),
    constraints=("lower <= upper",),
    features=_rsi_features,
    signal=_rsi_signal,
)


def _bollinger_features(params: Params) -> tuple[Feature]:
    return (
        Feature("bollinger", {"period": params["period"], "width": params["width"]}),
    )


def _bollinger_signal(candles: Candles, columns: Columns, params: Params) -> FloatArray:
    bands = _bollinger_features(params)[0].columns
    upper, middle, lower = (columns[band] for band in bands)
    close = candles.close
    return _from_until(
        close > upper, close < middle, close < lower, close > middle, params
    )


BOLLINGER_BREAKOUT = Strategy(
    name="bollinger_breakout",
    label="Bollinger breakout",
    meaning="Long from a close above the upper band until a close below the mean.",
    novice="Buy when price breaks unusually far above its average; sell when it is "
    "back below the average.",
    parameters=(
        Parameter.bars("period", 20, "Length of the mean and the spread.", minimum=2),
        Parameter(
            name="width",
            kind="float",
            default=2.0,
            minimum=0.1,
            maximum=10.0,
            step=0.1,
            unit="standard deviations",
            meaning="How far the bands lie from the mean (ddof 0).",
        ),
        DIRECTION,
    ),
    features=_bollinger_features,
    signal=_bollinger_signal,
)


def _macd_features(params: Params) -> tuple[Feature]:
    spans = {name: params[name] for name in ("fast", "slow", "signal")}
    return (Feature("macd", spans),)


def _macd_signal(candles: Candles, columns: Columns, params: Params) -> FloatArray:
    line, average, _ = (columns[key] for key in _macd_features(params)[0].columns)
    return _while(line > average, line < average, params)


MACD = Strategy(
    name="macd",
    label="MACD",
    meaning="Long while EMA(fast) − EMA(slow) is above its own EMA(signal).",
    novice="Hold while the short-term trend is gaining on the longer-term one.",
    parameters=(
        Parameter.bars("fast", 12, "Span of the faster exponential mean."),
        Parameter.bars("slow", 26, "Span of the slower exponential mean.", minimum=2),
        Parameter.bars("signal", 9, "Span of the mean of their difference."),
        DIRECTION,
    ),
    constraints=("fast < slow",),
    features=_macd_features,
    signal=_macd_signal,
)


def _donchian_features(params: Params) -> tuple[Feature, Feature]:
    return (
        Feature("donchian", {"period": params["entry"]}),
        Feature("donchian", {"period": params["exit"]}),
    )


def _donchian_signal(candles: Candles, columns: Columns, params: Params) -> FloatArray:
    entry, leave = (feature.columns for feature in _donchian_features(params))
    entry_high, entry_low = (columns[key] for key in entry)
    exit_high, exit_low = (columns[key] for key in leave)
    close = candles.close
    return _from_until(
        close > entry_high,
        close < exit_low,
        close < entry_low,
        close > exit_high,
        params,
    )


DONCHIAN = Strategy(
    name="donchian",
    label="Donchian breakout",
    meaning="Long from a close above the highest high of the entry bars before until "
    "a close below the lowest low of the exit bars before.",
    novice="Buy when price leaves its recent range upwards; sell when it falls out "
    "of a shorter range.",
    parameters=(
        Parameter.bars("entry", 20, "Bars whose highest high has to be exceeded."),
        Parameter.bars("exit", 10, "Bars whose lowest low ends the position."),
        DIRECTION,
    ),
    features=_donchian_features,
    signal=_donchian_signal,
)

CLASSIC = (
    BUY_AND_HOLD,
    SMA_CROSS,
    RSI_REVERSION,
    BOLLINGER_BREAKOUT,
    MACD,
    DONCHIAN,
)
