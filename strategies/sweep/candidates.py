"""Candidates in, metrics out: columns by tile, tallies by candidate, on all threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import count

import numpy as np

from strategies.compute import n_threads
from strategies.features.catalog import Feature
from strategies.features.compute import Arrays, FeatureCache, compute_features
from strategies.kernels import resolve
from strategies.market.candles import Candles
from strategies.metrics.table import table_metrics
from strategies.sweep.plan import SweepPlan
from strategies.sweep.rules import ColumnList, operands_of
from strategies.sweep.setups import Setups, setups_of
from strategies.sweep.single import measured_singly
from strategies.types import FloatArray, IntArray

WHOLE = 16_384  # a history up to so many bars is one tile
TILE = 8_192
COLUMN_BYTES = 10 << 20  # what the columns of one tile may take
BATCH = 4_096  # candidates that share their columns
SHARE = 32  # candidates a thread takes at a time


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """The bars of a sweep as its kernels read them.

    Attributes
    ----------
    candles : Candles
        Features see all of them that are not later than the bar.
    bars : float64 array of shape (4, n_bars)
        Open, high, low and close of the bars that are traded.
    clean : bool
        No open and no close is missing.
    first : int
        Which of the candles the first of `bars` is.
    cache : FeatureCache, optional
        Where features are kept that are not computed in blocks.
    """

    candles: Candles
    bars: FloatArray
    clean: bool
    first: int = 0
    cache: FeatureCache | None = None

    @classmethod
    def of(cls, candles: Candles) -> Market:
        """Return the market of these candles."""
        bars = np.stack([candles.open, candles.high, candles.low, candles.close])
        return cls(candles, bars, not np.isnan(bars[[0, 3]]).any())

    def window(self, traded: range, cache: FeatureCache | None = None) -> Market:
        """Return the market on which only some bars are traded."""
        bars = self.bars[:, traded.start : traded.stop]
        clean = not np.isnan(bars[[0, 3]]).any()
        return Market(self.candles, bars, clean, self.first + traded.start, cache)

    def tiles(self) -> Iterator[slice]:
        """Yield the stretches of bars in order."""
        n_bars = self.bars.shape[1]
        step = n_bars if n_bars <= WHOLE else TILE
        for begin in range(0, n_bars, step):
            yield slice(begin, min(begin + step, n_bars))


def evaluate(
    plan: SweepPlan, market: Market, points: IntArray, pool: Executor
) -> dict[str, FloatArray]:
    """Return the metrics of the candidates at `points`, arrays of (n_points,).

    Parameters
    ----------
    plan : SweepPlan
    market : Market
    points : int64 array of shape (n_points,)
    pool : Executor
        Threads; kernels release the interpreter's lock.
    """
    if not plan.strategy.is_ruled:
        bars = range(market.first, market.first + market.bars.shape[1])
        return measured_singly(plan, market.candles, bars, points, market.cache)
    parts = list(_batches(plan, market, points, pool))
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def _batches(
    plan: SweepPlan, market: Market, points: IntArray, pool: Executor
) -> Iterator[dict[str, FloatArray]]:
    """Yield the metrics batch by batch; one that reads too many columns is halved."""
    longest = max(tile.stop - tile.start for tile in market.tiles())
    waiting = [points[i : i + BATCH] for i in range(0, len(points), BATCH)][::-1]
    while waiting:
        batch = waiting.pop()
        columns, m = ColumnList(), len(batch)
        places, ppy = plan.places(batch), market.candles.ppy
        setups = setups_of(plan, places, columns, m, ppy=ppy, clean=market.clean)
        operands, levels = operands_of(plan, places, columns, m)
        if columns.n_rows * longest * 8 > COLUMN_BYTES and m > SHARE:
            waiting += [batch[m // 2 :], batch[: m // 2]]
            continue
        tallies = _tallies(market, setups, operands, levels, columns, pool)
        yield table_metrics(
            tallies,
            initial_cash=setups.initial_cash,
            rf_bar=setups.rf_bar,
            n_bars=market.bars.shape[1],
            ppy=ppy,
        )


def _tallies(
    market: Market,
    setups: Setups,
    operands: IntArray,
    levels: FloatArray,
    columns: ColumnList,
    pool: Executor,
) -> FloatArray:
    """Return what became of each candidate after the last bar."""
    begin = resolve("strategies.kernels.tally:begin_all_nb")
    tallies: FloatArray = begin(setups.initial_cash, float(market.bars[3, 0]))
    lead = int(setups.setups[:, 0].max())
    source = _Columns(market, columns, lead, pool)
    for tile in market.tiles():
        matrix = source.matrix(tile)
        bars = np.ascontiguousarray(market.bars[:, tile])
        arguments = (
            *(operands, levels, setups.setups, setups.terms, bars, matrix),
            *_stretches(market, bars, tile, float(setups.rf_bar[0])),
            *(tile.start, lead, market.clean, tallies),
        )
        _on_all_threads(pool, arguments, len(tallies))
    return tallies


def _stretches(
    market: Market, bars: FloatArray, tile: slice, rf_bar: float
) -> tuple[FloatArray, FloatArray]:
    """Return the running sums and the list of falls of a tile's closes."""
    before = market.bars[3, tile.start - 1] if tile.start else 0.0
    all_in = "strategies.kernels.all_in"
    sums = resolve(f"{all_in}:running_sums_nb")(bars[3], before, rf_bar)
    return sums, resolve(f"{all_in}:falls_list_nb")(bars[3])


def _on_all_threads(pool: Executor, arguments: tuple[object, ...], m: int) -> None:
    """Let every thread take shares of the candidates until none is left."""
    kernel = resolve("strategies.kernels.sweep:sweep_nb")
    shares = count(0, SHARE)

    def work() -> None:
        while (first := next(shares)) < m:
            kernel(first, min(first + SHARE, m), *arguments)

    for done in [pool.submit(work) for _ in range(n_threads())]:
        done.result()


class _Columns:
    """Makes the matrix of columns of one tile after the other."""

    def __init__(
        self, market: Market, columns: ColumnList, lead: int, pool: Executor
    ) -> None:
        self._market, self._candles = market, market.candles
        self._columns, self._lead, self._pool = columns, lead, pool
        self._whole: dict[Feature, Arrays] = {}

    def matrix(self, tile: slice) -> FloatArray:
        """Return the columns from `lead` bars before the tile; NaN before bar 0."""
        begin, stop = (self._market.first + bar for bar in (tile.start, tile.stop))
        length = self._lead + stop - begin
        matrix = np.empty((max(self._columns.n_rows, 1), length))
        first = max(0, begin - self._lead)
        pad = length - (stop - first)
        matrix[:, :pad] = np.nan
        for name, row in self._columns.prices.items():
            matrix[row, pad:] = getattr(self._candles, name)[first:stop]
        features = list(self._columns.features.items())
        shares = count()

        def work() -> None:
            while (i := next(shares)) < len(features):
                feature, row = features[i]
                arrays = self._stretch(feature, first, stop)
                for k, array in enumerate(arrays):
                    matrix[row + k, pad:] = array

        for done in [self._pool.submit(work) for _ in range(n_threads())]:
            done.result()
        return matrix

    def _stretch(self, feature: Feature, first: int, stop: int) -> Arrays:
        """Return the arrays of a feature on some bars, as if computed on all."""
        spec = feature.spec
        start = 0
        if spec.block is not None:
            block = spec.block(feature.params)
            # One block more than is read, and one bar for those that look at the last.
            start = max(0, (first - 1) // block - 1) * block
        elif stop < len(self._candles) or first:
            if feature not in self._whole:
                self._whole[feature] = self._on_all(feature)
            return tuple(array[first:stop] for array in self._whole[feature])
        arrays = _computed(self._candles, feature, start, stop)
        return tuple(array[first - start :] for array in arrays)

    def _on_all(self, feature: Feature) -> Arrays:
        columns = compute_features(self._candles, [feature], self._market.cache)
        return tuple(columns[name] for name in feature.columns)


def _computed(
    candles: Candles, feature: Feature, start: int, stop: int | None
) -> Arrays:
    inputs = [getattr(candles, name)[start:stop] for name in feature.spec.inputs]
    answer = resolve(feature.spec.kernel)(*inputs, *feature.values)
    return answer if isinstance(answer, tuple) else (answer,)
