"""A model on hourly bars of which it is known what there is to learn."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from strategies.learning.config import TrainingConfig
from strategies.learning.samples import Samples
from strategies.learning.training import train
from strategies.market.candles import Candles
from tests.strategies.learning.panels import panel, samples_of

Rng = np.random.Generator

N_SYMBOLS, N_BARS = 20, 800
SMALL_SYMBOLS, SMALL_BARS = 5, 260
# What is planted: each return remembers this share of the one before.
MEMORY, SMALL_MEMORY = 0.1, 0.3


def bars(rng: Rng, memory: float, *, small: bool) -> list[Candles]:
    n_symbols, n_bars = (SMALL_SYMBOLS, SMALL_BARS) if small else (N_SYMBOLS, N_BARS)
    return panel(n_symbols, n_bars, seed=int(rng.integers(2**32)), memory=memory)


def rows(candles: list[Candles]) -> Samples:
    with TemporaryDirectory() as folder:
        return samples_of(candles, Path(folder))


def auc_of_noise(rng: Rng, *, small: bool = False) -> float:
    """Return how well the logistic model tells rises of pure luck."""
    return _auc(bars(rng, 0.0, small=small))


def auc_of_memory(rng: Rng, *, small: bool = False) -> float:
    """Return how well it tells those of returns that remember the last one."""
    return _auc(bars(rng, SMALL_MEMORY if small else MEMORY, small=small))


def _auc(candles: list[Candles]) -> float:
    training = train(TrainingConfig("momentum_logit", folds=3), rows(candles))
    return float(training.report["overall"]["auc"])
