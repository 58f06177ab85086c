"""From weights to equity and fills of a portfolio, checked against its own fills."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from strategies.errors import AccountingError, StrategyError
from strategies.kernels import resolve
from strategies.kernels.fills import FILL, LEFT_UNIVERSE, NOT_RUINED, SIGNAL
from strategies.market.columns import PRICES
from strategies.simulation.accounting import (
    EPSILON,
    TOLERANCE,
    AccountingCheck,
    rebuild,
)
from strategies.simulation.records import Simulation
from strategies.simulation.terms import Terms
from strategies.types import BoolArray, FloatArray
from strategies.weights import check_matrix, named_cell, read_only

if TYPE_CHECKING:
    from strategies.config import ExecutionConfig, ExitsConfig
    from strategies.market.panel import Panel


@dataclass(frozen=True)
class PortfolioSimulation:
    """What the weights would have earned; checked against its own fills.

    Attributes
    ----------
    equity, cash, fees_cum, borrow_cum : float64 arrays of shape (n_bars,)
        The account at each close, cash; bar 0 is the initial cash.
    quantity : float64 array of shape (n_bars, n_symbols)
        Signed shares or contracts held at each close.
    mark : float64 array of shape (n_bars, n_symbols)
        Prices at which positions are valued: last valid closes, 0 before them.
    fills : array of `strategies.kernels.fills.PORTFOLIO_FILL` of shape (n_fills,)
        In the order in which they happened; ``symbol`` is a column of the panel.
    parts : tuple of Simulation
        One per symbol, rebuilt from its fills alone: its ``equity`` starts at 0 and is
        what the symbol has earned so far. They sum up to the whole.
    initial_cash : float
    ruin_bar : int
        Bar on which nothing was left, or −1.
    accounting : AccountingCheck
    """

    equity: FloatArray
    cash: FloatArray
    fees_cum: FloatArray
    borrow_cum: FloatArray
    quantity: FloatArray
    mark: FloatArray
    fills: NDArray[np.void]
    parts: tuple[Simulation, ...]
    initial_cash: float
    ruin_bar: int
    accounting: AccountingCheck = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "accounting", check_parts(self))

    @property
    def ruined(self) -> bool:
        """Whether equity reached 0: from there on everything is 0."""
        return self.ruin_bar != NOT_RUINED

    @cached_property
    def bar_returns(self) -> FloatArray:
        """Simple returns of the equity, shape (n_bars − 1,); 0 after ruin."""
        last = self.ruin_bar if self.ruined else len(self.equity) - 1
        returns = np.zeros(len(self.equity) - 1)
        returns[:last] = self.equity[1 : last + 1] / self.equity[:last] - 1.0
        return returns

    @cached_property
    def market_value(self) -> FloatArray:
        """Signed value of each position at each close, (n_bars, n_symbols), cash."""
        return self.quantity * self.mark

    @cached_property
    def gross_exposure(self) -> FloatArray:
        """All positions, long and short added, as a fraction of equity, (n_bars,)."""
        gross = np.abs(self.market_value).sum(axis=1)
        exposure: FloatArray = np.zeros_like(gross)
        np.divide(gross, self.equity, out=exposure, where=self.equity > 0.0)
        return exposure

    @cached_property
    def fill_notional(self) -> FloatArray:
        """Traded value of each fill, cash, shape (n_fills,)."""
        notional: FloatArray = self.fills["qty"] * self.fills["price"]
        return notional

    @cached_property
    def traded(self) -> FloatArray:
        """Traded value of each bar, cash, two-sided, shape (n_bars,)."""
        traded: FloatArray = np.bincount(
            self.fills["bar"], weights=self.fill_notional, minlength=len(self.equity)
        ).astype(np.float64)
        return traded


@dataclass(frozen=True)
class SideBySide:
    """Accounts that are never rebalanced, added up: a universe bought and held.

    Attributes
    ----------
    parts : tuple of Simulation
        At least one, on the same bars.
    """

    parts: tuple[Simulation, ...]

    @cached_property
    def equity(self) -> FloatArray:
        """Value of all accounts at each close, cash, shape (n_bars,)."""
        total: FloatArray = np.sum([part.equity for part in self.parts], axis=0)
        return total

    @cached_property
    def quantity(self) -> FloatArray:
        """Signed shares or contracts held, shape (n_bars, n_parts)."""
        return np.column_stack([part.quantity for part in self.parts])

    @cached_property
    def gross_exposure(self) -> FloatArray:
        """All positions as a fraction of equity, shape (n_bars,)."""
        values = [np.abs(part.market_value) for part in self.parts]
        exposure: FloatArray = np.sum(values, axis=0) / self.equity
        return exposure

    @cached_property
    def fill_notional(self) -> FloatArray:
        """Traded value of each fill, cash, shape (n_fills,)."""
        return np.concatenate([part.fill_notional for part in self.parts])

    @property
    def ruined(self) -> bool:
        """Never: what is held without debt keeps a price."""
        return False


def simulate_weights(
    panel: Panel,
    weights: FloatArray,
    execution: ExecutionConfig,
    *,
    initial_cash: float,
    band: float = 0.0,
    exits: ExitsConfig | None = None,
    stake: float = math.inf,
    members: BoolArray | None = None,
) -> PortfolioSimulation:
    """Return what holding `weights` would have earned after costs.

    Parameters
    ----------
    panel : Panel
        A symbol whose fill price is NaN is not tradable on that bar; its position is
        then marked at its last valid close.
    weights : float64 array of shape (n_bars, n_symbols)
        Signed fractions of equity wanted after each close. Decided at close t, filled
        ``execution.execution_lag`` bars later; **not** lagged by the caller. NaN is
        refused.
    execution : ExecutionConfig
        Costs, lag and fill price; overrides by symbol count.
    initial_cash : float
        > 0, quote currency; the equity of bar 0.
    band : float
        Differences of up to this fraction of equity are not traded, except to close.
    exits : ExitsConfig, optional
        Of each position by itself, as fractions of its entry price.
    stake : float
        Most cash that one position may be worth when it is traded.
    members : bool array of shape (n_bars, n_symbols), optional
        Who is in the universe at each close: what closes the position of somebody who
        is not has that as its reason.

    Raises
    ------
    StrategyError
        If a value is missing, not finite or out of range; the message names it.
    AccountingError
        If the fills do not add up to the equity (a defect of the engine).

    Notes
    -----
    The weights are wanted again on every bar. Equity is marked at the fill prices;
    what is not wanted on its side any more is left first, and all other weights are
    fractions of the equity after that. Quantities are held from fill to fill. Costs
    of entering come out of the weight of the symbol, all other costs out of cash:
    what weights and costs take beyond equity is borrowed without interest.
    """
    terms = terms_of(
        panel, execution, initial_cash=initial_cash, band=band, exits=exits, stake=stake
    )
    return carry_out(panel, weights, terms, members=members)


def carry_out(
    panel: Panel,
    weights: FloatArray,
    terms: list[Terms],
    *,
    members: BoolArray | None = None,
) -> PortfolioSimulation:
    """Return what holding `weights` earns on these terms, one for each symbol.

    Arguments and errors are those of `simulate_weights`; see `terms_of`.
    """
    checked = _checked(panel, weights)
    lag, initial_cash = terms[0].lag, terms[0].initial_cash
    record, quantity, fills, ruin_bar = resolve(
        "strategies.kernels.portfolio:simulate_weights_nb"
    )(
        tuple(panel.fields[name] for name in PRICES),
        checked,
        initial_cash,
        np.array([one.row for one in terms]),
        lag,
        terms[0].at_close,
    )
    if members is not None:
        _say_who_left(fills, members, lag)
    for array in (record, quantity, fills):
        array.flags.writeable = False
    equity, cash, fees_cum, borrow_cum = record
    mark = panel.mark
    return PortfolioSimulation(
        equity=equity,
        cash=cash,
        fees_cum=fees_cum,
        borrow_cum=borrow_cum,
        quantity=quantity,
        mark=mark,
        fills=fills,
        parts=parts_of(mark, terms, fills),
        initial_cash=initial_cash,
        ruin_bar=ruin_bar,
    )


class PortfolioTally(NamedTuple):
    """What weights earned, without the fills; arrays of shape (n_bars,).

    Attributes
    ----------
    equity, gross_exposure : float64 arrays
        Those of `PortfolioSimulation`.
    in_position : bool array
    traded : float
        Value of all fills, two-sided, cash.
    """

    equity: FloatArray
    gross_exposure: FloatArray
    in_position: BoolArray
    traded: float


@dataclass(frozen=True, eq=False)
class Tallies:
    """Counts what weights earn on one panel, as often as it is asked.

    Attributes
    ----------
    panel : Panel
    rows : float64 array of shape (n_symbols, 10)
        See `Terms`.
    initial_cash : float
    lag : int
    at_close : bool
    """

    panel: Panel
    rows: FloatArray
    initial_cash: float
    lag: int
    at_close: bool

    @classmethod
    def of(
        cls,
        panel: Panel,
        execution: ExecutionConfig,
        *,
        initial_cash: float,
        band: float = 0.0,
        exits: ExitsConfig | None = None,
        stake: float = math.inf,
    ) -> Tallies:
        """Return what counts on these terms; they are those of `simulate_weights`."""
        terms = terms_of(
            panel,
            execution,
            initial_cash=initial_cash,
            band=band,
            exits=exits,
            stake=stake,
        )
        rows = np.array([one.row for one in terms])
        lag, at_close = execution.execution_lag, execution.fill == "close"
        return cls(panel, rows, float(initial_cash), lag, at_close)

    def tally(self, weights: FloatArray) -> PortfolioTally:
        """Return what holding `weights` earns: the equity of `simulate_weights`.

        Weights are trusted to be finite, and nothing is checked against fills; what is
        kept of a search is simulated in full. Threads may call it side by side.
        """
        kernel = resolve("strategies.kernels.portfolio_tally:tally_weights_nb")
        bars = tuple(self.panel.fields[name] for name in PRICES)
        checked = read_only(weights)
        counted = kernel(
            bars, checked, self.initial_cash, self.rows, self.lag, self.at_close
        )
        return PortfolioTally(*counted)


def _say_who_left(fills: NDArray[np.void], members: BoolArray, lag: int) -> None:
    """Give the fills that close the position of a symbol that left their reason."""
    decided = np.maximum(fills["bar"] - lag, 0)
    outside = ~members[decided, fills["symbol"]]
    closing = (fills["reason"] == SIGNAL) & (fills["position"] == 0.0)
    fills["reason"][outside & closing] = LEFT_UNIVERSE


def terms_of(panel: Panel, execution: ExecutionConfig, **others: Any) -> list[Terms]:
    """Return on which terms each symbol is traded; refuse costs of a stranger.

    `others` are those of `Terms.of` that all symbols share.
    """
    strangers = sorted(set(execution.overrides) - set(panel.symbols))
    if strangers:
        raise StrategyError(
            f"There are costs for {strangers[0]:.40}, which the panel does not have.",
            code="unknown_symbol",
            field=f"execution.overrides.{strangers[0]:.40}",
            advice="Give costs only for symbols of the panel.",
        )
    return [
        Terms.of(execution, symbol=symbol, ppy=panel.ppy, **others)
        for symbol in panel.symbols
    ]


def check_parts(simulation: PortfolioSimulation) -> AccountingCheck:
    """Compare a record with what the fills alone say; refuse one that is off.

    The sum of the parts is rebuilt without any function of the bar loop. Differences
    in equity, cash, fees, borrow and the value of positions may sum up on a bar to
    ``1e-9 · max(1, |equity|)`` plus the rounding that adding up that many amounts of
    that size cannot avoid.

    Raises
    ------
    AccountingError
        Naming the bar. NaN always differs.
    """
    parts, start = simulation.parts, simulation.initial_cash
    error = np.abs(simulation.equity - start - sum(part.equity for part in parts))
    error += np.abs(simulation.cash - start - sum(part.cash for part in parts))
    error += np.abs(simulation.fees_cum - sum(part.fees_cum for part in parts))
    error += np.abs(simulation.borrow_cum - sum(part.borrow_cum for part in parts))
    held = np.column_stack([part.quantity for part in parts])
    error += (np.abs(simulation.quantity - held) * simulation.mark).sum(axis=1)
    scale = np.maximum(np.abs(simulation.equity), 1.0)
    moved = start + float(simulation.fill_notional.sum())
    fits = error <= TOLERANCE * scale + EPSILON * moved
    if not fits.all():
        bar = int(np.flatnonzero(~fits)[0])
        raise AccountingError(
            f"The fills do not add up to the equity: bar {bar} is off by "
            f"{error[bar]:.6g}.",
            advice="This is a defect of the engine. Keep the weights and report it.",
        )
    return AccountingCheck(
        ok=True, max_error=float((error / scale).max()), n_fills=len(simulation.fills)
    )


def parts_of(
    mark: FloatArray, terms: list[Terms], fills: NDArray[np.void]
) -> tuple[Simulation, ...]:
    """Return what each symbol did to the account, from its fills alone."""
    plain = fills[list(FILL.names or ())].astype(FILL)
    order = np.argsort(fills["symbol"], kind="stable")
    edges = np.searchsorted(fills["symbol"][order], np.arange(len(terms) + 1))
    parts = []
    for column, one in enumerate(terms):
        own = plain[order[edges[column] : edges[column + 1]]]
        own.flags.writeable = False
        price = np.ascontiguousarray(mark[:, column])
        parts.append(
            Simulation(
                bars=rebuild(price, one.borrow_per_bar, 0.0, own),
                price_ref=price,
                fills=own,
                initial_cash=0.0,
                ruin_bar=NOT_RUINED,
                accounting=AccountingCheck(True, 0.0, len(own)),
            )
        )
    return tuple(parts)


def _checked(panel: Panel, weights: FloatArray) -> FloatArray:
    """Return `weights` as the bar loop wants them, or name the cell at fault."""
    weights = np.ascontiguousarray(weights, dtype=np.float64)
    check_matrix("weights", weights, panel)
    if weights.size == 0:
        raise StrategyError("There is nothing to simulate.", code="empty_data")
    if not np.isfinite(weights).all():
        bar, column = np.argwhere(~np.isfinite(weights))[0]
        raise named_cell("weights", weights, (int(bar), int(column)), panel)
    return read_only(weights)
