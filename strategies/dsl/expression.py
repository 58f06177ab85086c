"""An expression: a text that was understood, and everything known without data."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from strategies.dsl.canonical import canonical_node, hash_of, written
from strategies.dsl.derived import lookback_bars, written_out
from strategies.dsl.limits import LIMITS, Limits
from strategies.dsl.nodes import BRACE, FIELD, GROUP, Node, field, walk
from strategies.dsl.parser import Parsed, parse_text
from strategies.dsl.primitives import FIELD_FORMULAS, PRIMITIVES
from strategies.dsl.typing import Site
from strategies.dsl.units import units_of
from strategies.errors import DslError


@dataclass(frozen=True, slots=True)
class Caution:
    """Something that is allowed but hardly meant, and where it stands."""

    code: str
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class Complexity:
    """How much there is to an expression.

    Attributes
    ----------
    nodes, depth : int
        Of the tree as written.
    fields : int
        How many different ones.
    windows : float
        Sum of log2(window) over 4.
    """

    nodes: int
    depth: int
    fields: int
    windows: float

    @property
    def score(self) -> float:
        """``nodes + depth + 0.5·fields + Σ log2(window)/4``."""
        return self.nodes + self.depth + 0.5 * self.fields + self.windows


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """A text that was parsed and checked; made by `parse`.

    Attributes
    ----------
    text : str
        As it was written.
    written : Node
        The tree as written.
    root : Node
        The canonical tree: the one that is evaluated.
    """

    text: str
    written: Node
    root: Node
    columns: Mapping[Node, int]

    @property
    def canonical(self) -> str:
        """The one form of all ways to write it."""
        return written(self.root)

    @property
    def expr_hash(self) -> str:
        """The sha256 of the canonical form."""
        return hash_of(self.root)

    @property
    def complexity(self) -> Complexity:
        """How much there is to it, counted on the canonical form."""
        spans = sum(_windows(one) for one in _every(self.root))
        return Complexity(
            nodes=self.root.size,
            depth=self.root.depth,
            fields=len(self.fields),
            windows=spans / 4.0,
        )

    @property
    def lookback_bars(self) -> int:
        """Bars before the first value, on a panel without gaps."""
        return lookback_bars(self.root)

    @property
    def fields(self) -> tuple[str, ...]:
        """Columns it reads, in alphabetical order."""
        return self._names(FIELD)

    @property
    def groups(self) -> tuple[str, ...]:
        """Groups it names."""
        return self._names(GROUP)

    @property
    def braces(self) -> tuple[str, ...]:
        """Constants in braces that have no value yet."""
        return self._names(BRACE)

    @property
    def unit(self) -> str | None:
        """What a value is measured in: "1", "price", "price·volume", or None."""
        unit, _ = units_of(self.written)
        return None if unit is None else str(unit)

    @property
    def warnings(self) -> tuple[Caution, ...]:
        """What is allowed but hardly meant."""
        _, warned = units_of(self.written)
        return tuple(
            Caution(one.code, self.column(one.node), one.message) for one in warned
        )

    def substituted(self, brought: Collection[str] = ()) -> tuple[Caution, ...]:
        """Return what a formula stands in for, on data that have the columns `brought`.

        Of the code ``vwap_substituted``: few sources bring that average. Without data,
        what would be where none bring it.
        """
        if "vwap" not in self.fields or "vwap" in brought:
            return ()
        where = "These data have" if brought else "Where data have"
        message = f"{where} no vwap, {FIELD_FORMULAS['vwap']} stands in for it."
        return (Caution("vwap_substituted", self.column(field("vwap")), message),)

    def column(self, one: Node) -> int:
        """Return where a part of it starts in the text, from 1."""
        if one in self.columns:
            return self.columns[one]
        alike = (at for part, at in self.columns.items() if canonical_node(part) is one)
        return min(alike, default=1)

    def refuse_leaf(self, name: str, code: str, why: str, advice: str) -> NoReturn:
        """Raise the `DslError` about a field, a group or a brace, and where it is."""
        columns = [at for one, at in self.columns.items() if one.value == name]
        site = Site(self.text, min(columns, default=1))
        site.refuse(code, f"'{name:.40}' {why}.", advice)

    def _names(self, op: str) -> tuple[str, ...]:
        return tuple(sorted(name for kind, name in _leaves(self.root) if kind == op))


def parse(
    text: str,
    braces: Mapping[str, float] | None = None,
    limits: Limits = LIMITS,
) -> Expression:
    """Return what an expression says, or refuse it with a reason and a column.

    Parameters
    ----------
    text : str
    braces : mapping of str to float, optional
        Values of the constants in braces: ``{"d": 5}`` for ``delta(close, {d})``.
        One that is left out stays open; the expression cannot be evaluated then.
    limits : Limits

    Raises
    ------
    DslError
        Carries ``code``, ``column``, ``caret``, ``message`` and ``advice``.

    Examples
    --------
    >>> parse("rank(-1 * Delta(close, 5.7)) + 0").canonical
    'rank(-delta(close, 5))'
    >>> parse("close + volume").warnings[0].code
    'unit_mismatch'
    """
    return _parse(text, tuple(sorted((braces or {}).items())), limits)


@lru_cache(maxsize=4_096)
def _parse(
    text: str, braces: tuple[tuple[str, float], ...], limits: Limits
) -> Expression:
    parsed = parse_text(text, dict(braces), limits)
    root = canonical_node(parsed.node)
    _check(parsed, root, limits)
    return Expression(text, parsed.node, root, parsed.columns)


def _check(parsed: Parsed, root: Node, limits: Limits) -> None:
    site = Site(parsed.text, 1)
    if root.op in (GROUP, BRACE):
        site.refuse("no_value", "This alone is no value.", "For example rank(close).")
    try:
        written_out(root)
    except DslError:
        site.refuse(
            "too_complex",
            "Written out in plain functions, the expression has too many parts.",
            "Nest fewer of the derived functions.",
        )
    bars = lookback_bars(root)
    if bars > limits.lookback_bars:
        site.refuse(
            "too_far_back",
            f"The expression looks back {bars} bars.",
            f"At most {limits.lookback_bars} are allowed: shorten the windows.",
        )


def canonical(expr: str | Expression) -> str:
    """Return the one form of all ways to write an expression.

    Raises
    ------
    DslError
    """
    return as_expression(expr).canonical


def expr_hash(expr: str | Expression) -> str:
    """Return the sha256 of the canonical form of an expression.

    Raises
    ------
    DslError
    """
    return as_expression(expr).expr_hash


def as_expression(expr: str | Expression) -> Expression:
    """Return the expression, parsed if it is a text."""
    return expr if isinstance(expr, Expression) else parse(expr)


@lru_cache(maxsize=20_000)
def _leaves(root: Node) -> frozenset[tuple[str, str]]:
    """Return the fields, groups and braces below a node."""
    named = (FIELD, GROUP, BRACE)
    return frozenset((one.op, one.name) for one in walk(root) if one.op in named)


def _every(root: Node) -> list[Node]:
    """Return every node of the tree as written, shared ones as often as they are."""
    found, stack = [], [root]
    while stack:
        found.append(one := stack.pop())
        stack.extend(one.args)
    return found


def _windows(one: Node) -> float:
    """Return Σ log2(window) over the windows of one node."""
    if one.op not in PRIMITIVES:
        return 0.0
    return sum(
        math.log2(arg.number)
        for argument, arg in zip(PRIMITIVES[one.op].arguments, one.args, strict=True)
        if argument.kind == "window" and arg.is_number and arg.number >= 1.0
    )
