"""Does it see the future? Change what comes after a bar and see what moves before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from strategies.dsl.canonical import written
from strategies.dsl.expression import Expression, as_expression
from strategies.dsl.nodes import FIELD, Node, walk
from strategies.dsl.population import evaluate_population
from strategies.dsl.primitives import PRIMITIVES
from strategies.features.compute import compute_features
from strategies.library.base import Strategy
from strategies.library.registry import complete_params
from strategies.market.candles import Candles
from strategies.market.panel import Group, Panel
from strategies.types import FloatArray

N_BARS = 400
N_SYMBOLS = 30
CONSECUTIVE = 10
RANDOM = 4
TOLERANCE = 1e-9

Change = Callable[[FloatArray], FloatArray]
Columns = Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True)
class Leak:
    """A part that knew what came later.

    Attributes
    ----------
    node : str
        The part, in canonical form; nothing below it leaks.
    column : int
        Where it stands in the text, from 1; 0 for a strategy.
    offset : int
        Over how many bars the future reached back, as far as was seen.
    """

    node: str
    column: int
    offset: int


def check_lookahead(
    subject: str | Expression | Strategy, panel: Panel, *, rng: np.random.Generator
) -> list[Leak]:
    """Return the parts of an expression or a strategy that look ahead.

    Everything after a bar is replaced by noise, by nothing, by huge and by tiny
    values, and cut off; up to that bar nothing may change: which values are NaN and,
    cut off, not one bit, otherwise 1e-9.

    Parameters
    ----------
    subject : str, Expression or Strategy
        A strategy of the library is tried with its default parameters.
    panel : Panel
        Real bars; the newest few hundred of some symbols are used.
    rng : numpy Generator
        Draws the noise and some of the bars after which the future changes.

    Returns
    -------
    list of Leak
        Empty if nothing leaks. A part is named only if what it is made of does not
        leak.

    Raises
    ------
    DslError, StrategyError
        As `strategies.evaluate`.

    Notes
    -----
    Finds what the data can show: it is a proof of a leak, not of its absence.
    """
    if isinstance(subject, Strategy):
        few = _few(panel, 2 * N_BARS)
        columns = _columns_of(subject)
        reach = _reach(lambda given: columns(given), few, rng)
        return _strategy_leaks(subject, reach)
    expression = as_expression(subject)
    few = _few(panel, max(N_BARS, 2 * expression.lookback_bars + 50))
    parts = _parts(expression)
    reach = _reach(lambda given: _evaluated(parts, given), few, rng)
    return [
        Leak(name, expression.column(one), reach[name])
        for name, one in parts.items()
        if name in reach and not any(written(arg) in reach for arg in one.args)
    ]


def verdict_of(leaks: Sequence[Leak]) -> dict[str, object]:
    """Return what was found as plain values; of several parts the first is named."""
    if not leaks:
        return {"ok": True, "node": None, "column": None, "offset_bars": None}
    first = leaks[0]
    return {
        "ok": False,
        "node": first.node,
        "column": first.column,
        "offset_bars": first.offset,
    }


def _parts(expression: Expression) -> dict[str, Node]:
    """Return every part that is a matrix, arguments first."""
    return {
        written(one): one
        for one in walk(expression.root)
        if one.op in PRIMITIVES or one.op == FIELD or one is expression.root
    }


def _evaluated(parts: Mapping[str, Node], panel: Panel) -> Columns:
    alone = [Expression(name, one, one, {}) for name, one in parts.items()]
    return dict(evaluate_population(alone, panel))


def _columns_of(strategy: Strategy) -> Callable[[Panel], Columns]:
    params = complete_params(strategy, {})

    def one(candles: Candles) -> dict[str, FloatArray]:
        columns = compute_features(candles, strategy.features(params))
        return {**columns, strategy.name: strategy.signal(candles, columns, params)}

    def columns(panel: Panel) -> Columns:
        each = [one(panel.candles(symbol)) for symbol in panel.symbols]
        return {name: np.column_stack([c[name] for c in each]) for name in each[0]}

    return columns


def _strategy_leaks(strategy: Strategy, reach: Mapping[str, int]) -> list[Leak]:
    below = [Leak(name, 0, far) for name, far in reach.items() if name != strategy.name]
    if below or strategy.name not in reach:
        return below
    return [Leak(strategy.name, 0, reach[strategy.name])]


def _reach(
    columns_of: Callable[[Panel], Columns], panel: Panel, rng: np.random.Generator
) -> dict[str, int]:
    """Return the columns that changed before their cause, and over how many bars."""
    whole = columns_of(panel)
    reach: dict[str, int] = {}
    for cut in _cuts(len(panel), rng):
        for future, exact in _futures(panel, cut, rng):
            changed = columns_of(future)
            for name, before in whole.items():
                moved = _moved(before[: cut + 1], changed[name][: cut + 1], exact)
                if moved is not None:
                    reach[name] = max(reach.get(name, 0), cut + 1 - moved)
    return reach


def _moved(before: FloatArray, after: FloatArray, exact: bool) -> int | None:
    """Return the first bar at which two histories differ."""
    same = (before == after) | (np.isnan(before) & np.isnan(after))
    if not exact:
        near = np.abs(after - before) <= TOLERANCE * np.maximum(1.0, np.abs(before))
        same |= near
    rows = np.flatnonzero(~same.all(axis=1))
    return int(rows[0]) if rows.size else None


def _cuts(n_bars: int, rng: np.random.Generator) -> list[int]:
    """Return the bars after which the future changes."""
    middle = n_bars // 2
    some = rng.integers(0, max(1, n_bars - 1), RANDOM).tolist()
    wanted = {n_bars // 3, n_bars - 2, *range(middle, middle + CONSECUTIVE), *some}
    return sorted(cut for cut in wanted if 0 <= cut < n_bars - 1)


def _futures(
    panel: Panel, cut: int, rng: np.random.Generator
) -> Iterator[tuple[Panel, bool]]:
    """Yield the panel with other futures, and whether the past must be bit for bit."""
    changes: list[Change] = [
        lambda values: values * rng.uniform(0.2, 5.0, values.shape),
        lambda values: np.full_like(values, np.nan),
        lambda values: values * 1e6,
        lambda values: values * 1e-6,
    ]
    for change in changes:
        yield _after(panel, cut, change), False
    yield _slice(panel, slice(0, cut + 1), slice(None)), True


def _after(panel: Panel, cut: int, change: Change) -> Panel:
    fields = {}
    for name, values in panel.fields.items():
        fields[name] = np.concatenate([values[: cut + 1], change(values[cut + 1 :])])
    groups = {}
    for name, (labels, codes) in panel.groups.items():
        later = np.roll(codes[cut + 1 :], 1, axis=1)
        groups[name] = Group(labels, np.concatenate([codes[: cut + 1], later]))
    return replace(panel, fields=fields, groups=groups)


def _few(panel: Panel, n_bars: int) -> Panel:
    """Return the newest bars of some symbols, evenly chosen."""
    step = -(-len(panel.symbols) // N_SYMBOLS)
    return _slice(panel, slice(max(0, len(panel) - n_bars), None), slice(0, None, step))


def _slice(panel: Panel, bars: slice, columns: slice) -> Panel:
    return replace(
        panel,
        symbols=panel.symbols[columns],
        ts=panel.ts[bars],
        fields={k: v[bars, columns] for k, v in panel.fields.items()},
        groups={k: Group(g, c[bars, columns]) for k, (g, c) in panel.groups.items()},
    )
