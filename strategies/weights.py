"""From values to weights: what each symbol of a panel should be, as part of equity.

Five steps in one fixed order and nothing else; each is a function of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from strategies.config import SizingConfig
from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.market.candles import last_valid
from strategies.market.panel import Panel
from strategies.types import BoolArray, FloatArray, IntArray

Numbers = TypeVar("Numbers", FloatArray, IntArray)


def to_weights(
    values: FloatArray | BoolArray,
    sizing: SizingConfig,
    panel: Panel,
    *,
    members: BoolArray | None = None,
    codes: IntArray | None = None,
) -> FloatArray:
    """Return the weights that `sizing` makes of `values`.

    Parameters
    ----------
    values : float64 or bool array of shape (n_bars, n_symbols)
        What a rule says after each close, in any unit; True is 1. NaN: it does not
        know.
    sizing : SizingConfig
    panel : Panel
    members : bool array of shape (n_bars, n_symbols), optional
        Who is in the universe at each close; without it, everyone is. Who is not has
        the weight 0 and counts in no mean.
    codes : int64 array of shape (n_bars, n_symbols), optional
        Groups of ``neutralize="group"``; without it, they are those of the panel.

    Returns
    -------
    float64 array of shape (n_bars, n_symbols)
        Signed fractions of equity, not lagged: NaN by ``nan_policy``, then
        ``neutralize``, ``smooth_ema``, clipped to ±``cap`` (to [0, ``cap``] if
        ``long_only``), and scaled down to ``max_lev``. There is no hidden
        normalisation.

    Raises
    ------
    StrategyError
        ``bad_weights`` if shapes differ or a value is infinite; ``unknown_group``.

    Notes
    -----
    Causal: row ``t`` depends on ``values[: t + 1]``. A name without a value counts as
    0 in the mean that ``neutralize`` subtracts, as the order of the steps says.
    """
    *_, (_, weights) = weight_steps(values, sizing, panel, members=members, codes=codes)
    return weights


def weight_steps(
    values: FloatArray | BoolArray,
    sizing: SizingConfig,
    panel: Panel,
    *,
    members: BoolArray | None = None,
    codes: IntArray | None = None,
) -> Iterator[tuple[str, FloatArray]]:
    """Yield what `to_weights` makes of values, step by step.

    Parameters
    ----------
    values, sizing, panel, members, codes
        As in `to_weights`.

    Yields
    ------
    step : {"nan_policy", "neutralize", "smooth_ema", "cap", "max_lev"}
    weights : float64 array of shape (n_bars, n_symbols)
        After this step. A step that is not asked for is left out.
    """
    weights = np.array(values, dtype=np.float64)
    check_matrix("values", weights, panel)
    if np.isinf(weights).any():
        raise named_cell("values", weights, np.isinf(weights), panel)
    weights = among(members, filled(weights, sizing.nan_policy))
    yield "nan_policy", weights
    if sizing.neutralize != "none":
        if sizing.neutralize == "market":
            codes = np.zeros(weights.shape, dtype=np.int64)
        elif codes is None:
            codes = group_codes(panel, sizing.group)
        # Strangers are a group of their own, of zeros; no label is another one.
        weights = neutral(weights, among(members, codes + 2) - 1)
        yield "neutralize", weights
    if sizing.smooth_ema is not None:
        weights = among(members, smoothed(weights, sizing.smooth_ema))
        yield "smooth_ema", weights
    weights = np.clip(weights, 0.0 if sizing.long_only else -sizing.cap, sizing.cap)
    yield "cap", weights
    yield "max_lev", levered(weights, sizing.max_lev)


def shares(
    sizing: SizingConfig,
    panel: Panel,
    volatility: FloatArray,
    members: BoolArray | None = None,
) -> FloatArray:
    """Return how much of the equity each symbol may take, before any signal.

    Parameters
    ----------
    sizing : SizingConfig
        ``weights``: ``equal`` (None too) divides by the number of symbols that have had
        a bar so far, ``inverse_volatility`` in proportion to 1/volatility; a mapping
        says it for each symbol.
    panel : Panel
    volatility : float64 array of shape (n_bars, n_symbols)
        Known at the close of each bar, NaN or 0 where it is not: no share then.
    members : bool array of shape (n_bars, n_symbols), optional
        Who is in the universe at each close; the others have no share.

    Returns
    -------
    float64 array of shape (n_bars, n_symbols)
        Causal: row ``t`` depends on bars up to ``t``. The first two sum up to 1 on
        every bar on which they are known at all.
    """
    if isinstance(sizing.weights, dict):
        row = [sizing.weights[symbol] for symbol in panel.symbols]
        said = np.tile(np.array(row, dtype=np.float64), (len(panel), 1))
        return among(members, said)
    if sizing.weights == "inverse_volatility":
        parts = np.zeros_like(volatility)
        np.divide(1.0, volatility, out=parts, where=volatility > 0.0)
    else:
        parts = (panel.mark > 0.0).astype(np.float64)
    parts = among(members, parts)
    total = parts.sum(axis=1, keepdims=True)
    return parts / np.where(total > 0.0, total, 1.0)


def among(members: BoolArray | None, values: Numbers) -> Numbers:
    """Return `values` of members, 0 of all others; of everyone without `members`."""
    return values if members is None else values * members


def filled(values: FloatArray, policy: str) -> FloatArray:
    """Return `values` without NaN.

    Parameters
    ----------
    values : float64 array of shape (n_bars, n_symbols)
    policy : {"zero", "hold"}
        ``hold`` keeps the last known value of the symbol; 0 before the first.
    """
    if policy == "zero":
        return np.nan_to_num(values, nan=0.0)
    return np.column_stack([last_valid(column) for column in values.T])


def neutral(values: FloatArray, codes: IntArray | None = None) -> FloatArray:
    """Return `values` minus the mean of the market, or of the group, on that bar.

    Parameters
    ----------
    values : float64 array of shape (n_bars, n_symbols)
        No NaN.
    codes : int64 array of shape (n_bars, n_symbols), optional
        Group of each symbol, from 0; −1, without a label, is a group too.
    """
    if codes is None:
        codes = np.full(values.shape, -1)
    n_bars, n_groups = values.shape[0], int(codes.max(initial=-1)) + 2
    cell = (np.arange(n_bars)[:, None] * n_groups + codes + 1).ravel()
    sums = np.bincount(cell, weights=values.ravel(), minlength=n_bars * n_groups)
    counts = np.bincount(cell, minlength=n_bars * n_groups)
    means: FloatArray = (sums / np.maximum(counts, 1))[cell]
    return values - means.reshape(values.shape)


def smoothed(values: FloatArray, span: int) -> FloatArray:
    """Return the exponential mean of each symbol, weight 2/(span+1), seeded with bar 0.

    Parameters
    ----------
    values : float64 array of shape (n_bars, n_symbols)
        No NaN.
    span : int
        In bars, at least 1.
    """
    smooth = resolve("strategies.kernels.rolling:smoothed_nb")
    columns = [smooth(np.ascontiguousarray(column), span) for column in values.T]
    return np.column_stack(columns)


def levered(weights: FloatArray, max_lev: float) -> FloatArray:
    """Return `weights`, scaled down on bars on which Σ|w| exceeds `max_lev`.

    Parameters
    ----------
    weights : float64 array of shape (n_bars, n_symbols)
    max_lev : float
        > 0.
    """
    gross = np.abs(weights).sum(axis=1, keepdims=True)
    scale = np.where(gross > max_lev, max_lev / np.maximum(gross, max_lev), 1.0)
    return np.ascontiguousarray(weights * scale)


def group_codes(panel: Panel, name: str) -> IntArray:
    """Return to which label of a group each symbol belongs, (n_bars, n_symbols)."""
    if name not in panel.groups:
        known = ", ".join(panel.groups) or "none"
        raise StrategyError(
            f"The panel has no group {name:.40}.",
            code="unknown_group",
            field="sizing.group",
            advice=f"Its groups: {known[:200]}.",
        )
    return panel.groups[name].codes


def check_matrix(name: str, values: FloatArray, panel: Panel) -> None:
    """Refuse what has not one row per bar and one column per symbol."""
    expected = (len(panel), len(panel.symbols))
    if values.shape != expected:
        raise StrategyError(
            f"{name} has the shape {values.shape}; bars and symbols are {expected}.",
            code="bad_weights",
            field=name,
            advice="Give one row per bar and one column per symbol.",
        )


def named_cell(
    name: str, values: FloatArray, bad: BoolArray, panel: Panel
) -> StrategyError:
    """Return the refusal of the first bad cell."""
    bar, column = (int(place) for place in np.argwhere(bad)[0])
    return StrategyError(
        f"{name}[{bar}] of {panel.symbols[column]} is {values[bar, column]}: "
        "it must be a finite number.",
        code="bad_weights",
        field=name,
        advice="Write 0 for what is not wanted, or pass sizing= to fill gaps.",
    )
