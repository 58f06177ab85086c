"""Does one run earn in each stretch of its history? Its parameters stay as they are."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from strategies.errors import ConfigError
from strategies.result import RunResult

MOST_WINDOWS = 1_000


def fixed_walk_forward(result: RunResult, windows: int) -> list[dict[str, Any]]:
    """Return what a run earned in each of some windows that follow each other.

    Nothing is chosen again: the history is cut into ``windows + 1`` stretches of equal
    length, and each but the first is the out-of-sample stretch after the one before.
    The walk-forward that chooses anew in every window is
    `strategies.validation.walk_forward`.

    Parameters
    ----------
    result : BacktestResult or UniverseResult
    windows : int
        At least 1; each stretch needs one bar return.

    Returns
    -------
    list of dict
        ``in_sample_start``, ``in_sample_end``, ``out_sample_start``,
        ``out_sample_end`` (epoch ms of the first and the last bar), ``return`` and
        ``in_sample_return``: simple, of the run's equity, costs included. The first
        ``in_sample_return`` and all ``return`` multiply to the run's total return.
        None from the stretch on in which nothing was left.

    Raises
    ------
    ConfigError
        ``out_of_range`` or ``too_few_bars``, field ``validation.wfo.windows``.
    """
    n_returns = len(result.equity) - 1
    _check(windows, n_returns)
    # Stretch k holds the returns of the bars after edge k, up to edge k + 1.
    edges = np.linspace(0, n_returns, windows + 2).round().astype(np.int64)
    value = result.equity[edges]
    grown = [
        float(after / before - 1.0) if before > 0.0 else None
        for before, after in itertools.pairwise(value)
    ]
    starts, ends = result.ts[edges[:-1] + 1].tolist(), result.ts[edges[1:]].tolist()
    starts[0] = int(result.ts[0])
    return [
        {
            "in_sample_start": starts[k],
            "in_sample_end": ends[k],
            "out_sample_start": starts[k + 1],
            "out_sample_end": ends[k + 1],
            "return": grown[k + 1],
            "in_sample_return": grown[k],
        }
        for k in range(windows)
    ]


def _check(windows: int, n_returns: int) -> None:
    field = "validation.wfo.windows"
    whole = isinstance(windows, int | np.integer) and not isinstance(windows, bool)
    if not whole or not 1 <= windows <= MOST_WINDOWS:
        raise ConfigError(
            f"windows is {windows!r:.40}.",
            code="out_of_range",
            field=field,
            advice=f"Choose a whole number from 1 to {MOST_WINDOWS:,}.",
        )
    if windows + 1 > n_returns:
        raise ConfigError(
            f"{windows:,} windows need {windows + 2:,} bars; the run has "
            f"{n_returns + 1:,}.",
            code="too_few_bars",
            field=field,
            advice="Ask for fewer windows.",
        )
