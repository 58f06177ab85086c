"""What the references of the primitives are made of: slow and plain.

A function here takes matrices with NaN and numbers; none of them shares a line with the
kernels, and each looks at one cell, one window or one bar at a time.
"""

import math
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import pandas as pd


def cells(function):
    """Apply to each cell; NaN for a NaN operand and for what is not finite."""

    def apply(*given):
        given = np.broadcast_arrays(*given)
        out = np.full(given[0].shape, np.nan)
        for at in np.ndindex(out.shape):
            values = [float(one[at]) for one in given]
            if not any(map(math.isnan, values)):
                try:
                    value = function(*values)
                except (ValueError, ZeroDivisionError, OverflowError):
                    continue
                if not isinstance(value, complex) and math.isfinite(value):
                    out[at] = value
        return out

    return apply


def windows(function, flat=False):
    """Apply to each full window without NaN; with `flat`, NaN for equal values."""

    def apply(*given):
        matrices = [one for one in given if isinstance(one, np.ndarray)]
        d, *rest = (one for one in given if not isinstance(one, np.ndarray))
        out = np.full(matrices[0].shape, np.nan)
        for t in range(d - 1, out.shape[0]):
            for j in range(out.shape[1]):
                parts = [one[t - d + 1 : t + 1, j] for one in matrices]
                if any(np.isnan(one).any() for one in parts):
                    continue
                if flat and any(np.ptp(one) == 0 for one in parts[-1:]):
                    continue
                out[t, j] = function(*parts, *rest)
        return out

    return apply


def bars(function):
    """Apply to the valid names of each bar."""

    def apply(x, *rest):
        out = np.full(x.shape, np.nan)
        for t in range(x.shape[0]):
            valid = ~np.isnan(x[t])
            if valid.any():
                with np.errstate(all="ignore"):
                    out[t, valid] = function(x[t, valid], *rest)
        return out

    return apply


def groups(function):
    """Apply to the valid names of each group of a bar."""

    def apply(x, codes):
        out = np.full(x.shape, np.nan)
        for t in range(x.shape[0]):
            for code in set(codes[t]) - {-1}:
                one = (codes[t] == code) & ~np.isnan(x[t])
                if one.any():
                    out[t, one] = function(x[t, one])
        return out

    return apply


def columns(function):
    """Apply to the history of each symbol; a value for each bar."""

    def apply(*given):
        matrices = [one for one in given if isinstance(one, np.ndarray)]
        rest = [one for one in given if not isinstance(one, np.ndarray)]
        out = [
            function(*(m[:, j] for m in matrices), *rest)
            for j in range(matrices[0].shape[1])
        ]
        return np.array(out, dtype=float).T

    return apply


def ranks(values):
    return np.array(
        [np.sum(values < v) + (np.sum(values == v) + 1) / 2 for v in values]
    )


def std(values):
    return np.std(values, ddof=1) if len(values) > 1 else np.nan


def zscores(values):
    spread = std(values)
    return (values - values.mean()) / spread if spread > 0 else values * np.nan


def line(window):
    places = np.arange(len(window))
    slope, start = np.polyfit(places, window, 1)
    return slope, window - (start + slope * places)


def rsquare(window):
    _, rest = line(window)
    return 1 - np.sum(rest**2) / np.sum((window - window.mean()) ** 2)


def fall(window):
    return min(window[i] / window[: i + 1].max() - 1 for i in range(len(window)))


def correlation(x, y):
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return np.corrcoef(x, y)[0, 1]


def beta(x, y):
    return np.cov(x, y)[0, 1] / np.var(y, ddof=1)


def residual(x, y):
    return (x[-1] - x.mean()) - beta(x, y) * (y[-1] - y.mean())


def delay(x, d):
    return np.vstack([np.full((d, x.shape[1]), np.nan), x[: len(x) - d]])


def carry(x, d):
    return pd.DataFrame(x).ffill(limit=d - 1).to_numpy() if d > 1 else x


def exponential(values, weight_at, d):
    out, state, known = [], math.nan, 0
    for value in values:
        if math.isnan(value):
            out.append(math.nan)
            continue
        known += 1
        weight = weight_at(known)
        state = value if known == 1 else weight * value + (1 - weight) * state
        out.append(state if known >= d else math.nan)
    return out


def ema_column(values, d):
    return exponential(values, lambda known: 2 / (d + 1), d)


def rma_column(values, d):
    return exponential(values, lambda known: 1 / min(known, d), d)


def kama_column(values, d):
    out = [math.nan] * len(values)
    known, state = 0, math.nan
    for t, value in enumerate(values):
        known = 0 if math.isnan(value) else known + 1
        if known <= d:
            state = value
            continue
        path = sum(abs(values[k] - values[k - 1]) for k in range(t - d + 1, t + 1))
        ratio = abs(value - values[t - d]) / path if path else 0.0
        state += (ratio * (2 / 3 - 2 / 31) + 2 / 31) ** 2 * (value - state)
        out[t] = state
    return out


def hump_column(values, h):
    out, kept = [], None
    for value in values:
        if not math.isnan(value) and (kept is None or abs(value - kept) > h):
            kept = value
        out.append(math.nan if math.isnan(value) else kept)
    return out


def holds(value):
    return not math.isnan(value) and value != 0


def bars_since_column(values):
    out, last = [], None
    for t, value in enumerate(values):
        last = t if holds(value) else last
        out.append(math.nan if last is None else t - last)
    return out


def streak_column(values):
    out, count = [], 0
    for value in values:
        count = count + 1 if holds(value) else 0
        out.append(math.nan if math.isnan(value) else count)
    return out


def hold_column(enter, leave):
    out, state = [], 0.0
    for one, other in zip(enter, leave, strict=True):
        state = 0.0 if holds(other) else (1.0 if holds(one) else state)
        out.append(state)
    return out


def trade_when_column(condition, x, leave):
    out, kept = [], math.nan
    for one, value, other in zip(condition, x, leave, strict=True):
        kept = math.nan if holds(other) else (value if holds(one) else kept)
        out.append(kept)
    return out


def rsi_column(values, d):
    known = [(t, v) for t, v in enumerate(values) if not math.isnan(v)]
    out = [math.nan] * len(values)
    gain = loss = 0.0
    for n, ((_, before), (t, now)) in enumerate(pairwise(known), 1):
        weight = 1 / min(n, d)
        gain += weight * (max(now - before, 0) - gain)
        loss += weight * (max(before - now, 0) - loss)
        if n >= d:
            out[t] = 100 * gain / (gain + loss) if gain + loss > 0 else 50.0
    return out


def winsorize(values, k):
    reach = k * std(values) if len(values) > 1 else 0.0
    return np.clip(values, values.mean() - reach, values.mean() + reach)


def across(function):
    """Apply to the names of each bar that have both values."""

    def apply(x, y):
        out = np.full(x.shape, np.nan)
        for t in range(x.shape[0]):
            both = ~np.isnan(x[t]) & ~np.isnan(y[t])
            if both.sum() and np.ptp(y[t, both]) > 0:
                out[t, both] = function(x[t, both], y[t, both])
        return out

    return apply


def regressed(x, y):
    return x - x.mean() - beta(x, y) * (y - y.mean())


def normal(values):
    return [NormalDist().inv_cdf((r - 0.5) / len(values)) for r in ranks(values)]


def weights(d, f):
    made = f ** np.arange(d - 1, -1, -1.0)
    return made / made.sum()


def scaled(values, a):
    total = np.abs(values).sum()
    return a * values / total if total > 0 else values * np.nan


def between_extremes(values):
    reach = np.ptp(values)
    return (values - values.min()) / reach if reach > 0 else values * np.nan


def where(c, x, y):
    return np.where(np.isnan(c), np.nan, np.where(c != 0, x, y))


def quotient(x, y):
    with np.errstate(all="ignore"):
        value = np.asarray(x / y)
    return np.where(np.isfinite(value), value, np.nan)


def skewed(values):
    return pd.Series(values - values[0]).skew()


def peaked(values):
    return pd.Series(values - values[0]).kurt()


mean = windows(np.mean)
total = windows(np.sum)
spread = windows(std)
lowest, highest = windows(np.min), windows(np.max)
place_of_highest = windows(lambda w: np.argmax(w) + 1)
place_of_lowest = windows(lambda w: np.argmin(w) + 1)
deviation = windows(lambda w: np.mean(np.abs(w - w.mean())))
ema, rma = columns(ema_column), columns(rma_column)


def true_range(high, low, close):
    before = delay(close, 1)
    return np.maximum(high, before) - np.minimum(low, before)


def money_flow(high, low, close, volume, d):
    typical = close + high + low
    change = typical - delay(typical, 1)
    flow = typical * volume
    up = np.where(np.isnan(change), np.nan, np.where(change > 0, flow, 0))
    moved = np.where(np.isnan(change), np.nan, np.where(change != 0, flow, 0))
    return quotient(100 * total(up, d), total(moved, d))
