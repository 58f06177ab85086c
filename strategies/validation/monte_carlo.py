"""What else the same trades could have made: drawn again, and in another order.

The trades of a portfolio overlap and are sized anew at each close: what is drawn there
are the bars of the account, one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.types import FloatArray, IntArray
from strategies.validation.chance import histogram, quantiles
from strategies.validation.evidence import FEWEST_BARS, FEWEST_TRADES, Evidence
from strategies.validation.shares import batches, on_all_threads

MARKS = 100  # points of a fan


def trade_changes(evidence: Evidence) -> FloatArray:
    """Return what each trade does to the account, shape (n_trips,).

    Fractions of the equity it found, so that their product is the growth of the run;
    of the starting cash for stakes of a fixed sum, so that their sum is. What each bar
    does to a portfolio.
    """
    if evidence.is_portfolio:
        return evidence.bar_returns
    start = float(evidence.equity[0])
    if evidence.additive:
        return evidence.pnl / start
    found = start + np.cumsum(evidence.pnl) - evidence.pnl
    alive = np.where(found > 0.0, found, np.inf)
    return np.maximum(evidence.pnl / alive, -1.0)


def resampled_accounts(
    changes: FloatArray,
    n: int,
    *,
    replace: bool,
    additive: bool,
    rng: np.random.Generator,
) -> tuple[FloatArray, IntArray, FloatArray]:
    """Return what becomes of an account of 1 by drawn trades.

    Parameters
    ----------
    changes : float64 array of shape (n_trades,)
        See `trade_changes`.
    n : int
        Draws.
    replace : bool
        Draw each trade anew, or only change their order.
    additive : bool
        Whether changes are added instead of multiplied.
    rng : Generator

    Returns
    -------
    accounts : float64 array of shape (n, 3)
        End, lowest value, deepest fall from the running peak (in [−1, 0]).
    marks : int64 array of shape (n_marks,)
        After how many trades the fan is noted.
    fan : float64 array of shape (n, n_marks)
    """
    k = len(changes)
    marks = np.unique(np.linspace(0, k, min(k, MARKS) + 1).round().astype(np.int64))
    accounts, fan = np.empty((n, 3)), np.empty((n, len(marks)))
    for batch in batches(n, k):
        rows = slice(batch.start, batch.stop)
        if replace:
            picks = rng.integers(k, size=(len(batch), k))
        else:
            picks = rng.permuted(np.tile(np.arange(k), (len(batch), 1)), axis=1)
        outputs = (accounts[rows], fan[rows])
        arguments = (changes, picks, additive, marks, *outputs)
        on_all_threads("trade_paths_nb", len(batch), *arguments)
    return accounts, marks, fan


def monte_carlo(
    evidence: Evidence,
    *,
    n: int,
    bust: float,
    goal: float,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Return what the same trades could have made of the account.

    Parameters
    ----------
    evidence : Evidence
    n : int
        Draws of either kind.
    bust : float
        Share of the starting cash whose loss, at any time, would be a bust.
    goal : float
        Gain over the starting cash that would be enough, at the end.
    rng : Generator

    Returns
    -------
    dict
        ``equity_p5`` and ``equity_p95`` (cash, with replacement); what was ``drawn``,
        ``trades`` or ``bars``, and how many of them there are; for each kind of draw
        quantiles of end and fall; the fan; how likely bust and goal are.
    """
    drawn_of = "bars" if evidence.is_portfolio else "trades"
    fewest = {"bars": FEWEST_BARS, "trades": FEWEST_TRADES}[drawn_of]
    nothing = evidence.too_little(**{drawn_of: fewest})
    if nothing:
        return {"n": n, "equity_p5": None, "equity_p95": None, **nothing}
    changes, cash = trade_changes(evidence), float(evidence.equity[0])
    additive = evidence.additive and not evidence.is_portfolio
    again, shuffle = rng.spawn(2)
    drawn, marks, fan = resampled_accounts(
        changes, n, replace=True, additive=additive, rng=again
    )
    mixed, _, _ = resampled_accounts(
        changes, n, replace=False, additive=additive, rng=shuffle
    )
    own = np.arange(len(changes))[None, :]
    actual, path = np.empty((1, 3)), np.empty((1, len(marks)))
    on_all_threads("trade_paths_nb", 1, changes, own, additive, marks, actual, path)
    ends = quantiles(drawn[:, 0] * cash)
    return {
        "applicable": True,
        "n": n,
        "drawn": drawn_of,
        f"n_{drawn_of}": len(changes),
        "equity_p5": ends["p5"],
        "equity_p50": ends["p50"],
        "equity_p95": ends["p95"],
        "observed": _figures(actual, cash),
        "with_replacement": _figures(drawn, cash),
        "shuffled": _figures(mixed, cash),
        "fan": {drawn_of: marks.tolist(), **_fan(fan * cash, path[0] * cash)},
        "bust": {"loss": bust, "probability": float(np.mean(drawn[:, 1] <= 1 - bust))},
        "goal": {"gain": goal, "probability": float(np.mean(drawn[:, 0] >= 1 + goal))},
    }


def _figures(accounts: FloatArray, cash: float) -> dict[str, Any]:
    if len(accounts) == 1:
        return {
            "final_equity": float(accounts[0, 0]) * cash,
            "max_drawdown": float(accounts[0, 2]),
        }
    ends, falls = accounts[:, 0] * cash, accounts[:, 2]
    return {
        "final_equity": {**quantiles(ends), "histogram": histogram(ends)},
        "max_drawdown": {**quantiles(falls), "histogram": histogram(falls)},
    }


def _fan(fan: FloatArray, observed: FloatArray) -> dict[str, Any]:
    levels = {"p5": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95}
    lines = np.quantile(fan, list(levels.values()), axis=0)
    bands = {name: line.tolist() for name, line in zip(levels, lines, strict=True)}
    return {**bands, "observed": observed.tolist()}
