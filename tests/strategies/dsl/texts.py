"""Texts for the parser: half sensible, half rubbish, all from one seed."""

import random
from collections import Counter

from strategies import parse
from strategies.dsl.primitives import PRIMITIVES
from strategies.errors import DslError

SIGNS = ("+", "-", "*", "/", "^", "<", "<=", ">", ">=", "==", "!=", "and", "or")
LEAVES = ("close", "Open", "$volume", "returns", "adv20", "vwap", 'feat("c")', "{d}")
NUMBERS = ("0", "1", "2.5", "20", "1e-3", "007")
RUBBISH = ("(", ")", ",", "?", ":", "{", '"', "−", "é", "\x00", "\n", "1e9", ".", "'")
RUBBISH += ("__import__", "lambda", "[", "]", "IndClass.", "\u202e", "١", "rank(")
SPECIAL = (
    "(" * 10_000,
    "[" * 10_000,
    "()" * 5_000,
    "close" + " " * 9_000 + ")",
    "?" * 10_000,
    "-" * 10_000,
    "rank(" * 2_000,
    "close+" * 1_600 + "close",
    "a" * 10_001,
    "lag(close, 1e9)",
    "lag(close, -1)",
    "rank(" * 70 + "close" + ")" * 70,
    "where(" * 63 + "close" + ", 1, 2)" * 63,
    "ts_rank(close, 0)",
    "ts_mean(close, nan)",
    "сlose",
    "ｃlose",
    "rаnk(close)",
    "close ∗ 2",
    "lag(close, ５)",
    "close\u200b + 1",
    "close.__class__",
    "feat('../../etc/passwd')",
    "9" * 400,
    "delay(" * 40 + "close" + ", 500)" * 40,
    "ts_zscore(" * 12 + "close" + ", 5)" * 12,
    "x ? y",
    "{d",
    "",
    " \t\n",
)


def expression(rng, depth):
    """Return a text that should mostly parse."""
    if depth == 0 or rng.random() < 0.1:
        return rng.choice(LEAVES if rng.random() < 0.8 else NUMBERS)
    kind = rng.random()
    inside = [expression(rng, depth - 1) for _ in range(3)]
    if kind < 0.4:
        return f"({inside[0]} {rng.choice(SIGNS)} {inside[1]})"
    if kind < 0.5:
        return f"({inside[0]} > 0 ? {inside[1]} : {inside[2]})"
    if kind < 0.6:
        return f"{rng.choice(('-', 'not ', '+'))}{inside[0]}"
    primitive = rng.choice(list(PRIMITIVES.values()))
    words = {"value": inside[0], "window": "5", "number": "0.5", "group": "sector"}
    args = [
        inside[place % 3] if argument.kind == "value" else words[argument.kind]
        for place, argument in enumerate(primitive.arguments)
    ]
    name = primitive.name if primitive.name not in ("and", "or", "not") else "xor"
    return f"{name}({', '.join(args)})"


def mangled(rng, text):
    """Return the text with some rubbish in it, or without some of it."""
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        put = rng.choice(RUBBISH) if rng.random() < 0.5 else ""
        text = text[:at] + put + text[at + rng.randrange(3) :]
    return text


def random_text(rng):
    """Return a text of which one in three should mostly parse."""
    text = expression(rng, rng.randrange(1, 5))
    return text if rng.random() < 1 / 3 else mangled(rng, text)


def judged(text):
    """Return the code of a refusal or "understood"; fail if a promise is broken.

    Each text is refused with a code and a column inside it, or understood; what is
    understood says the same again when its canonical form is read.
    """
    one = understood(text)
    if isinstance(one, DslError):
        assert 1 <= one.column <= len(text) + 1, (text, one.column)
        assert one.message, text
        assert one.caret.endswith("^"), text
        return one.code
    assert parse(one.canonical).root is one.root, (text, one.canonical)
    assert one.complexity.score > 0, text
    assert (one.unit, one.warnings, one.lookback_bars) is not None
    return "understood"


def fuzz(count, seed):
    """Return how often each code came, the special texts among them."""
    rng = random.Random(seed)
    drawn = (random_text(rng) for _ in range(count))
    return Counter(judged(text) for text in (*SPECIAL, *drawn))


def understood(text):
    """Return the expression, or the refusal."""
    try:
        return parse(text)
    except DslError as refusal:
        return refusal
