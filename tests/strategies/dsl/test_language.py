"""What is written, what it means, and what is refused where."""

import re
import tracemalloc
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import (
    canonical,
    evaluate,
    evaluate_population,
    expr_hash,
    parse,
)
from strategies.dsl.limits import Limits
from strategies.errors import DslError, StrategyError
from tests.strategies.dsl.panels import awkward_panel
from tests.strategies.dsl.texts import expression, fuzz

PANEL = awkward_panel()


def test_the_form_of_the_seed_is_read_as_written():
    expr = 'clip(feat("c_sek")/lag(feat("c_sek"),1)-1)'

    assert canonical(expr) == (
        'clip(-1 + feat("c_sek") / delay(feat("c_sek"), 1), -1, 1)'
    )
    assert parse(expr).fields == ("c_sek",)
    assert parse(expr).lookback_bars == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("close + open", "OPEN + $close"),
        ("-1 * RANK(close)", "-rank(close)"),
        ("a - b", "a + -b"),
        ("close - -open", "open + close"),
        ("--close", "close"),
        ("close * 1 + 0", "close"),
        ("2 * 3 * close", "close * 6"),
        ("close > open", "open < close"),
        ("max(close, 4.75)", "ts_max(close, 4)"),
        ("max(close, open)", "maximum(open, close)"),
        ("rank(close, 5)", "ts_rank(close, 5)"),
        ("close ** 2", "close ^ 2"),
        ("a < b && !(c == d)", "a < b and not c = d"),
        ("indneutralize(close, sector)", "IndNeutralize(close, IndClass.Sector)"),
        ("close > 1 ? open : low", "where(1 < close, open, low)"),
        ("adv20", "adv(20)"),
        ("delay(delay(close, 2), 3)", "delay(close, 5)"),
        ("2 ^ 3 ^ 2", "512"),
        ("-close ^ 2", "-(close ^ 2)"),
        ("ref(close)", "delay(close, 1)"),
    ],
)
def test_two_ways_to_write_one_thing(one, other):
    for name, field in (("a", "open"), ("b", "high"), ("c", "low"), ("d", "close")):
        one, other = (swapped(text, name, field) for text in (one, other))

    assert expr_hash(one) == expr_hash(other), (canonical(one), canonical(other))


def swapped(text, name, field):
    return re.sub(rf"\b{name}\b", field, text)


@pytest.mark.parametrize(
    ("expr", "code", "column", "advice"),
    [
        ("rank(clos)", "unknown_name", 6, "'close'"),
        ("rnak(close)", "unknown_function", 1, "'rank'"),
        ("close - − open", "bad_character", 9, "'-'"),
        ("rank(close", "not_closed", 5, "')'"),
        ("ts_mean(close)", "wrong_argument_count", 1, "ts_mean(x, d)"),
        ("ts_mean(close, open)", "expected_number", 16, "20"),
        ("ts_rank(close, 0)", "out_of_range", 16, "1 to 5000"),
        ("lag(close, 1e9)", "out_of_range", 12, "0 to 5000"),
        ("open < close < high", "chained_comparison", 14, "and"),
        ("group_mean(close, 3)", "expected_group", 19, "sector"),
        ("rank", "unknown_name", 1, "rank(x)"),
        ("(" * 5_000, "too_complex", 129, "away"),
        ("delay(close, 5000) + delay(delay(open, 9), 4999)", "too_far_back", 1, "5000"),
        ("ts_zscore(" * 12 + "close" + ", 5)" * 12, "too_complex", 1, "derived"),
    ],
)
def test_a_refusal_says_where_and_what_to_do(expr, code, column, advice):
    with pytest.raises(DslError) as refusal:
        parse(expr)

    assert (refusal.value.code, refusal.value.column) == (code, column)
    assert advice in refusal.value.advice
    caret = refusal.value.caret.splitlines()[1]
    assert len(caret) == min(column, 41)


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        ("close / open", "1"),
        ("close * volume", "price·volume"),
        ("sqrt(close * high)", "price"),
        ("correlation(close, volume, 9)", "1"),
        ("volume ^ 2 / adv20", "price^-1·volume"),
        ('feat("x") + close', "price"),
        ("close + 1", "price"),
        ("close + volume", None),
        ('feat("x")', None),
    ],
)
def test_units(expr, unit):
    expression = parse(expr)

    assert expression.unit == unit
    mixed = expr == "close + volume"
    assert [one.code for one in expression.warnings] == ["unit_mismatch"] * mixed


def test_complexity_by_hand():
    # nodes: rank, delta, close, 16; depth 3; one field; log2(16)/4 = 1
    assert parse("rank(delta(close, 16))").complexity.score == 4 + 3 + 0.5 + 1


def test_braces_are_constants_that_can_be_swept():
    open_one = parse("rank(-delta(close, {d})) * {k}")

    assert open_one.braces == ("d", "k")
    closed = parse("rank(-delta(close, {d})) * {k}", {"d": 5, "k": 2})
    assert closed.canonical == "-2 * rank(delta(close, 5))" or closed.braces == ()
    with pytest.raises(DslError, match="no value"):
        evaluate(open_one, PANEL)
    with pytest.raises(DslError) as refusal:
        parse("delta(close, {d})", {"d": 0})
    assert refusal.value.code == "out_of_range"


def test_fuzz_every_text_is_understood_or_refused_with_a_place():
    codes = fuzz(700, seed=11)

    assert codes["understood"] > 150
    assert len(codes) > 12


@settings(max_examples=60, deadline=None, derandomize=True)
@given(rng=st.randoms(use_true_random=False))
def test_what_is_printed_is_read_again(rng):
    text = expression(rng, 4)
    try:
        once = parse(text)
    except DslError:
        return

    assert parse(once.canonical).root is once.root
    assert parse(once.canonical).canonical == once.canonical


def test_signs_and_differences_that_are_read_again_as_printed():
    for text in (
        "-(2.5 - adv20)",
        "-adv20 - 7",
        "-(7 * vwap) - -(open > close)",
        "-returns - -returns",
        "-close - -volume",
    ):
        once = parse(text)
        assert parse(once.canonical).root is once.root, once.canonical
    for text in ("{d}", "--{d}", "0 + {d}"):
        with pytest.raises(DslError) as refusal:
            parse(text)
        assert (refusal.value.code, refusal.value.column) == ("no_value", 1)


def test_what_the_panel_lacks_is_named():
    for expr, code, column in (
        ('rank(feat("scor"))', "unknown_field", 6),
        ("close + cap", "unknown_field", 9),
        ("group_mean(close, sectr)", "unknown_group", 19),
    ):
        with pytest.raises(DslError) as refusal:
            evaluate(expr, PANEL)
        assert (refusal.value.code, refusal.value.column) == (code, column)


def test_memory_and_time_are_bounded():
    with pytest.raises(StrategyError) as refusal:
        evaluate("rank(close) + rank(open)", PANEL, limits=Limits(memory_bytes=9_000))
    assert refusal.value.code == "too_large"
    assert "QUANT_EXPRESSION_MB" in refusal.value.advice
    with pytest.raises(StrategyError) as refusal:
        evaluate("rank(close)", PANEL, limits=Limits(seconds=0.0))
    assert refusal.value.code == "too_slow"
    assert "QUANT_EXPRESSION_S" in refusal.value.advice


def test_memory_is_bounded_however_many_there_are():
    """Ten times the population, and more rows than one thread takes: the same peak."""
    panel = awkward_panel(n_bars=2_000)
    matrix = 8 * len(panel) * len(panel.symbols)
    limits = Limits(memory_bytes=12 * matrix)

    def peak(count, reuse):
        exprs = [
            parse(f"ts_mean(close, {2 + k % 3}) * {k} + rank(open / {1 + k})")
            for k in range(count)
        ]
        tracemalloc.start()
        for _, values in evaluate_population(exprs, panel, reuse=reuse, limits=limits):
            assert values.shape == (len(panel), len(panel.symbols))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    evaluate("ts_mean(close, 2) + rank(open)", panel)  # what is loaded once
    for reuse in (True, False):
        few, many = peak(12, reuse), peak(120, reuse)
        assert many < few + 3 * matrix
        assert many < 14 * matrix


def test_a_column_that_a_formula_stands_in_for_is_said():
    expression = parse("rank(close - vwap)")

    assert [(one.code, one.column) for one in expression.substituted()] == [
        ("vwap_substituted", 14)
    ]
    assert "(high + low + close) / 3" in expression.substituted(PANEL.fields)[0].message
    assert expression.substituted({"vwap"}) == parse("close").substituted() == ()


class Wide:
    """A year of minutes of a million symbols, as far as it is looked at."""

    symbols = range(1_000_000)
    fields: ClassVar = {"close": None}
    groups: ClassVar = {}

    def __len__(self):
        return 100_000


def test_a_million_symbols_are_refused_before_memory_is_fetched():
    with pytest.raises(StrategyError) as refusal:
        evaluate("rank(close)", Wide())
    assert refusal.value.code == "too_large"


def test_an_answer_can_be_put_where_one_wants_it():
    out = np.empty((len(PANEL), len(PANEL.symbols)))

    assert evaluate("rank(close)", PANEL, out=out) is out
    np.testing.assert_array_equal(out, evaluate("rank(close)", PANEL))
    for wrong in (out[1:], out.T, out.astype(np.float32)):
        with pytest.raises(StrategyError) as refusal:
            evaluate("close", PANEL, out=wrong)
        assert refusal.value.code == "bad_shape"


def test_the_order_of_threads_and_room_changes_nothing(monkeypatch):
    expr = "ts_rank(rank(close) * volume, 5) + zscore(ts_mean(volume, 9) - open)"
    alone = evaluate(expr, PANEL)
    monkeypatch.setattr("strategies.dsl.work.FEW_CELLS", 0)
    monkeypatch.setattr("strategies.dsl.work.COLUMNS", 2)

    np.testing.assert_array_equal(evaluate(expr, PANEL), alone)
