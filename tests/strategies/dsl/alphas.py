"""Published formulaic alphas as printed, each beside a slow reading of its words.

Kakushadze (2016), "101 Formulaic Alphas", Wilmott 2016(84), appendix A. The references
are pandas, and their operators are written from the paper's definitions.
"""

import numpy as np
import pandas as pd

ALPHA_1 = (
    "(rank(Ts_ArgMax(SignedPower(((returns < 0) ? stddev(returns, 20) : close), 2.), "
    "5)) - 0.5)"
)
ALPHA_2 = (
    "(-1 * correlation(rank(delta(log(volume), 2)), rank(((close - open) / open)), 6))"
)
ALPHA_7 = (
    "((adv20 < volume) ? ((-1 * ts_rank(abs(delta(close, 7)), 60)) * "
    "sign(delta(close, 7))) : (-1 * 1))"
)
ALPHA_31 = (
    "((rank(rank(rank(decay_linear((-1 * rank(rank(delta(close, 10)))), 10)))) + "
    "rank((-1 * delta(close, 3)))) + sign(scale(correlation(adv20, low, 12))))"
)
ALPHA_58 = (
    "(-1 * Ts_Rank(decay_linear(correlation(IndNeutralize(vwap, IndClass.sector), "
    "volume, 3.92795), 7.89291), 5.50322))"
)


def cross_rank(x):
    return x.rank(axis=1, method="average", pct=True)


def weighted(x, d):
    """Summed from the oldest bar on: ranks that tie in theory then tie here too."""

    def one(window):
        return sum((k + 1) * value for k, value in enumerate(window)) / sum(
            range(1, d + 1)
        )

    return x.rolling(d).apply(one, raw=True)


def time_rank(x, d):
    return x.rolling(d).rank(method="average", pct=True)


def place(x, d, pick):
    return x.rolling(d).apply(lambda w: pick(w) + 1, raw=True)


def correlated(x, y, d):
    """One column at a time, two passes, NaN for a flat window."""
    out = np.full(x.shape, np.nan)
    a, b = x.to_numpy(), y.to_numpy()
    for t in range(d - 1, len(a)):
        u, v = a[t - d + 1 : t + 1], b[t - d + 1 : t + 1]
        u, v = u - u.mean(axis=0), v - v.mean(axis=0)
        flat = (np.ptp(u, axis=0) == 0) | (np.ptp(v, axis=0) == 0)
        with np.errstate(all="ignore"):
            across = np.sqrt((u * u).sum(axis=0) * (v * v).sum(axis=0))
            out[t] = np.where(flat, np.nan, (u * v).sum(axis=0) / across)
    return pd.DataFrame(out, x.index, x.columns)


def adv(p, d):
    return (p.close * p.volume).rolling(d).mean()


def alpha_1(p):
    spread = p.returns.rolling(20).std()
    base = spread.where(p.returns < 0, p.close).where(p.returns.notna())
    return cross_rank(place(base**2 * np.sign(base), 5, np.argmax)) - 0.5


def alpha_2(p):
    first = cross_rank(np.log(p.volume).diff(2))
    return -correlated(first, cross_rank((p.close - p.open) / p.open), 6)


def alpha_7(p):
    moved = p.close.diff(7)
    chosen = -time_rank(moved.abs(), 60) * np.sign(moved)
    average = adv(p, 20)
    known = average.notna() & p.volume.notna()
    return chosen.where(average < p.volume, -1.0).where(known)


def alpha_31(p):
    inner = -cross_rank(cross_rank(p.close.diff(10)))
    first = cross_rank(cross_rank(cross_rank(weighted(inner, 10))))
    return (
        first
        + cross_rank(-p.close.diff(3))
        + np.sign(correlated(adv(p, 20), p.low, 12))
    )


def alpha_58(p):
    neutral = p.vwap.copy()
    for t in range(len(neutral)):
        row = p.vwap.iloc[t]
        neutral.iloc[t] = row - row.groupby(p.sector.iloc[t]).transform("mean")
    return -time_rank(weighted(correlated(neutral, p.volume, 3), 7), 5)


ALPHAS = {
    "1": (ALPHA_1, alpha_1),
    "2": (ALPHA_2, alpha_2),
    "7": (ALPHA_7, alpha_7),
    "31": (ALPHA_31, alpha_31),
    "58": (ALPHA_58, alpha_58),
}
