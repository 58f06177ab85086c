"""Hourly bars for models: pure luck, or with something in them that can be learnt."""

from __future__ import annotations

import numpy as np

from strategies.features.cache import FeatureFiles
from strategies.features.dataset import (
    Columns,
    DatasetFile,
    Label,
    choose,
    dataset_path,
    label_values,
)
from strategies.learning.models import MOMENTUM_LOGIT
from strategies.learning.samples import read_samples
from strategies.market.candles import Candles
from strategies.market.store import FolderStore

HOUR_MS = 3_600_000
SIGN = Label("sign", 1)


def hourly(symbol, returns, *, first_hour=0, calendar="24/7"):
    """Return bars that earn `returns` from close to close and open where one closed."""
    close = 100.0 * np.exp(np.cumsum(returns))
    opening = np.append(100.0, close[:-1])
    return Candles(
        symbol=symbol,
        timeframe="1h",
        calendar=calendar,
        provider="frame",
        ts=(np.arange(len(close), dtype=np.int64) + first_hour) * HOUR_MS,
        open=opening,
        high=np.maximum(opening, close),
        low=np.minimum(opening, close),
        close=close,
        volume=np.ones(len(close)),
    )


def panel(n_symbols=4, n_bars=500, *, seed=0, memory=0.0):
    """Return symbols whose returns remember a share `memory` of the last one."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(n_symbols):
        returns = rng.normal(0.0, 0.01, n_bars)
        for t in range(1, n_bars):
            returns[t] += memory * returns[t - 1]
        found.append(hourly(f"S{number}", returns))
    return found


def samples_of(candles, folder, *, target=SIGN, features=MOMENTUM_LOGIT.features):
    """Return the rows of a dataset of these bars, through the file it is kept in."""
    chosen = choose(features)
    columns = Columns(chosen, candles, FeatureFiles(FolderStore(folder / "features")))
    file = DatasetFile(folder, "dataset")
    for one in candles:
        file.add(one, columns.of(one), label_values(one.close, target))
    sha, _ = file.settle()
    return read_samples(dataset_path(folder, sha), target=target, dataset_hash=sha)
