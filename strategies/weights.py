"""From values to weights: what each symbol of a panel should be, as part of equity.

Five steps in one fixed order and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from strategies.config import SizingConfig
from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.market.panel import Panel
from strategies.types import BoolArray, FloatArray, IntArray

Array = TypeVar("Array", FloatArray, BoolArray, IntArray)

STEPS = ("nan_policy", "neutralize", "smooth_ema", "cap", "max_lev")
SMOOTHED = STEPS.index("smooth_ema") + 1
NEUTRALIZED = ("none", "market", "group")  # in the order of the kernel's
NOT_SAID = np.zeros((0, 0), dtype=np.bool_)
NO_CODES = np.zeros((0, 0), dtype=np.int64)


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
    return _weighed(values, sizing, panel, members, codes, steps=len(STEPS))


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
    left_out = {"neutralize": sizing.neutralize == "none"}
    left_out["smooth_ema"] = sizing.smooth_ema is None
    for place, step in enumerate(STEPS, 1):
        if not left_out.get(step):
            yield step, _weighed(values, sizing, panel, members, codes, steps=place)


def _weighed(
    values: FloatArray | BoolArray,
    sizing: SizingConfig,
    panel: Panel,
    members: BoolArray | None,
    codes: IntArray | None,
    *,
    steps: int,
) -> FloatArray:
    """Return what the first so many steps make of values."""
    given = np.ascontiguousarray(values, dtype=np.float64)
    check_matrix("values", given, panel)
    if sizing.neutralize != "group":
        codes = NO_CODES
    elif codes is None:
        codes = group_codes(panel, sizing.group)
    last = STEPS[steps - 1]
    is_capped = last in ("cap", "max_lev")
    cap = float(sizing.cap) if is_capped else math.inf
    weights: FloatArray
    weights, bar, column = resolve("strategies.kernels.weighing:weigh_nb")(
        read_only(given),
        read_only(NOT_SAID if members is None else np.ascontiguousarray(members)),
        read_only(np.ascontiguousarray(codes)),
        sizing.nan_policy == "hold",
        NEUTRALIZED.index("none" if last == "nan_policy" else sizing.neutralize),
        int(codes.max(initial=0)) + 1,
        (sizing.smooth_ema or 0) if steps >= SMOOTHED else 0,
        0.0 if sizing.long_only and is_capped else -cap,
        cap,
        float(sizing.max_lev) if last == "max_lev" else math.inf,
    )
    if bar >= 0:
        raise named_cell("values", given, (bar, column), panel)
    return weights


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


def among(members: BoolArray | None, values: FloatArray) -> FloatArray:
    """Return `values` of members, 0 of all others; of everyone without `members`."""
    return values if members is None else values * members


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


def read_only(array: Array) -> Array:
    """Return an array as kernels take it: one kind for all."""
    view = array.view()
    view.flags.writeable = False
    return view


def named_cell(
    name: str, values: FloatArray, cell: tuple[int, int], panel: Panel
) -> StrategyError:
    """Return the refusal of a cell."""
    bar, column = cell
    return StrategyError(
        f"{name}[{bar}] of {panel.symbols[column]} is {values[bar, column]}: "
        "it must be a finite number.",
        code="bad_weights",
        field=name,
        advice="Write 0 for what is not wanted, or pass sizing= to fill gaps.",
    )
