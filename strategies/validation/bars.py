"""Bars taken apart into steps and put together again in another order.

A step is what one bar adds: the gap from the close before it to its open, and open to
high, low and close. Prices are rebuilt from the first open on, so that every order
gives prices that could have been. Those of several symbols change places together, so
that what happened on one day happens on one day.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from strategies.market.candles import Candles
from strategies.market.columns import PRICES
from strategies.market.panel import Panel
from strategies.types import BoolArray, FloatArray, IntArray


def steps_of(bars: Candles | Panel) -> BarSteps | PanelSteps:
    """Return the steps of these bars."""
    return PanelSteps.of(bars) if isinstance(bars, Panel) else BarSteps.of(bars)


def block_order(n: int, block: int, rng: np.random.Generator) -> IntArray:
    """Return `n` bars in circular blocks of `block` drawn with replacement."""
    begins = rng.integers(n, size=-(-n // block))
    order: IntArray = (begins[:, None] + np.arange(block)).ravel()[:n] % n
    return order


@dataclass(frozen=True, eq=False)
class BarSteps:
    """The steps of one price history; bars without prices stay where they are.

    Attributes
    ----------
    candles : Candles
    priced : int64 array of shape (n_steps,)
        The bars that have all four prices.
    gaps : float64 array of shape (n_steps,)
        Log of open over the close before; the first is 0 and is never moved.
    inside : float64 array of shape (3, n_steps)
        Logs of high, low and close over the open.
    """

    candles: Candles
    priced: IntArray
    gaps: FloatArray
    inside: FloatArray

    @classmethod
    def of(cls, candles: Candles) -> BarSteps:
        """Return the steps of these candles."""
        prices = np.stack([candles.open, candles.high, candles.low, candles.close])
        priced = np.flatnonzero(np.isfinite(prices).all(axis=0))
        logs = np.log(prices[:, priced])
        gaps = np.zeros(len(priced))
        gaps[1:] = logs[0, 1:] - logs[3, :-1]
        return cls(candles, priced, gaps, logs[1:] - logs[0])

    def __len__(self) -> int:
        return len(self.priced)

    def rebuilt(self, bars: IntArray, gaps: IntArray) -> Candles:
        """Return the candles whose bar ``i`` is the old ``bars[i]``, after ``gaps[i]``.

        Parameters
        ----------
        bars, gaps : int64 arrays of shape (n_steps,)
            Which step's inside, volume and columns, and which step's gap; the first
            gap is left out, because nothing comes before it.
        """
        inside, gap = self.inside[:, bars], self.gaps[gaps]
        gap[0] = 0.0
        start = np.log(self.candles.open[self.priced[0]])
        before = np.cumsum(inside[2]) - inside[2]
        opens = start + np.cumsum(gap) + before
        prices = np.exp(np.vstack([opens, opens + inside]))
        whole = [self._laid(values) for values in prices]
        moved = {k: self._moved(v, bars) for k, v in self.candles.columns.items()}
        return replace(
            self.candles,
            open=whole[0],
            high=whole[1],
            low=whole[2],
            close=whole[3],
            volume=self._moved(self.candles.volume, bars),
            columns=moved,
        )

    def shuffled(self, rng: np.random.Generator) -> Candles:
        """Return the candles with their insides and, apart from them, gaps permuted."""
        bars = rng.permutation(len(self))
        gaps = np.zeros(len(self), dtype=np.int64)
        gaps[1:] = 1 + rng.permutation(len(self) - 1)
        return self.rebuilt(bars, gaps)

    def redrawn(self, block: int, rng: np.random.Generator) -> Candles:
        """Return the candles of steps drawn in blocks, with replacement."""
        order = block_order(len(self), block, rng)
        return self.rebuilt(order, order)

    def _laid(self, values: FloatArray) -> FloatArray:
        out = np.full(len(self.candles), np.nan)
        out[self.priced] = values
        return out

    def _moved(self, values: FloatArray, bars: IntArray) -> FloatArray:
        out = values.copy()
        out[self.priced] = values[self.priced[bars]]
        return out


@dataclass(frozen=True, eq=False)
class PanelSteps:
    """The steps of several price histories, a row of them for each stamp.

    Bars without prices stay where they are: they take no step and bring nothing, and
    what the price did meanwhile is the gap behind them. Rows change places only while
    the same symbols are listed, so that nobody is traded before the first bar or after
    the last.

    Attributes
    ----------
    panel : Panel
    priced : bool array of shape (n_bars, n_symbols)
        Where all four prices are.
    gaps : float64 array of shape (n_bars, n_symbols)
        Log of open over the close before; 0 for the first bar of a symbol.
    inside : float64 array of shape (3, n_bars, n_symbols)
        Logs of high, low and close over the open.
    stretches : tuple of range
        Rows in which nobody is newly listed and nobody ends; together all of them.
    """

    panel: Panel
    priced: BoolArray
    gaps: FloatArray
    inside: FloatArray
    stretches: tuple[range, ...]

    @classmethod
    def of(cls, panel: Panel) -> PanelSteps:
        """Return the steps of a panel."""
        prices = np.stack([panel.fields[name] for name in PRICES])
        priced: BoolArray = np.asarray(np.isfinite(prices).all(axis=0))
        logs = np.log(np.where(priced, prices, 1.0))
        gaps = np.zeros(priced.shape)
        for column, there in enumerate(priced.T):
            rows = np.flatnonzero(there)
            gaps[rows[1:], column] = logs[0, rows[1:], column]
            gaps[rows[1:], column] -= logs[3, rows[:-1], column]
        return cls(panel, priced, gaps, logs[1:] - logs[0], _stretches(priced))

    def __len__(self) -> int:
        return len(self.panel)

    def rebuilt(self, bars: IntArray, gaps: IntArray) -> Panel:
        """Return the panel whose row ``i`` is the old ``bars[i]``, after ``gaps[i]``.

        Parameters
        ----------
        bars, gaps : int64 arrays of shape (n_bars,)
            Of the same stretch as ``i``; as for `BarSteps.rebuilt`.
        """
        inside, gap = self.inside[:, bars], self.gaps[gaps]
        first, columns = self.priced.argmax(axis=0), np.arange(self.priced.shape[1])
        gap[first, columns] = 0.0
        opens = self.panel.fields["open"][first, columns]
        start = np.log(np.where(self.priced.any(axis=0), opens, 1.0))
        opens = start + np.cumsum(gap, axis=0)
        opens += np.cumsum(inside[2], axis=0) - inside[2]
        prices = np.exp(np.concatenate([opens[None], opens + inside]))
        fields = {k: self._moved(v, bars) for k, v in self.panel.fields.items()}
        for name, values in zip(PRICES, prices, strict=True):
            fields[name] = np.where(self.priced, values, np.nan)
        return replace(self.panel, fields=fields)

    def shuffled(self, rng: np.random.Generator) -> Panel:
        """Return the panel with its insides and, apart from them, gaps permuted."""
        bars, gaps = np.arange(len(self)), np.arange(len(self))
        for rows in self.stretches:
            own, later = slice(rows.start, rows.stop), slice(rows.start + 1, rows.stop)
            bars[own] = rng.permutation(bars[own])
            gaps[later] = rng.permutation(gaps[later])
        return self.rebuilt(bars, gaps)

    def redrawn(self, block: int, rng: np.random.Generator) -> Panel:
        """Return the panel of rows drawn in blocks, with replacement."""
        drawn = [
            one.start + block_order(len(one), block, rng) for one in self.stretches
        ]
        order = np.concatenate(drawn)
        return self.rebuilt(order, order)

    def _moved(self, values: FloatArray, bars: IntArray) -> FloatArray:
        moved = values[bars]
        return np.where(self.priced & np.isfinite(moved), moved, values)


def _stretches(priced: BoolArray) -> tuple[range, ...]:
    """Return the rows between which the listed symbols are the same."""
    begun = np.maximum.accumulate(priced, axis=0)
    to_come = np.maximum.accumulate(priced[::-1], axis=0)[::-1]
    changes = np.diff(begun & to_come, axis=0).any(axis=1)
    edges = [0, *(np.flatnonzero(changes) + 1).tolist(), len(priced)]
    return tuple(range(one, other) for one, other in pairwise(edges))
