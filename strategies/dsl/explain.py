"""A tree in words: what each part says, in what unit, and how far it looks back."""

from __future__ import annotations

import re
from dataclasses import dataclass

from strategies.dsl.canonical import written
from strategies.dsl.derived import lookback_bars
from strategies.dsl.expression import Expression, as_expression
from strategies.dsl.named import formula_of
from strategies.dsl.nodes import BRACE, FIELD, GROUP, LEAVES, NUMBER, Node
from strategies.dsl.primitives import PRIMITIVES
from strategies.dsl.units import units_of

FIELD_WORDS = {
    "open": "First price of the bar.",
    "high": "Highest price of the bar.",
    "low": "Lowest price of the bar.",
    "close": "Last price of the bar.",
    "volume": "How much was traded in the bar.",
    "vwap": "Mean price paid in the bar; (high + low + close) / 3 where the data have "
    "none.",
    "returns": "Change from the close before, as a fraction.",
    "cap": "Market value of the company.",
}
_LEAF_TYPES = {NUMBER: "number", GROUP: "group", BRACE: "number"}
# Arguments with names that are no words of a sentence.
_LETTERS = ("x", "y", "d", "a", "k", "n", "q", "f", "h", "w", "g", "lo", "hi", "lag")


@dataclass(frozen=True, slots=True)
class Explained:
    """One part of an expression, with its own parts.

    Attributes
    ----------
    text : str
        The part as it is written in canonical form.
    name : str
        Of the primitive, or of the leaf.
    kind : {"function", "field", "number", "group", "brace"}
    type : {"value", "condition", "number", "window", "group"}
        What it is to the part around it.
    words : str
        One sentence.
    unit : str or None
        None if it is not known.
    lookback_bars : int
        Bars before its first value.
    column : int
        Where it starts in the text, from 1.
    arguments : tuple of Explained
    """

    text: str
    name: str
    kind: str
    type: str
    words: str
    unit: str | None
    lookback_bars: int
    column: int
    arguments: tuple[Explained, ...]


def explain(expr: str | Expression) -> Explained:
    """Return what an expression says, part by part, as it was written.

    Raises
    ------
    DslError
        As `strategies.parse`.

    Examples
    --------
    >>> explain("delta(close, 5)").words
    'The change since 5 bars ago.'
    """
    expression = as_expression(expr)
    return _explained(expression, expression.written, "")


def _explained(expression: Expression, one: Node, wanted: str) -> Explained:
    unit, _ = units_of(one)
    primitive = PRIMITIVES.get(one.op)
    kinds = [argument.kind for argument in primitive.arguments] if primitive else []
    parts = (
        _explained(expression, arg, kind)
        for arg, kind in zip(one.args, kinds, strict=True)
    )
    return Explained(
        text=written(one),
        name=primitive.name if primitive else _leaf_name(one),
        kind="function" if one.op not in LEAVES else one.op,
        type="window" if wanted == "window" else _type(one),
        words=_words(one),
        unit=None if unit is None else str(unit),
        lookback_bars=lookback_bars(one),
        column=expression.column(one),
        arguments=tuple(parts),
    )


def _leaf_name(one: Node) -> str:
    return written(one) if one.op == NUMBER else one.name


def _type(one: Node) -> str:
    if one.op in PRIMITIVES and PRIMITIVES[one.op].truth:
        return "condition"
    return _LEAF_TYPES.get(one.op, "value")


def _words(one: Node) -> str:
    if one.op == NUMBER:
        return "A number."
    if one.op == BRACE:
        return "A constant that is given with the run."
    if one.op == GROUP:
        return "A group: symbols with the same label."
    if one.op == FIELD:
        return FIELD_WORDS.get(one.name) or _column_words(formula_of(one.name))
    return _filled(one)


def _column_words(text: str | None) -> str:
    if text is None:
        return "A column of your data."
    return f"A column of your data; where they have none, {text}."


def _filled(one: Node) -> str:
    """Return the meaning of a primitive with what its arguments are here."""
    primitive = PRIMITIVES[one.op]
    here = {
        argument.name: written(arg)
        for argument, arg in zip(primitive.arguments, one.args, strict=True)
        if argument.name in _LETTERS
    }
    if not here:
        return primitive.meaning
    names = "|".join(sorted(here, key=len, reverse=True))
    meaning = primitive.meaning.replace("`", "")
    return re.sub(rf"\b({names})\b", lambda found: here[found[1]], meaning)
