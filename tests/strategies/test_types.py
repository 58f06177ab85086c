"""Parameters: what they accept, what they make of it, and how they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.errors import ConfigError, StrategyError
from strategies.types import Parameter, complete

FAST = Parameter.bars("fast", 20, "Length of the fast mean.", minimum=2)
WIDTH = Parameter(
    name="width", kind="float", default=2.0, minimum=0.5, maximum=4.0, meaning="Wide."
)
SIDE = Parameter(
    name="side", kind="choice", default="long", choices=("long", "short"), meaning="?"
)
ALL = (FAST, WIDTH, SIDE)


@pytest.mark.parametrize("value", [20, 20.0, np.int64(20), np.float32(20)])
def test_a_whole_number_becomes_a_plain_int(value):
    got = FAST.check(value, "fast")

    assert got == 20
    assert type(got) is int


@pytest.mark.parametrize("value", [3, 3.0, np.float64(3)])
def test_a_number_becomes_a_plain_float(value):
    assert type(WIDTH.check(value, "width")) is float


@pytest.mark.parametrize(
    ("parameter", "value", "code"),
    [
        (FAST, "20", "wrong_type"),
        (FAST, True, "wrong_type"),
        (FAST, None, "wrong_type"),
        (FAST, [20], "wrong_type"),
        (FAST, 20.5, "wrong_type"),
        (FAST, 1, "out_of_range"),
        (FAST, 5_001, "out_of_range"),
        (FAST, 10**400, "out_of_range"),
        (FAST, float("inf"), "out_of_range"),
        (WIDTH, float("nan"), "out_of_range"),
        (WIDTH, 0.49, "out_of_range"),
        (SIDE, "longg", "unknown_choice"),
        (SIDE, 1, "wrong_type"),
    ],
)
def test_a_wrong_value_is_refused_with_its_field(parameter, value, code):
    with pytest.raises(StrategyError) as caught:
        parameter.check(value, f"strategy.params.{parameter.name}")

    assert caught.value.code == code
    assert caught.value.field == f"strategy.params.{parameter.name}"
    assert parameter.name in str(caught.value)
    assert caught.value.advice
    assert len(str(caught.value)) < 120


def test_the_advice_says_what_would_do():
    with pytest.raises(StrategyError) as caught:
        FAST.check(1, "fast")
    assert caught.value.advice == "Choose a whole number of bars from 2 to 5000."

    with pytest.raises(StrategyError) as caught:
        SIDE.check("shrot", "side")
    assert caught.value.advice == "Did you mean 'short'?"


@given(st.integers() | st.floats() | st.text() | st.booleans() | st.none())
def test_anything_is_either_in_range_or_refused(value):
    try:
        got = FAST.check(value, "fast")
    except StrategyError:
        return
    assert 2 <= got <= 5_000
    assert got == value


def test_defaults_are_filled_in_order():
    got = complete(ALL, {"side": "short"}, owner="x", field="params")

    assert list(got.items()) == [("fast", 20), ("width", 2.0), ("side", "short")]


def test_every_problem_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        complete(ALL, {"fsat": 3, "width": 9, "side": 0}, owner="x", field="p")

    told = [(problem.field, problem.code) for problem in caught.value.problems]
    assert told == [
        ("p.fsat", "unknown_parameter"),
        ("p.width", "out_of_range"),
        ("p.side", "wrong_type"),
    ]
    assert str(caught.value) == "x has no parameter 'fsat'."
    assert caught.value.advice == "Did you mean 'fast'?"


def test_nothing_to_set_is_said():
    with pytest.raises(ConfigError) as caught:
        complete((), {"fast": 3}, owner="buy_and_hold", field="p")

    assert caught.value.advice == "buy_and_hold takes no parameters: leave it out."
