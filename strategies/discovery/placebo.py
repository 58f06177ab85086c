"""The same market without a yesterday: what a search finds where nothing is to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strategies.market.panel import Panel
from strategies.types import IntArray
from strategies.validation.bars import BarSteps


def placebo_panel(panel: Panel, rng: np.random.Generator) -> Panel:
    """Return a panel whose bars are those of `panel` in another order of time.

    Parameters
    ----------
    panel : Panel
    rng : Generator

    Returns
    -------
    Panel
        What happens inside of bars, volumes and columns among it, is permuted for all
        symbols together, and apart from it the gaps between bars: names move with
        each other as they did, and nothing that was known at a close says anything of
        what comes after it. Prices are rebuilt from the first on. A symbol has its
        bars where it had them; where the bar that is due to it is missing, it takes
        one that it has left.
    """
    n_bars = len(panel)
    bars, gaps = rng.permutation(n_bars), rng.permutation(n_bars)
    fields = {name: matrix.copy() for name, matrix in panel.fields.items()}
    for column, symbol in enumerate(panel.symbols):
        steps = BarSteps.of(panel.candles(symbol))
        if not len(steps):
            continue
        moved = steps.rebuilt(
            _order(bars, steps.priced), _order(gaps, steps.priced, first=True)
        )
        for name, matrix in fields.items():
            known = moved.columns.get(name)
            matrix[:, column] = getattr(moved, name) if known is None else known
    return replace(panel, fields=fields)


def _order(wanted: IntArray, there: IntArray, *, first: bool = False) -> IntArray:
    """Return which step of a symbol each of its bars takes.

    Parameters
    ----------
    wanted : int64 array of shape (n_bars,)
        Which bar each bar of the panel takes.
    there : int64 array of shape (n_steps,)
        The bars that the symbol has.
    first : bool
        The first step stays where it is: no gap leads to it.
    """
    n_steps = len(there)
    place = np.full(len(wanted), -1)
    place[there] = np.arange(n_steps)
    order: IntArray = place[wanted[there]]
    if first:
        order[order == 0] = -1
        order[0] = 0
    left = np.setdiff1d(np.arange(n_steps), order)
    order[order < 0] = left[np.argsort(wanted[there[left]])]
    return order
