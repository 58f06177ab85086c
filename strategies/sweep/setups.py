"""How each candidate trades: costs, exits, sizing and lag as rows of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from strategies.equity import risk_free_of_a_bar
from strategies.simulation.costs import BPS
from strategies.sweep.plan import SweepPlan
from strategies.sweep.rules import (
    ColumnList,
    feature_rows,
    fixed_value,
    may_go_short,
    values_of,
)
from strategies.types import BoolArray, FloatArray, IntArray

Value = Callable[[str], FloatArray | float]

N_TERMS = 10
N_SETUP = 10
NO_EXIT = math.inf


@dataclass(frozen=True, slots=True)
class Setups:
    """Rows of `strategies.kernels.sweep.Setup` and `…account.Terms`, and two columns.

    Attributes
    ----------
    setups, terms : float64 arrays of shape (n_candidates, 10)
    initial_cash, rf_bar : float64 arrays of shape (n_candidates,)
    """

    setups: FloatArray
    terms: FloatArray
    initial_cash: FloatArray
    rf_bar: FloatArray


def setups_of(
    plan: SweepPlan,
    places: Mapping[str, IntArray],
    columns: ColumnList,
    m: int,
    *,
    ppy: float,
    clean: bool,
) -> Setups:
    """Return how `m` candidates trade; what they size by is added to `columns`.

    Parameters
    ----------
    ppy : float
        Bars per year.
    clean : bool
        Whether no price is missing; the fast path needs it.
    """

    def value(name: str) -> FloatArray | float:
        return values_of(plan, name, places)

    terms = _terms(plan, value, m, ppy)
    rf_bar = np.broadcast_to(_rf_bars(plan, places, ppy), (m,))
    setups = np.empty((m, N_SETUP))
    setups[:, 0] = value("execution.execution_lag")
    setups[:, 1] = _is(plan, "execution.fill", "close", places)
    setups[:, 2], setups[:, 3] = _size(plan, value, places, columns, ppy)
    span = value("sizing.smooth_ema")
    setups[:, 4] = np.nan_to_num(2.0 / (np.asarray(span) + 1.0))
    high = np.minimum(value("sizing.cap"), value("sizing.max_lev"))
    setups[:, 5] = np.where(_is(plan, "sizing.long_only", True, places), 0.0, -high)
    setups[:, 6] = high
    setups[:, 7] = rf_bar
    both = _is(plan, "direction", "long_short", places) if may_go_short(plan) else 0.0
    setups[:, 8] = both
    same_rf = rf_bar == rf_bar[0]
    setups[:, 9] = _everything(setups, terms) & same_rf if clean else 0.0
    cash = np.broadcast_to(np.asarray(value("initial_cash"), dtype=np.float64), (m,))
    return Setups(setups, terms, np.ascontiguousarray(cash), rf_bar)


def _terms(plan: SweepPlan, value: Value, m: int, ppy: float) -> FloatArray:
    symbol = plan.config.symbol or ""
    own = plan.config.execution.overrides.get(symbol)

    def cost(key: str) -> FloatArray | float:
        override = getattr(own, key, None)
        if override is not None:
            return float(override)
        return value(f"execution.{key}")

    def level(key: str) -> FloatArray:
        fraction = np.asarray(value(f"exits.{key}"))
        return np.where(np.isnan(fraction), NO_EXIT, fraction)

    fixed_cash = plan.config.risk.name == "fixed_cash"
    terms = np.empty((m, N_TERMS))
    terms[:, 0] = cost("commission_bps") * BPS
    terms[:, 1] = cost("commission_per_share")
    terms[:, 2] = cost("commission_min")
    terms[:, 3] = cost("slippage_bps") * BPS
    terms[:, 4] = cost("borrow_bps") * BPS / ppy
    terms[:, 5] = value("risk.params.cash") if fixed_cash else math.inf
    terms[:, 6] = value("sizing.no_trade_band")
    for i, key in enumerate(("stop_loss", "take_profit", "trailing_stop")):
        terms[:, 7 + i] = level(key)
    return terms


def _size(
    plan: SweepPlan,
    value: Value,
    places: Mapping[str, IntArray],
    columns: ColumnList,
    ppy: float,
) -> tuple[FloatArray | float, IntArray | int]:
    """Return the fraction of each candidate, or what its volatility should be."""
    if plan.config.risk.name == "fixed_cash":
        return 1.0, -1
    if plan.config.risk.name == "fixed_fraction":
        return value("risk.params.fraction"), -1
    names = {"period": "risk.params.window"}
    rows = feature_rows(plan, names, "volatility", places, columns)
    return value("risk.params.annual") / math.sqrt(ppy), rows


def _everything(setups: FloatArray, terms: FloatArray) -> BoolArray:
    """Return who holds everything or nothing, and can be made to do nothing else."""
    whole = (setups[:, 2] == 1.0) & (setups[:, 3] < 0.0) & (setups[:, 6] >= 1.0)
    plain = (setups[:, 4] == 0.0) & (setups[:, 8] == 0.0)
    unlimited = np.isinf(terms[:, 5]) & (terms[:, 6] == 0.0)
    unguarded = np.isinf(terms[:, 7:]).all(axis=1)
    return np.asarray(whole & plain & unlimited & unguarded)


def _is(
    plan: SweepPlan, name: str, wanted: object, places: Mapping[str, IntArray]
) -> FloatArray | float:
    for axis in plan.axes:
        if axis.name == name:
            met = np.array([value == wanted for value in axis.values], dtype=float)
            return met[places[name]]
    return float(fixed_value(plan.config, name) == wanted)


def _rf_bars(
    plan: SweepPlan, places: Mapping[str, IntArray], ppy: float
) -> FloatArray | float:
    for axis in plan.axes:
        if axis.name == "rf":
            bars = [risk_free_of_a_bar(float(rf or 0.0), ppy) for rf in axis.values]
            return np.array(bars)[places["rf"]]
    return risk_free_of_a_bar(plan.config.rf, ppy)
