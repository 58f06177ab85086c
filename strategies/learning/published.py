"""A version of a model on bars of any day, without seeing what comes after them.

Up to the end of its training it repeats what it said out of sample then; after that
the estimator that learnt from everything is asked. Of a symbol it never learnt from
only bars after the training count: earlier ones moved with those it did learn from.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from strategies.dsl.derived import compares
from strategies.errors import ConfigError
from strategies.features.compute import compute_features
from strategies.features.dataset import Chosen, choose
from strategies.learning.accounts import on_stamps
from strategies.learning.estimators import one_thread, predicted
from strategies.learning.files import model_of
from strategies.learning.selection import Selection, entries_allowed, position_of
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.types import FloatArray, IntArray

SHOWN = 12  # digits of an identity that are enough to tell versions apart
ROWS = 64  # predicted in whole blocks: sums of a short last one may differ in a bit


@dataclass(frozen=True, slots=True, eq=False)
class Learnt:
    """What the files of a training hold.

    Attributes
    ----------
    estimator : object
    told : mapping of str to (ts, probability)
        By symbol: opens of its rows, and what was said of them out of sample.
    end_ms : int
        Open of the last bar that it can have learnt from.
    """

    estimator: Any
    told: Mapping[str, tuple[IntArray, FloatArray]]
    end_ms: int


def read_learnt(model: bytes, probabilities: bytes) -> Learnt:
    """Return what a training's files say.

    Parameters
    ----------
    model : bytes
        See `strategies.learning.files.model_of`.
    probabilities : bytes
        A Parquet file of ``ts_utc``, ``symbol``, ``probability``.

    Raises
    ------
    StrategyError
        ``bad_model``.
    """
    import pyarrow.parquet as pq

    table = pq.read_table(io.BytesIO(probabilities), use_threads=False)
    ts = np.asarray(table.column("ts_utc").to_numpy(), dtype=np.int64)
    chance = np.asarray(table.column("probability").to_numpy(), dtype=np.float64)
    words = table.column("symbol").combine_chunks().dictionary_encode()
    code = np.asarray(words.indices.to_numpy(), dtype=np.int64)
    names = map(str, words.dictionary.to_pylist())
    told = {n: (ts[code == k], chance[code == k]) for k, n in enumerate(names)}
    return Learnt(model_of(model), told, int(ts.max()))


@dataclass(frozen=True, eq=False, kw_only=True)
class Version:
    """A `strategies.library.trained.Predictor`.

    Attributes
    ----------
    model_id : str
    version : int
    whole_identity : str
        sha256 of the training.
    provider, timeframe : str
        Of the bars that it learnt from.
    features : sequence
        As `strategies.features.dataset.choose` reads them, in the dataset's order.
    selection : Selection
    read : callable () -> Learnt
        Reads its files; called when bars are predicted, not before.
    """

    model_id: str
    version: int
    whole_identity: str
    provider: str
    timeframe: str
    features: Sequence[str | Mapping[str, Any]]
    selection: Selection
    read: Callable[[], Learnt]

    @property
    def identity(self) -> str:
        """The first digits of the whole."""
        return self.whole_identity[:SHOWN]

    @cached_property
    def chosen(self) -> tuple[Chosen, ...]:
        """The features, understood.

        Raises
        ------
        ConfigError
            ``compares_symbols`` for one that ranks symbols against each other: a run
            may hold other ones than the dataset did.
        """
        chosen = choose(self.features)
        for one in chosen:
            if one.expression is not None and compares(one.expression.root):
                raise ConfigError(
                    f"Version {self.version} of {self.model_id} learnt from "
                    f"{one.columns[0]:.60}, which compares symbols with each other.",
                    code="compares_symbols",
                    field="strategy.params.version",
                    advice="Train a version on features of one symbol each.",
                )
        return chosen

    @property
    def lookback_bars(self) -> int:
        """Bars at the start of a history without a value of every feature."""
        return max(_lookback(one) for one in self.chosen)

    def probability(self, candles: Candles) -> FloatArray:
        """Return the chance of a rise after each bar of a history.

        Parameters
        ----------
        candles : Candles
            Of the timeframe that it learnt from.

        Returns
        -------
        float64 array of shape (n_bars,)
            NaN where nothing was said out of sample, and where features are unknown.
        """
        key = (Version, self.whole_identity)
        if key not in candles.memo:
            candles.memo[key] = self._predicted(candles)
        known: FloatArray = candles.memo[key]
        return known

    def position(
        self, candles: Candles, probability: FloatArray, threshold: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return the lowest threshold and the position wanted after each close.

        Parameters
        ----------
        candles : Candles
        probability : float64 array of shape (n_bars,)
        threshold : float
            0: those of the version; its hours hold anyway.

        Raises
        ------
        ConfigError
            ``bad_thresholds`` for a threshold of 1; ``bad_hours``.
        """
        selection = self.selection
        if threshold:
            selection = Selection((threshold,), selection.allowed_hours)
        allowed = entries_allowed(
            candles.ts,
            calendar=candles.calendar,
            timeframe=candles.timeframe,
            selection=selection,
        )
        lowest = np.full(len(candles), selection.thresholds[0])
        return lowest, position_of(probability, allowed, selection)

    def _predicted(self, candles: Candles) -> FloatArray:
        learnt = self.read()
        chance = np.full(len(candles), np.nan)
        if candles.provider == self.provider and candles.symbol in learnt.told:
            chance = on_stamps(candles.ts, *learnt.told[candles.symbol])
        later = candles.ts > learnt.end_ms
        if later.any():
            columns = self._columns(candles)
            rows = np.flatnonzero(later & np.isfinite(columns).all(axis=1))
            chance[rows] = _asked(learnt.estimator, columns[rows])
        chance.flags.writeable = False
        return chance

    def _columns(self, candles: Candles) -> FloatArray:
        """Return the features of all bars, shape (n_bars, n_features)."""
        from strategies.dsl.evaluate import evaluate

        found: list[FloatArray] = []
        for one in self.chosen:
            if one.feature is not None:
                found += compute_features(candles, [one.feature]).values()
            elif one.expression is not None:
                found.append(evaluate(one.expression, Panel.of([candles]))[:, 0])
        return np.column_stack(found)


def _lookback(one: Chosen) -> int:
    if one.feature is not None:
        return one.feature.lookback
    return one.expression.lookback_bars if one.expression else 0


def _asked(estimator: Any, rows: FloatArray) -> FloatArray:
    """Return the probabilities of some rows, each the same whatever comes after it."""
    n = len(rows)
    if not n:
        return np.empty(0)
    whole = np.zeros((-(-n // ROWS) * ROWS, rows.shape[1]))
    whole[:n] = rows
    with one_thread():
        return predicted(estimator, whole)[:n]
