"""What the peers of expressions do: bottleneck, pandas, polars, gplearn; all not ours.

Started by `tests.bench.expressions` as `tests/bench/peers.py` is by `tests.bench.run`;
asked and answered in the same way.
"""

import json
import sys
import time
from pathlib import Path

import bottleneck as bn
import gplearn
import numpy as np
import pandas as pd
import polars as pl
from gplearn._program import _Program
from gplearn.functions import _function_map

FOLDER = Path(sys.argv[1])
WINDOWS = (5, 10, 20, 60, 120)
FUNCTIONS = ("add", "sub", "mul", "div", "sqrt", "abs", "neg", "max", "min")
WRITTEN = {
    "add": "({0} + {1})",
    "sub": "({0} - {1})",
    "mul": "({0} * {1})",
    "div": "(abs({1}) > 0.001 ? {0} / {1} : 1)",
    "sqrt": "sqrt(abs({0}))",
    "abs": "abs({0})",
    "neg": "(-{0})",
    "max": "maximum({0}, {1})",
    "min": "minimum({0}, {1})",
}


def bottleneck_features(close, volume):
    """Symbols first: the windows are contiguous, which is where it is fastest."""
    for d in WINDOWS:
        mean = bn.move_mean(close, d, axis=-1)
        std = bn.move_std(close, d, axis=-1, ddof=1)
        yield mean
        yield std
        yield bn.move_min(close, d, axis=-1)
        yield bn.move_max(close, d, axis=-1)
        yield ((bn.move_rank(close, d, axis=-1) + 1) / 2 * (d - 1) + 1) / d
        yield bn.move_sum(volume, d, axis=-1)
        yield (close - mean) / std
        change = np.full(close.shape, np.nan)
        change[:, d:] = close[:, d:] - close[:, :-d]
        yield change
        yield bottleneck_correlation(close, volume, d)
        yield bn.nanrankdata(change, axis=0) / (~np.isnan(change)).sum(axis=0)


def bottleneck_correlation(x, y, d):
    mean_x, mean_y = bn.move_mean(x, d, axis=-1), bn.move_mean(y, d, axis=-1)
    product = bn.move_mean(x * y, d, axis=-1) - mean_x * mean_y
    spread = bn.move_std(x, d, axis=-1) * bn.move_std(y, d, axis=-1)
    return product / spread


def pandas_features(close, volume):
    for d in WINDOWS:
        rolling = close.rolling(d)
        mean, std = rolling.mean(), rolling.std()
        yield mean
        yield std
        yield rolling.min()
        yield rolling.max()
        yield rolling.rank(pct=True)
        yield volume.rolling(d).sum()
        yield (close - mean) / std
        change = close.diff(d)
        yield change
        yield rolling.corr(volume)
        yield change.rank(axis=1, pct=True)


def polars_features(close, volume, bars):
    """Names as columns for what runs down them, bars as columns for ranks across."""
    names = close.columns
    both = pl.concat([close, volume.rename(lambda name: f"v{name}")], how="horizontal")
    every = pl.all()
    for d in WINDOWS:
        yield close.select(every.rolling_mean(d))
        yield close.select(every.rolling_std(d))
        yield close.select(every.rolling_min(d))
        yield close.select(every.rolling_max(d))
        yield close.select(every.rolling_rank(d) / d)
        yield volume.select(every.rolling_sum(d))
        yield close.select((every - every.rolling_mean(d)) / every.rolling_std(d))
        yield close.select(every.diff(d))
        yield both.select(
            pl.rolling_corr(name, f"v{name}", window_size=d).alias(name)
            for name in names
        )
        moved = bars.select(
            pl.col(now) - pl.col(before)
            for now, before in zip(bars.columns[d:], bars.columns, strict=False)
        )
        yield moved.select(every.rank("average") / every.count())


def polars_frames(close, volume):
    """Read as polars takes them, a missing value being none at all."""
    shapes = (close, volume, np.ascontiguousarray(close.T))
    return [pl.from_numpy(one).fill_nan(None) for one in shapes]


def panel():
    data = np.load(FOLDER / "panel.npz")
    return data["close"], data["volume"]


def last(one):
    """Return the newest cell, without a copy of all the others."""
    if isinstance(one, pd.DataFrame):
        return float(one.iat[-1, -1])
    value = one[-1, -1]
    return float("nan") if value is None else float(value)


def features(work):
    close, volume = panel()
    if work == "bottleneck":
        close, volume = (np.ascontiguousarray(one.T) for one in (close, volume))
        made, given = bottleneck_features, (close, volume)
    elif work == "polars":
        made, given = polars_features, polars_frames(close, volume)
    else:
        made, given = pandas_features, (pd.DataFrame(close), pd.DataFrame(volume))
    start = time.perf_counter()
    with np.errstate(all="ignore"):
        kept = [last(one) for one in made(*given)]
    seconds = time.perf_counter() - start
    with np.errstate(all="ignore"):
        means = [float(np.nanmean(np.asarray(one))) for one in made(*given)]
    return seconds, {"last": kept, "mean": means}


def programs(count, seed):
    rng = np.random.RandomState(seed)
    chosen = [_function_map[name] for name in FUNCTIONS]
    arities = {}
    for one in chosen:
        arities.setdefault(one.arity, []).append(one)
    return [
        _Program(
            function_set=chosen,
            arities=arities,
            init_depth=(4, 5),
            init_method="half and half",
            n_features=8,
            const_range=(-1.0, 1.0),
            metric=None,
            p_point_replace=0.05,
            parsimony_coefficient=0.001,
            random_state=rng,
        )
        for _ in range(count)
    ]


def written(program):
    """Return a program as an expression of ours."""

    def read(parts):
        one = next(parts)
        if isinstance(one, int):
            return f'feat("x{one}")'
        if not hasattr(one, "arity"):
            return repr(float(one))
        inside = [read(parts) for _ in range(one.arity)]
        return WRITTEN[one.name].format(*inside)

    return read(iter(program.program))


def gplearn_population(count, seed):
    columns = np.load(FOLDER / "columns.npz")["columns"]
    made = programs(count, seed)
    start = time.perf_counter()
    means = [float(np.mean(one.execute(columns))) for one in made]
    return time.perf_counter() - start, {
        "mean": means,
        "texts": [written(one) for one in made],
    }


def answer(request):
    if request["work"] == "gplearn":
        return gplearn_population(request["count"], request["seed"])
    return features(request["work"])


def main():
    versions = {
        "bottleneck": bn.__version__,
        "pandas": pd.__version__,
        "polars": pl.__version__,
        "gplearn": gplearn.__version__,
    }
    sys.stdout.write(json.dumps(versions) + "\n")
    sys.stdout.flush()
    for line in sys.stdin:
        seconds, answers = answer(json.loads(line))
        sys.stdout.write(json.dumps({"seconds": seconds, "answers": answers}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
