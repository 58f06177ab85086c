"""An expression on a panel: one value for each bar and symbol.

Row ``t`` of an answer depends on the bars up to ``t`` only. Work is shared out to
threads by columns, rows or cells; results do not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from strategies.compute import executor
from strategies.dsl.derived import among_members, compares, written_out
from strategies.dsl.expression import Expression, as_expression
from strategies.dsl.limits import LIMITS, Limits
from strategies.dsl.named import formula_of, registered_names
from strategies.dsl.nodes import Node
from strategies.dsl.primitives import FIELD_FORMULAS
from strategies.dsl.work import NONE, Work
from strategies.errors import StrategyError, did_you_mean
from strategies.market.panel import Panel
from strategies.types import BoolArray, FloatArray


class Kept(Protocol):
    """Where matrices of one panel are kept, by the canonical form of an expression."""

    def get(self, key: str) -> FloatArray | None:
        """Return what is kept under this key, or None."""

    def put(self, key: str, array: FloatArray) -> None:
        """Keep `array`, or decide not to."""


def evaluate(
    expr: str | Expression,
    panel: Panel,
    *,
    members: BoolArray | None = None,
    out: FloatArray | None = None,
    limits: Limits = LIMITS,
    cache: Kept | None = None,
) -> FloatArray:
    """Return what an expression comes to on every bar of every symbol.

    Parameters
    ----------
    expr : str or Expression
    panel : Panel
    members : bool array of shape (n_bars, n_symbols), optional
        Who is in the universe at each close; without it, everyone is. Primitives
        across the market or a group compare members only: whoever is none has no
        value there and changes nobody else's. Everything else sees all bars.
    out : float64 array of shape (n_bars, n_symbols), optional
        Filled and returned; C-contiguous. A new array if left out.
    limits : Limits
    cache : Kept, optional
        Where the features that it names are looked for, and kept once computed.

    Returns
    -------
    float64 array of shape (n_bars, n_symbols)
        NaN where there is no value: windows not full yet, bars that are missing,
        results that are not finite numbers. Booleans are 1 and 0.

    Raises
    ------
    DslError
        Those of `parse`; ``unknown_field``, ``unknown_group``, ``open_brace``.
    StrategyError
        ``too_large``, ``too_slow``; ``bad_shape`` for `out` or `members`.

    Examples
    --------
    >>> evaluate("rank(delta(close, 5))", panel)  # doctest: +SKIP
    """
    expression = as_expression(expr)
    _check_out(out, panel)
    members = told_apart(members, panel)
    columns: Mapping[str, FloatArray] = NONE
    if cache is not None:
        columns = _columns(expression, panel, members, limits, cache)
    root = ready(expression, panel, columns, members)
    with executor() as pool:
        work = Work(panel, pool, limits, columns, members)
        plan = work.planned([root])
        return work.run(plan, {} if out is None else {root: out})[root]


def told_apart(members: BoolArray | None, panel: Panel) -> BoolArray | None:
    """Return who is a member, or None where nobody is told apart by it."""
    if members is None:
        return None
    shape = (len(panel), len(panel.symbols))
    if members.shape != shape:
        raise StrategyError(
            f"members has shape {members.shape}; bars and symbols are {shape}.",
            code="bad_shape",
            field="members",
            advice="Give one row per bar, one column per symbol.",
        )
    return None if members.all() else members


def ready(
    expression: Expression,
    panel: Panel,
    columns: Mapping[str, FloatArray] = NONE,
    members: BoolArray | None = None,
) -> Node:
    """Return the tree that is evaluated, once panel and columns have all it reads."""
    if expression.braces:
        expression.refuse_leaf(expression.braces[0], "open_brace", "has no value", "")
    for name in expression.fields:
        if name not in panel.fields and formula_of(name) is None:
            known = sorted(panel.fields)
            advice = did_you_mean(name, [*known, *registered_names()])
            advice = advice or f"It has {', '.join(known)[:200]}."
            why = "is not a column of these data"
            expression.refuse_leaf(name, "unknown_field", why, advice)
    for name in expression.groups:
        if name not in {group.casefold() for group in panel.groups}:
            known = sorted(panel.groups)
            advice = did_you_mean(name, known)
            advice = advice or f"Groups: {', '.join(known)[:200] or 'none'}."
            why = "is not a group of these data"
            expression.refuse_leaf(name, "unknown_group", why, advice)
    brought = {name for name in (*panel.fields, *columns) if formula_of(name)}
    root = written_out(expression.root, frozenset(brought - {"returns"}))
    return root if members is None else among_members(root)


def _check_out(out: FloatArray | None, panel: Panel) -> None:
    if out is None:
        return
    shape = (len(panel), len(panel.symbols))
    good = out.shape == shape and out.dtype == np.float64 and out.flags.c_contiguous
    if not (good and out.flags.writeable):
        raise StrategyError(
            f"out has shape {out.shape} and kind {out.dtype}.",
            code="bad_shape",
            field="out",
            advice=f"Give a contiguous float64 array of shape {shape}.",
        )


def _columns(
    expression: Expression,
    panel: Panel,
    members: BoolArray | None,
    limits: Limits,
    cache: Kept,
) -> dict[str, FloatArray]:
    """Return what the features that an expression names come to, by name.

    Without those whose value depends on who is a member: they are not kept.
    """
    columns: dict[str, FloatArray] = {}
    for name in expression.fields:
        text = formula_of(name)
        if text is None or name in FIELD_FORMULAS or name in panel.fields:
            continue
        feature = as_expression(text)
        if members is not None and compares(feature.root):
            continue
        values = cache.get(feature.canonical)
        if values is None:
            values = evaluate(feature, panel, limits=limits)
            cache.put(feature.canonical, values)
        columns[name] = values
    return columns
