"""Indicators of technical analysis; most are written in the language itself."""

from __future__ import annotations

from strategies.dsl.primitive import (
    SKIPS_NAN,
    WINDOW_NAN,
    Argument,
    Primitive,
    X,
    bars,
)


def _derived(
    name: str,
    meaning: str,
    formula: str,
    *args: Argument,
    unit: str = "pure",
    nan: str = WINDOW_NAN,
    example: str = "",
    aliases: tuple[str, ...] = (),
) -> Primitive:
    return Primitive(
        name=name,
        aliases=aliases,
        arguments=args,
        family="technical",
        shape="derived",
        formula=formula,
        unit=unit,
        nan=nan,
        meaning=meaning,
        example=example or f"{name}()",
    )


D14 = bars(default=14)
D20 = bars(default=20)
WIDTH = Argument("k", "number", 2.0, 0.0)
FAST = bars("fast", 12)
SLOW = bars("slow", 26)

ROWS = (
    Primitive(
        name="rsi",
        arguments=(X, D14),
        family="technical",
        shape="columns",
        kernel="strategies.kernels.recursive:rsi_nb",
        unit="pure",
        nan=SKIPS_NAN,
        meaning="Wilder's relative strength index, 0 to 100.",
        example="rsi(close, 14)",
    ),
    _derived("true_range", "From the lowest to the highest of high, low and the close "
             "before.",
             "maximum(high, delay(close, 1)) - minimum(low, delay(close, 1))",
             unit="price", nan="NaN on the first bar and where a price is missing.",
             aliases=("tr",)),
    _derived("atr", "Wilder's average true range.", "rma(true_range(), {d})", D14,
             unit="price", nan=SKIPS_NAN, example="atr(14)"),
    _derived("macd", "Fast minus slow exponential mean.",
             "ema({x}, {fast}) - ema({x}, {slow})", X, FAST, SLOW, unit="same",
             nan=SKIPS_NAN, example="macd(close, 12, 26)"),
    _derived("macd_signal", "Exponential mean of the macd line.",
             "ema(macd({x}, {fast}, {slow}), {signal})", X, FAST, SLOW,
             bars("signal", 9), unit="same", nan=SKIPS_NAN,
             example="macd_signal(close, 12, 26, 9)"),
    _derived("bollinger_upper", "Mean plus k standard deviations of the window.",
             "ts_mean({x}, {d}) + {k} * stddev({x}, {d})", X, bars(default=20,
             minimum=2), WIDTH, unit="same", example="bollinger_upper(close, 20, 2)"),
    _derived("bollinger_lower", "Mean minus k standard deviations of the window.",
             "ts_mean({x}, {d}) - {k} * stddev({x}, {d})", X, bars(default=20,
             minimum=2), WIDTH, unit="same", example="bollinger_lower(close, 20, 2)"),
    _derived("stochastic_k", "Where the close lies in the range of the window, 0 to "
             "100.", "100 * (close - ts_min(low, {d})) / (ts_max(high, {d}) - "
             "ts_min(low, {d}))", D14, example="stochastic_k(14)"),
    _derived("williams_r", "How far the close is below the window's high, −100 to 0.",
             "-100 * (ts_max(high, {d}) - close) / (ts_max(high, {d}) - "
             "ts_min(low, {d}))", D14, example="williams_r(14)"),
    _derived("cci", "Commodity channel index: distance of the typical price from its "
             "mean in mean deviations.",
             "((high + low + close) / 3 - ts_mean((high + low + close) / 3, {d})) / "
             "(0.015 * ts_mad((high + low + close) / 3, {d}))", D20,
             example="cci(20)"),
    _derived("aroon_up", "How fresh the high of the last d bars is, 0 to 100.",
             "100 * (ts_argmax(high, {d}) - 1) / ({d} - 1)",
             bars(default=26, minimum=2), example="aroon_up(26)"),
    _derived("aroon_down", "How fresh the low of the last d bars is, 0 to 100.",
             "100 * (ts_argmin(low, {d}) - 1) / ({d} - 1)",
             bars(default=26, minimum=2), example="aroon_down(26)"),
    _derived("mfi", "Money flow index: share of the value traded on rising typical "
             "prices, 0 to 100.",
             "100 * ts_sum(delta(high + low + close) > 0 ? "
             "(high + low + close) * volume : 0, {d}) / "
             "ts_sum(delta(high + low + close) != 0 ? "
             "(high + low + close) * volume : 0, {d})", D14, example="mfi(14)"),
    _derived("cmf", "Chaikin money flow: where closes lie in their ranges, by volume.",
             "ts_sum((2 * close - high - low) / (high - low) * volume, {d}) / "
             "ts_sum(volume, {d})", D20, example="cmf(20)"),
    _derived("volume_ratio", "Volume over the mean volume of the d bars before.",
             "volume / delay(ts_mean(volume, {d}), 1)", D20,
             example="volume_ratio(20)"),
    _derived("efficiency_ratio", "Net move over the sum of moves, 0 to 1.",
             "abs(delta({x}, {d})) / ts_sum(abs(delta({x}, 1)), {d})", X,
             bars(default=10), example="efficiency_ratio(close, 10)"),
    _derived("dema", "Double exponential mean.",
             "2 * ema({x}, {d}) - ema(ema({x}, {d}), {d})", X, D20, unit="same",
             nan=SKIPS_NAN, example="dema(close, 20)"),
    _derived("trix", "Change of the triple exponential mean as a fraction.",
             "pct_change(ema(ema(ema({x}, {d}), {d}), {d}), 1)", X, bars(default=15),
             nan=SKIPS_NAN, example="trix(close, 15)"),
    _derived("donchian_upper", "Highest high of the d bars before.",
             "delay(ts_max(high, {d}), 1)", D20, unit="price",
             example="donchian_upper(20)"),
    _derived("donchian_lower", "Lowest low of the d bars before.",
             "delay(ts_min(low, {d}), 1)", D20, unit="price",
             example="donchian_lower(20)"),
)  # fmt: skip
