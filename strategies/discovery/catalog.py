"""The seed's three names: what a frame has, and expressions drawn from it.

The catalog that `set_dynamic_catalog` sets belongs to the thread or task that set it,
not to the process: two searches side by side do not see each other's columns. Whoever
holds a panel needs none of this: `Grammar.of`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.discovery.grammar import Grammar
from strategies.discovery.vocabulary import Terminal
from strategies.dsl.primitives import FIELD_FORMULAS, FIELDS
from strategies.dsl.units import FIELD_UNITS, PURE
from strategies.errors import ConfigError, did_you_mean
from strategies.market.columns import NOT_VALUES, PRICES
from strategies.types import MAX_BARS

if TYPE_CHECKING:
    import pandas as pd

MOST_EXPRESSIONS = 10_000
FRUITLESS = 200  # draws in a row without a new one, before fewer are returned


class CatalogFeature(NamedTuple):
    """A column that expressions may read.

    Attributes
    ----------
    name : str
    domain : str
        What stands before the first underscore: ``c`` of ``c_sek``.
    lag : int
        Bars until its values were known.
    """

    name: str
    domain: str
    lag: int


class Generated(NamedTuple):
    """An expression that was drawn; the first item is its text."""

    expr: str
    expr_hash: str
    complexity: float


def build_feature_catalog(
    df: pd.DataFrame,
    domain_lags: Mapping[str, int] | None = None,
    ignore: Collection[str] = (),
) -> list[CatalogFeature]:
    """Return the columns of a frame that expressions may read.

    Parameters
    ----------
    df : DataFrame of shape (n_rows, n_columns)
        Its numeric columns are features; names of prices in any case of letters.
        ``returns`` and ``vwap`` join them where the prices they are made of are there.
    domain_lags : mapping of str to int, optional
        Bars after which the values of a column, or of a domain, are known: they are
        read with this delay only.
    ignore : collection of str
        Columns to leave out.

    Returns
    -------
    list of CatalogFeature
        In the order of the columns.

    Raises
    ------
    ConfigError
        ``unknown_domain``, so that a lag that is misspelt does not let the future in;
        ``bad_lag``.
    """
    numeric = df.select_dtypes(include=[np.number]).columns
    names = [_named(str(column)) for column in numeric]
    names = [one for one in names if one not in NOT_VALUES and one not in ignore]
    lags = dict(domain_lags or {})
    _check_lags(lags, names)
    found = [_feature(name, lags) for name in dict.fromkeys(names)]
    own = {one.name: one.lag for one in found}
    parts = {"returns": ("close",), "vwap": ("high", "low", "close")}
    for name, needed in parts.items():
        if name not in own and name not in ignore and all(n in own for n in needed):
            lag = max(own[n] for n in needed)
            found.append(CatalogFeature(name, name, max(lag, lags.get(name, 0))))
    return found


_PLAIN = tuple(CatalogFeature(name, name, 0) for name in FIELDS if name != "cap")
_catalog: ContextVar[tuple[CatalogFeature, ...]] = ContextVar("catalog", default=_PLAIN)


def set_dynamic_catalog(catalog: Iterable[CatalogFeature]) -> None:
    """Draw from these columns from now on, in this thread or task."""
    _catalog.set(tuple(catalog))


def generate_expressions(
    n: int,
    seed: int | None = None,
    max_depth: int = 4,
    allowed_terminals: Sequence[str] | None = None,
) -> list[Generated]:
    """Return expressions drawn at random, no two alike.

    Parameters
    ----------
    n : int
        1 to 10,000.
    seed : int, optional
        The same list for the same seed; another one each time without it.
    max_depth : int
        How many functions stand within one another at most.
    allowed_terminals : sequence of str, optional
        Columns of the catalog that may be read; all if left out. Without a catalog,
        prices, ``volume``, ``returns`` and ``vwap``.

    Returns
    -------
    list of Generated
        Fewer than `n` if so few different ones are found.

    Raises
    ------
    ConfigError
        ``out_of_range``, ``unknown_field``, ``no_columns``.
    """
    if not 1 <= n <= MOST_EXPRESSIONS:
        raise ConfigError(
            f"{n} expressions are asked for.",
            code="out_of_range",
            field="n",
            advice=f"Choose from 1 to {MOST_EXPRESSIONS:,}.",
        )
    grammar = Grammar(terminals=_terminals(allowed_terminals), max_depth=max_depth)
    rng = np.random.default_rng(seed)
    found: dict[str, Generated] = {}
    fruitless = 0
    while len(found) < n and fruitless < FRUITLESS:
        one = grammar.random(rng)
        fruitless = fruitless + 1 if one.expr_hash in found else 0
        made = Generated(one.text, one.expr_hash, one.complexity.score)
        found.setdefault(made.expr_hash, made)
    return list(found.values())


def _terminals(allowed: Sequence[str] | None) -> tuple[Terminal, ...]:
    known = {one.name: one for one in _catalog.get()}
    for name in allowed or ():
        if name not in known:
            raise ConfigError(
                f"'{name:.40}' is not in the catalog.",
                code="unknown_field",
                field="allowed_terminals",
                advice=did_you_mean(name, list(known)),
            )
    names = known if allowed is None else dict.fromkeys(allowed)
    return tuple(
        Terminal(name, FIELD_UNITS.get(name, PURE), known[name].lag) for name in names
    )


def _named(column: str) -> str:
    """Return the name by which a panel knows a column."""
    folded = column.casefold()
    return folded if folded in (*PRICES, "volume", *NOT_VALUES) else column


def _feature(name: str, lags: Mapping[str, int]) -> CatalogFeature:
    domain = name.partition("_")[0] or name
    return CatalogFeature(name, domain, lags.get(name, lags.get(domain, 0)))


def _check_lags(lags: Mapping[str, int], names: Sequence[str]) -> None:
    known = {*names, *(name.partition("_")[0] for name in names), *FIELD_FORMULAS}
    for key, lag in lags.items():
        if key not in known:
            raise ConfigError(
                f"No column is called '{key:.40}', or begins with it.",
                code="unknown_domain",
                field="domain_lags",
                advice=did_you_mean(key, sorted(known)),
            )
        if not (isinstance(lag, int) and 0 <= lag <= MAX_BARS):
            raise ConfigError(
                f"The lag of '{key:.40}' is {lag!r:.40}.",
                code="bad_lag",
                field="domain_lags",
                advice=f"Choose whole bars from 0 to {MAX_BARS:,}.",
            )
