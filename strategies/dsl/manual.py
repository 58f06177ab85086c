"""The manual of the language, written from the table of primitives.

``python -m strategies.dsl.manual write`` writes ``docs/expressions.md`` anew; without a
word it says whether the file is what the table says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from strategies.dsl.explain import FIELD_WORDS
from strategies.dsl.limits import LIMITS
from strategies.dsl.primitive import Argument, Primitive
from strategies.dsl.primitives import PRIMITIVES

FILE = Path(__file__).parents[2] / "docs" / "expressions.md"
STALE = "docs/expressions.md is not what the table says. Run make openapi, commit it."

UNIT_WORDS = {
    "pure": "a pure number.",
    "price": "a price.",
    "money": "price times volume.",
    "none": "a pure number if x is one, else unknown.",
    "same": "that of x.",
    "second": "that of the second operand.",
    "match": "that of the operands, which should have one.",
    "compare": "a pure number; the operands should have one unit.",
    "branches": "that of the two branches, which should have one.",
    "product": "the product of the operands' units.",
    "quotient": "the quotient of the operands' units.",
    "inverse": "one over that of x.",
    "sqrt": "the root of that of x.",
    "square": "the square of that of x.",
    "power": "that of x to the power, if the power is written out.",
    "count": "a pure number.",
}
KIND_WORDS = {
    "value": "any expression",
    "window": "a whole number of bars",
    "number": "a number written out",
    "group": "the name of a group",
}
HEAD = f"""# The language of expressions

An expression says one number for each bar and symbol: larger is held long, smaller
short. It is read by a grammar of its own and never run as a program. What follows is
written from the tables of the code by `make openapi`.

- Operators, from loosest to tightest: `? :`, `or`, `and`, `not`, comparisons, `+ -`,
  `* /`, the sign, `^`. Words may be written in any case of letters.
- `feat("name")` is a column of your data or, where they have none of that name, the
  feature that the catalog calls so: `feat("rsi")`. `adv20` is `adv(20)`. `{{d}}` is a
  constant that is given with the run, or swept.
- A window holds whole bars, this one included; decimals are cut off.
- `min(x, 5)` and `max(x, 5)` with a number written out are `ts_min` and `ts_max`; with
  two expressions they take the smaller and the larger. `rank(x)` is across the market,
  `rank(x, 20)` is `ts_rank`.
- Across the market or a group only members of the universe on that bar are compared;
  windows see the whole history of a symbol, also from before it was one.
- Nothing looks ahead: a value depends on its bar and those before.
- At most {LIMITS.characters:,} characters, {LIMITS.nodes:,} parts, {LIMITS.depth}
  levels and {LIMITS.lookback_bars:,} bars of look-back.
"""


def manual() -> str:
    """Return the whole manual as Markdown."""
    return "\n".join([HEAD, *_fields(), *_primitives()]) + "\n"


def _fields() -> Iterator[str]:
    yield "## Fields\n\n| field | meaning |\n|---|---|"
    for name, meaning in FIELD_WORDS.items():
        yield f"| `{name}` | {meaning} |"


def _primitives() -> Iterator[str]:
    for family in families():
        yield f"\n## {family.capitalize()}"
        for one in PRIMITIVES.values():
            if one.family == family:
                yield from _primitive(one)


def _primitive(one: Primitive) -> Iterator[str]:
    yield f"\n### `{one.signature}`\n\n{one.meaning}\n"
    if one.symbol:
        yield f"- Written `{one.symbol}`."
    if one.aliases:
        yield f"- Also called {_listed(one.aliases)}."
    yield from (f"- {argument_words(argument)}" for argument in one.arguments)
    if one.formula:
        yield f"- The same as `{one.formula}`."
    yield f"- Unit: {unit_words(one)}"
    yield f"- Look-back: {lookback_words(one)}"
    yield f"- {one.nan}" if "NaN" in one.nan else f"- NaN: {one.nan}"
    yield f"- Example: `{one.example}`"


def families() -> tuple[str, ...]:
    """Return the headings under which primitives are listed."""
    return tuple(dict.fromkeys(one.family for one in PRIMITIVES.values()))


def argument_words(argument: Argument) -> str:
    """Return what may stand for an argument."""
    words = f"`{argument.name}`: {KIND_WORDS[argument.kind]}"
    if argument.minimum > -1e300:
        words += f" from {argument.minimum:g}"
    if argument.maximum < 1e300:
        words += f" to {argument.maximum:g}"
    if argument.default is not None:
        words += f", {argument.default:g} if left out"
    return f"{words}."


def unit_words(one: Primitive) -> str:
    """Return in what unit the answer is."""
    return UNIT_WORDS[one.unit]


def lookback_words(one: Primitive) -> str:
    """Return how many bars pass before the first value, beyond those of the operands.

    Of a derived primitive it is that of its formula.
    """
    if one.shape == "derived":
        return "that of its formula."
    windows = " + ".join(one.name for one in one.arguments if one.kind == "window")
    if not windows:
        return f"{one.extra_bars} bars." if one.extra_bars > 0 else "none."
    if not one.extra_bars:
        return f"{windows} bars."
    sign = "+" if one.extra_bars > 0 else "−"
    return f"{windows} {sign} {abs(one.extra_bars)} bars."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def main(words: list[str]) -> int:
    """Write the manual, or say whether the committed one is current."""
    if "write" in words:
        FILE.write_text(manual())
    elif not FILE.exists() or FILE.read_text() != manual():
        sys.stderr.write(f"{STALE}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
