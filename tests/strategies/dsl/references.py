"""Every primitive once more, written from its definition with `plain` functions."""

import math

import numpy as np

from tests.strategies.dsl.plain import (
    across,
    bars,
    bars_since_column,
    beta,
    between_extremes,
    carry,
    cells,
    columns,
    correlation,
    delay,
    deviation,
    ema,
    fall,
    groups,
    highest,
    hold_column,
    hump_column,
    kama_column,
    line,
    lowest,
    mean,
    money_flow,
    normal,
    peaked,
    place_of_highest,
    place_of_lowest,
    quotient,
    ranks,
    regressed,
    residual,
    rma,
    rsi_column,
    rsquare,
    scaled,
    skewed,
    spread,
    std,
    streak_column,
    total,
    trade_when_column,
    true_range,
    weights,
    where,
    windows,
    winsorize,
    zscores,
)

# name: (expression, reference of a lookup of matrices); `s` is score, `g` the codes.
REFERENCES = {
    "add": ("s + close", lambda p: cells(lambda x, y: x + y)(p.s, p.close)),
    "subtract": ("s - close", lambda p: cells(lambda x, y: x - y)(p.s, p.close)),
    "multiply": ("s * close", lambda p: cells(lambda x, y: x * y)(p.s, p.close)),
    "divide": ("close / s", lambda p: cells(lambda x, y: x / y)(p.close, p.s)),
    "negative": ("-s", lambda p: -p.s),
    "abs": ("abs(s)", lambda p: cells(abs)(p.s)),
    "sign": ("sign(s)", lambda p: cells(lambda x: (x > 0) - (x < 0))(p.s)),
    "inverse": ("inverse(s)", lambda p: cells(lambda x: 1 / x)(p.s)),
    "less": ("s < 0.1", lambda p: cells(lambda x: x < 0.1)(p.s)),
    "less_equal": ("s <= 0.1", lambda p: cells(lambda x: x <= 0.1)(p.s)),
    "greater": ("s > 0.1", lambda p: cells(lambda x: x > 0.1)(p.s)),
    "greater_equal": ("s >= 0.1", lambda p: cells(lambda x: x >= 0.1)(p.s)),
    "equal": ("open == close", lambda p: cells(float.__eq__)(p.open, p.close)),
    "not_equal": ("open != close", lambda p: cells(float.__ne__)(p.open, p.close)),
    "and": ("s and volume", lambda p: cells(lambda x, y: x and y and 1)(p.s, p.volume)),
    "or": ("s or volume", lambda p: cells(lambda x, y: bool(x or y))(p.s, p.volume)),
    "xor": ("xor(s, volume)", lambda p: cells(
        lambda x, y: bool(x) != bool(y))(p.s, p.volume)),
    "not": ("not s", lambda p: cells(lambda x: not x)(p.s)),
    "minimum": ("min(s, close - open)", lambda p: cells(min)(p.s, p.close - p.open)),
    "maximum": ("max(s, close - open)", lambda p: cells(max)(p.s, p.close - p.open)),
    "where": ("s > 0 ? close : returns", lambda p: where(
        cells(lambda x: x > 0)(p.s), p.close, p.returns)),
    "clip": ("clip(s, -0.5, 1)", lambda p: cells(
        lambda x: min(max(x, -0.5), 1.0))(p.s)),
    "coalesce": ("coalesce(s, close)", lambda p: np.where(
        np.isnan(p.s), p.close, p.s)),
    "is_nan": ("is_nan(s)", lambda p: np.isnan(p.s) * 1.0),
    "floor": ("floor(s)", lambda p: cells(math.floor)(p.s)),
    "ceil": ("ceil(s)", lambda p: cells(math.ceil)(p.s)),
    "round": ("round(s * 5)", lambda p: cells(lambda x: round(x * 5))(p.s)),
    "power": ("s ^ 3", lambda p: cells(lambda x: x**3)(p.s)),
    "signedpower": ("signedpower(s, 1.5)", lambda p: cells(
        lambda x: math.copysign(abs(x) ** 1.5, x))(p.s)),
    "sqrt": ("sqrt(s)", lambda p: cells(math.sqrt)(p.s)),
    "square": ("square(s)", lambda p: cells(lambda x: x * x)(p.s)),
    "log": ("log(s)", lambda p: cells(math.log)(p.s)),
    "log1p": ("log1p(s)", lambda p: cells(math.log1p)(p.s)),
    "exp": ("exp(s * 500)", lambda p: cells(lambda x: math.exp(x * 500))(p.s)),
    "tanh": ("tanh(s)", lambda p: cells(math.tanh)(p.s)),
    "sigmoid": ("sigmoid(s)", lambda p: cells(lambda x: 1 / (1 + math.exp(-x)))(p.s)),
    "sin": ("sin(s)", lambda p: cells(math.sin)(p.s)),
    "cos": ("cos(s)", lambda p: cells(math.cos)(p.s)),
    "arctan": ("arctan(s)", lambda p: cells(math.atan)(p.s)),
    "signed_log": ("signed_log(s)", lambda p: cells(
        lambda x: math.copysign(math.log1p(abs(x)), x))(p.s)),
    "between": ("between(s, -1, 0.5)", lambda p: cells(lambda x: -1 <= x <= 0.5)(p.s)),
    "relu": ("relu(s)", lambda p: cells(lambda x: max(x, 0))(p.s)),
    "delay": ("delay(s, 3)", lambda p: delay(p.s, 3)),
    "delta": ("delta(s, 3)", lambda p: p.s - delay(p.s, 3)),
    "pct_change": ("pct_change(s, 3)", lambda p: quotient(p.s, delay(p.s, 3)) - 1),
    "ts_backfill": ("ts_backfill(s, 4)", lambda p: carry(p.s, 4)),
    "ts_sum": ("sum(s, 7)", lambda p: total(p.s, 7)),
    "ts_mean": ("mean(s, 7)", lambda p: mean(p.s, 7)),
    "variance": ("variance(close, 7)", lambda p: spread(p.close, 7) ** 2),
    "stddev": ("stddev(close, 7)", lambda p: spread(p.close, 7)),
    "ts_min": ("min(s, 7)", lambda p: lowest(p.s, 7)),
    "ts_max": ("max(s, 7)", lambda p: highest(p.s, 7)),
    "ts_rank": ("ts_rank(s, 7)", lambda p: windows(
        lambda w: ranks(w)[-1] / len(w))(p.s, 7)),
    "ts_argmin": ("ts_argmin(s, 7)", lambda p: place_of_lowest(p.s, 7)),
    "ts_argmax": ("ts_argmax(s, 7)", lambda p: place_of_highest(p.s, 7)),
    "ts_quantile": ("ts_quantile(s, 7, 0.3)", lambda p: windows(
        lambda w: np.quantile(w, 0.3))(p.s, 7)),
    "ts_product": ("product(s, 7)", lambda p: windows(np.prod)(p.s, 7)),
    "decay_linear": ("decay_linear(s, 7)", lambda p: windows(
        lambda w: np.average(w, weights=range(1, 8)))(p.s, 7)),
    "decay_exp": ("decay_exp(s, 7, 0.8)", lambda p: windows(
        lambda w: weights(7, 0.8) @ w)(p.s, 7)),
    "ts_skew": ("ts_skew(close, 7)", lambda p: windows(skewed, flat=True)(p.close, 7)),
    "ts_kurt": ("ts_kurt(close, 7)", lambda p: windows(peaked, flat=True)(p.close, 7)),
    "ts_mad": ("ts_mad(close, 7)", lambda p: deviation(p.close, 7)),
    "ts_slope": ("ts_slope(close, 7)", lambda p: windows(
        lambda w: line(w)[0])(p.close, 7)),
    "ts_rsquare": ("ts_rsquare(close, 7)", lambda p: windows(
        rsquare, flat=True)(p.close, 7)),
    "ts_resi": ("ts_resi(close, 7)", lambda p: windows(
        lambda w: line(w)[1][-1])(p.close, 7)),
    "ts_max_drawdown": ("ts_max_drawdown(close, 7)", lambda p: windows(fall)(
        p.close, 7)),
    "covariance": ("covariance(close, s, 7)", lambda p: windows(
        lambda x, y: np.cov(x, y)[0, 1])(p.close, p.s, 7)),
    "correlation": ("correlation(close, s, 7)", lambda p: windows(
        correlation)(p.close, p.s, 7)),
    "ts_beta": ("ts_beta(s, close, 7)", lambda p: windows(
        beta, flat=True)(p.s, p.close, 7)),
    "ts_residual": ("ts_residual(s, close, 7)", lambda p: windows(
        residual, flat=True)(p.s, p.close, 7)),
    "rank_correlation": ("rank_correlation(close, s, 7)", lambda p: windows(
        lambda x, y: correlation(ranks(x), ranks(y)))(p.close, p.s, 7)),
    "ema": ("ema(s, 7)", lambda p: ema(p.s, 7)),
    "rma": ("rma(s, 7)", lambda p: rma(p.s, 7)),
    "kama": ("kama(s, 7)", lambda p: columns(kama_column)(p.s, 7)),
    "hump": ("hump(s, 0.5)", lambda p: columns(hump_column)(p.s, 0.5)),
    "bars_since": ("bars_since(s > 1)", lambda p: columns(bars_since_column)(
        p.s > 1)),
    "streak": ("streak(s > 0)", lambda p: columns(streak_column)(
        cells(lambda x: x > 0)(p.s))),
    "hold": ("hold(s > 1, s < -1)", lambda p: columns(hold_column)(
        (p.s > 1) * 1.0, (p.s < -1) * 1.0)),
    "trade_when": ("trade_when(s > 1, close, s < -1)", lambda p: columns(
        trade_when_column)((p.s > 1) * 1.0, p.close, (p.s < -1) * 1.0)),
    "ts_median": ("ts_median(s, 6)", lambda p: windows(np.median)(p.s, 6)),
    "ts_zscore": ("ts_zscore(close, 7)", lambda p: windows(
        lambda w: (w[-1] - w.mean()) / std(w), flat=True)(p.close, 7)),
    "ts_scale": ("ts_scale(close, 7)", lambda p: windows(
        lambda w: (w[-1] - w.min()) / np.ptp(w), flat=True)(p.close, 7)),
    "ts_range": ("ts_range(close, 7)", lambda p: windows(np.ptp)(p.close, 7)),
    "ts_ir": ("ts_ir(close, 7)", lambda p: windows(
        lambda w: w.mean() / std(w), flat=True)(p.close, 7)),
    "ts_av_diff": ("ts_av_diff(s, 7)", lambda p: p.s - mean(p.s, 7)),
    "ts_count": ("ts_count(s > 0, 7)", lambda p: windows(
        lambda w: np.sum(w > 0))(p.s, 7)),
    "bars_since_max": ("bars_since_max(s, 7)", lambda p: 7 - place_of_highest(p.s, 7)),
    "bars_since_min": ("bars_since_min(s, 7)", lambda p: 7 - place_of_lowest(p.s, 7)),
    "log_return": ("log_return(close, 2)", lambda p: np.log(
        p.close / delay(p.close, 2))),
    "autocorrelation": ("autocorrelation(close, 7, 2)", lambda p: windows(
        correlation)(p.close, delay(p.close, 2), 7)),
    "weighted_mean": ("weighted_mean(s, volume, 7)", lambda p: quotient(
        total(p.s * p.volume, 7), total(p.volume, 7))),
    "adv": ("adv7", lambda p: mean(p.close * p.volume, 7)),
    "rank": ("rank(s)", lambda p: bars(lambda v: ranks(v) / len(v))(p.s)),
    "scale": ("scale(s, 2)", lambda p: bars(scaled)(p.s, 2)),
    "zscore": ("zscore(s)", lambda p: bars(zscores)(p.s)),
    "cs_mean": ("cs_mean(s)", lambda p: bars(np.mean)(p.s)),
    "cs_std": ("cs_std(s)", lambda p: bars(std)(p.s)),
    "cs_sum": ("cs_sum(s)", lambda p: bars(np.sum)(p.s)),
    "cs_min": ("cs_min(s)", lambda p: bars(np.min)(p.s)),
    "cs_max": ("cs_max(s)", lambda p: bars(np.max)(p.s)),
    "cs_median": ("cs_median(s)", lambda p: bars(np.median)(p.s)),
    "cs_count": ("cs_count(s)", lambda p: bars(len)(p.s)),
    "winsorize": ("winsorize(s, 1)", lambda p: bars(winsorize)(p.s, 1)),
    "bucket": ("bucket(s, 3)", lambda p: bars(
        lambda v: np.ceil(np.round(3 * ranks(v) / len(v), 9)))(p.s)),
    "normal_rank": ("normal_rank(s)", lambda p: bars(normal)(p.s)),
    "cs_residual": ("cs_residual(s, close)", lambda p: across(regressed)(p.s, p.close)),
    "vector_neut": ("vector_neut(s, close)", lambda p: across(
        lambda x, y: x - y * (x @ y) / (y @ y))(p.s, p.close)),
    "group_mean": ("group_mean(s, sector)", lambda p: groups(np.mean)(p.s, p.g)),
    "group_sum": ("group_sum(s, sector)", lambda p: groups(np.sum)(p.s, p.g)),
    "group_std": ("group_std(s, sector)", lambda p: groups(std)(p.s, p.g)),
    "group_min": ("group_min(s, sector)", lambda p: groups(np.min)(p.s, p.g)),
    "group_max": ("group_max(s, sector)", lambda p: groups(np.max)(p.s, p.g)),
    "group_count": ("group_count(s, sector)", lambda p: groups(len)(p.s, p.g)),
    "group_rank": ("group_rank(s, sector)", lambda p: groups(
        lambda v: ranks(v) / len(v))(p.s, p.g)),
    "demean": ("demean(s)", lambda p: bars(lambda v: v - v.mean())(p.s)),
    "cs_scale": ("cs_scale(s)", lambda p: bars(between_extremes)(p.s)),
    "top": ("top(s, 3)", lambda p: bars(lambda v: ranks(v) > len(v) - 3)(p.s)),
    "bottom": ("bottom(s, 3)", lambda p: bars(lambda v: ranks(v) < 4)(p.s)),
    "indneutralize": ("indneutralize(s, IndClass.sector)", lambda p: groups(
        lambda v: v - v.mean())(p.s, p.g)),
    "group_zscore": ("group_zscore(s, sector)", lambda p: groups(zscores)(p.s, p.g)),
    "group_scale": ("group_scale(s, sector)", lambda p: groups(between_extremes)(
        p.s, p.g)),
    "rsi": ("rsi(s, 5)", lambda p: columns(rsi_column)(p.s, 5)),
    "true_range": ("true_range()", lambda p: true_range(p.high, p.low, p.close)),
    "atr": ("atr(5)", lambda p: rma(true_range(p.high, p.low, p.close), 5)),
    "macd": ("macd(s, 4, 7)", lambda p: ema(p.s, 4) - ema(p.s, 7)),
    "macd_signal": ("macd_signal(s, 4, 7, 3)", lambda p: ema(
        ema(p.s, 4) - ema(p.s, 7), 3)),
    "bollinger_upper": ("bollinger_upper(close, 7, 1.5)", lambda p: (
        mean(p.close, 7) + 1.5 * spread(p.close, 7))),
    "bollinger_lower": ("bollinger_lower(close, 7, 1.5)", lambda p: (
        mean(p.close, 7) - 1.5 * spread(p.close, 7))),
    "stochastic_k": ("stochastic_k(7)", lambda p: 100 * quotient(
        p.close - lowest(p.low, 7), highest(p.high, 7) - lowest(p.low, 7))),
    "williams_r": ("williams_r(7)", lambda p: -100 * quotient(
        highest(p.high, 7) - p.close, highest(p.high, 7) - lowest(p.low, 7))),
    "cci": ("cci(7)", lambda p: quotient(
        p.vwap - mean(p.vwap, 7), 0.015 * deviation(p.vwap, 7))),
    "aroon_up": ("aroon_up(7)", lambda p: (place_of_highest(p.high, 7) - 1) / 0.06),
    "aroon_down": ("aroon_down(7)", lambda p: (place_of_lowest(p.low, 7) - 1) / 0.06),
    "mfi": ("mfi(7)", lambda p: money_flow(p.high, p.low, p.close, p.volume, 7)),
    "cmf": ("cmf(7)", lambda p: quotient(total(p.volume * quotient(
        2 * p.close - p.high - p.low, p.high - p.low), 7), total(p.volume, 7))),
    "volume_ratio": ("volume_ratio(7)", lambda p: quotient(
        p.volume, delay(mean(p.volume, 7), 1))),
    "efficiency_ratio": ("efficiency_ratio(close, 5)", lambda p: quotient(
        np.abs(p.close - delay(p.close, 5)),
        total(np.abs(p.close - delay(p.close, 1)), 5))),
    "dema": ("dema(s, 5)", lambda p: 2 * ema(p.s, 5) - ema(ema(p.s, 5), 5)),
    "trix": ("trix(close, 4)", lambda p: quotient(
        ema(ema(ema(p.close, 4), 4), 4),
        delay(ema(ema(ema(p.close, 4), 4), 4), 1)) - 1),
    "donchian_upper": ("donchian_upper(7)", lambda p: delay(highest(p.high, 7), 1)),
    "donchian_lower": ("donchian_lower(7)", lambda p: delay(lowest(p.low, 7), 1)),
}  # fmt: skip
