"""What is said about the language: the manual, errors that can be mended, the tree."""

import pytest

from strategies import parse
from strategies.dsl.explain import explain
from strategies.dsl.manual import FILE, manual
from strategies.dsl.mend import mending
from strategies.dsl.primitives import PRIMITIVES
from strategies.dsl.units import RULES
from strategies.errors import DslError


def test_the_manual_is_current_and_names_every_primitive():
    text = FILE.read_text()

    assert text == manual(), "run make openapi and commit docs/expressions.md"
    for one in PRIMITIVES.values():
        assert f"### `{one.signature}`" in text
        assert one.unit in RULES


def test_an_error_is_mended_where_that_can_be_guessed():
    for text, mended in {
        "neg(rank(mean(retur, 20)))": "neg(rank(mean(returns, 20)))",
        "rnak(close)": "rank(close)",
        "rank(close ": "rank(close)",
        "volume_ratio > 2": "volume_ratio() > 2",
        "rsi > 2": None,
        "close +": None,
        "rank(close)) ": None,
        "qqqqqq": None,
        "": None,
    }.items():
        with pytest.raises(DslError) as refusal:
            parse(text)
        found = mending(refusal.value)
        assert (found.applied(text).rstrip() if found else None) == mended, text


def test_every_part_is_explained():
    whole = explain("rank(-delta(close, 5)) * (volume > adv20)")

    assert whole.words == "Product of two values."
    assert (whole.unit, whole.lookback_bars, whole.type) == (None, 19, "value")
    ranked, condition = whole.arguments
    change = ranked.arguments[0].arguments[0]
    assert change.words == "The change since 5 bars ago."
    assert (change.unit, change.lookback_bars, change.column) == ("price", 5, 7)
    assert [one.type for one in change.arguments] == ["value", "window"]
    assert condition.type == "condition"
    assert condition.words == "Whether volume is above adv(20)."
    for one in PRIMITIVES.values():
        assert "`" not in explain(one.example).words
