"""Which rows teach and which judge: windows over time, purged by what labels span."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.errors import ConfigError
from strategies.learning.config import TrainingConfig
from strategies.learning.samples import Samples
from strategies.types import IntArray
from strategies.validation.splits import Split, rolling_splits

FEWEST_ROWS = 30  # to learn on, and to be judged on


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One stretch that is predicted, and what was known before it.

    Attributes
    ----------
    index : int
    learn : int64 array
        Rows to learn on: labelled, and each label was known before `test_start`.
    test : int64 array
        Rows to predict: all that can be, whether they are labelled or not.
    train_start, train_end, test_start, test_end : int
        Opens of the first and the last bar of each part, ms UTC.
    """

    index: int
    learn: IntArray
    test: IntArray
    train_start: int
    train_end: int
    test_start: int
    test_end: int


def folds_of(samples: Samples, config: TrainingConfig) -> list[Fold]:
    """Return the windows of a walk-forward over all symbols at once.

    Every window learns from the first bar on. A row teaches only if the close that
    tells its label came before the first bar that is predicted: in bars of its own
    symbol, so that a symbol with gaps leaks nothing either.

    Raises
    ------
    ConfigError
        ``too_few_bars`` or ``too_few_rows``.
    """
    splits = _splits(len(samples.stamps), config)
    place = np.searchsorted(samples.stamps, samples.ts)
    folds = [_fold(samples, split, place) for split in splits]
    for fold in folds:
        _check_rows(fold)
    return folds


def _splits(n: int, config: TrainingConfig) -> list[Split]:
    purge, embargo = config.purge, config.embargo
    behind = int(n * (1.0 - config.first_share)) - purge + embargo
    test = behind // config.folds - embargo
    train = n - purge - config.folds * (test + embargo) + embargo
    if test < 1 or train <= purge:
        raise ConfigError(
            f"{n:,} bars are too few for {config.folds} folds of a model.",
            code="too_few_bars",
            field="folds",
            advice="Take an earlier start, fewer folds, or a shorter horizon.",
        )
    return rolling_splits(
        n, train=train, test=test, purge=purge, embargo=embargo, anchored=True
    )


def _fold(samples: Samples, split: Split, place: IntArray) -> Fold:
    stamps = samples.stamps
    begins = int(stamps[split.test.start])
    early = (place < split.train.stop) & (samples.known_ts < begins)
    later = (place >= split.test.start) & (place < split.test.stop)
    return Fold(
        index=split.index,
        learn=np.flatnonzero(samples.labelled & early),
        test=np.flatnonzero(samples.usable & later),
        train_start=int(stamps[split.train.start]),
        train_end=int(stamps[split.train.stop - 1]),
        test_start=begins,
        test_end=int(stamps[split.test.stop - 1]),
    )


def _check_rows(fold: Fold) -> None:
    fewest = min(len(fold.learn), len(fold.test))
    if fewest < FEWEST_ROWS:
        raise ConfigError(
            f"Fold {fold.index + 1} has only {fewest} rows to learn on or to predict; "
            f"{FEWEST_ROWS} are needed.",
            code="too_few_rows",
            field="folds",
            advice="Take more symbols, an earlier start, or fewer folds.",
        )
