"""The accounts of one configuration added up: a result like that of any other run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from strategies.backtest import BacktestResult
from strategies.config import RunConfig
from strategies.kernels.fills import NOT_RUINED, PORTFOLIO_FILL
from strategies.learning.accounts import Accounts
from strategies.market.panel import Panel
from strategies.simulation.portfolio import PortfolioSimulation, parts_of
from strategies.simulation.terms import Terms
from strategies.types import FloatArray, IntArray
from strategies.universe import UniverseResult, measured


def panel_of(accounts: Accounts) -> Panel:
    """Return the bars of all accounts side by side; the same for a whole grid."""
    return Panel.of([one.candles for one in accounts.results])


def together(
    accounts: Accounts, config: RunConfig, panel: Panel
) -> BacktestResult | UniverseResult:
    """Return the accounts of several symbols as one result; that of one is itself.

    Parameters
    ----------
    accounts : Accounts
    config : RunConfig
        What the run is called and stands for; its cash is that of all accounts.
    panel : Panel
        See `panel_of`.

    Returns
    -------
    BacktestResult or UniverseResult
        Its equity is the sum of theirs: cash is never moved from one to another.

    Raises
    ------
    AccountingError
        If the fills of all do not add up to the sum of the accounts.
    """
    own = sorted(accounts.results, key=lambda one: one.candles.symbol)
    if len(own) == 1:
        return replace(own[0], config=config)
    places = [np.searchsorted(panel.ts, one.ts) for one in own]
    last = [
        np.searchsorted(where, np.arange(len(panel)), "right") - 1 for where in places
    ]
    simulation = _added_up(own, panel, places, last)
    share = 1.0 / len(own)
    return measured(
        config,
        panel,
        {"probability": _scattered(panel, own, places)},
        np.column_stack(
            [
                share * _placed(one.position, rows)
                for one, rows in zip(own, last, strict=True)
            ]
        ),
        simulation,
        None,
    )


def _added_up(
    own: Sequence[BacktestResult],
    panel: Panel,
    places: Sequence[IntArray],
    last: Sequence[IntArray],
) -> PortfolioSimulation:
    simulations = [one.simulation for one in own]
    cash = [one.initial_cash for one in simulations]
    pairs = list(zip(simulations, last, cash, strict=True))
    fills = _fills(own, places)
    terms = [
        Terms.of(
            one.config.execution,
            symbol=one.candles.symbol,
            ppy=panel.ppy,
            initial_cash=held,
        )
        for one, held in zip(own, cash, strict=True)
    ]
    return PortfolioSimulation(
        equity=sum((_placed(s.equity, rows, c) for s, rows, c in pairs), _none(panel)),
        cash=sum((_placed(s.cash, rows, c) for s, rows, c in pairs), _none(panel)),
        fees_cum=sum((_placed(s.fees_cum, rows) for s, rows, _ in pairs), _none(panel)),
        borrow_cum=sum(
            (_placed(s.borrow_cum, rows) for s, rows, _ in pairs), _none(panel)
        ),
        quantity=np.column_stack([_placed(s.quantity, rows) for s, rows, _ in pairs]),
        mark=panel.mark,
        fills=fills,
        parts=parts_of(panel.mark, terms, fills),
        initial_cash=float(sum(cash)),
        ruin_bar=NOT_RUINED,
    )


def _fills(own: Sequence[BacktestResult], places: Sequence[IntArray]) -> np.ndarray:
    """Return the fills of all accounts as they happened, each order by its own id."""
    parts, orders = [], 0
    for column, (one, where) in enumerate(zip(own, places, strict=True)):
        fills = one.simulation.fills
        part = np.empty(len(fills), dtype=PORTFOLIO_FILL)
        for name in fills.dtype.names or ():
            part[name] = fills[name]
        part["bar"], part["symbol"] = where[fills["bar"]], column
        part["order_id"] += orders
        orders += int(fills["order_id"].max(initial=0))
        parts.append(part)
    found = np.concatenate(parts)
    return found[np.lexsort((found["symbol"], found["moment"], found["bar"]))]


def _placed(values: FloatArray, last: IntArray, before: float = 0.0) -> FloatArray:
    """Return own values on the stamps of the panel, each until the next one."""
    placed: FloatArray = np.append(values, before)[last]  # −1 is what was before
    return placed


def _scattered(
    panel: Panel, own: Sequence[BacktestResult], places: Sequence[IntArray]
) -> FloatArray:
    found = np.full((len(panel), len(own)), np.nan)
    for column, (one, where) in enumerate(zip(own, places, strict=True)):
        found[where, column] = one.columns["probability"]
    return found


def _none(panel: Panel) -> FloatArray:
    return np.zeros(len(panel))
