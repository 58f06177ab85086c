"""Bars taken apart into steps and put together again in another order.

A step is what one bar adds: the gap from the close before it to its open, and open to
high, low and close. Prices are rebuilt from the first open on, so that every order
gives prices that could have been.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from strategies.market.candles import Candles
from strategies.types import FloatArray, IntArray


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

    def _laid(self, values: FloatArray) -> FloatArray:
        out = np.full(len(self.candles), np.nan)
        out[self.priced] = values
        return out

    def _moved(self, values: FloatArray, bars: IntArray) -> FloatArray:
        out = values.copy()
        out[self.priced] = values[self.priced[bars]]
        return out
