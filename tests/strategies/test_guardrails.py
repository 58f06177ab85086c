"""Guardrails: met from the cut-off on, unknown is not met, each answer a sentence."""

import pytest

from strategies.errors import ConfigError
from strategies.guardrails import Guardrails, all_met, judge

MEASURED = {
    **{"trade_count": 34, "sharpe": 1.12, "sharpe_bar": 0.02, "exposure": 0.21},
    **{"dsr": 0.48, "pbo": 0.3},
}


def answer(measured=MEASURED, **asked):
    [verdict] = judge(Guardrails(**asked), measured)
    return verdict


def test_what_is_not_asked_is_not_judged():
    assert judge(Guardrails(), MEASURED) == []
    assert all_met([])


def test_a_cutoff_is_met_from_itself_on():
    for key, value, worse in (
        ("min_trades", 34, 35),
        ("min_sharpe", 1.12, 1.13),
        ("max_position_rate", 0.21, 0.209),
        ("min_dsr", 0.48, 0.481),
        ("max_pbo", 0.3, 0.299),
    ):
        met, failed = answer(**{key: value}), answer(**{key: worse})
        assert (met.status, met.chip, met.advice) == ("pass", "", ""), key
        assert (failed.status, failed.value) == ("fail", value), key
        assert failed.words != failed.novice
        assert failed.advice
        assert all_met([met])
        assert not all_met([met, failed])


def test_a_failure_says_by_how_much():
    trades = answer(min_trades=50)

    assert trades.words == "34 trades is below the cutoff of 50."
    assert trades.chip == "34 trades, needs 50"
    assert answer(min_dsr=0.6).chip == "DSR 0.48, needs 0.60"
    assert answer(max_position_rate=0.1).chip == "Position rate 21.0%, allowed 10.0%"


def test_the_basis_of_the_sharpe_ratio_is_spelled_out():
    of_year = answer(min_sharpe=0.2)
    of_bar = answer(min_sharpe=0.2, sharpe_basis="bar")
    of_many = answer(
        MEASURED | {"avg_sharpe_hourly": 0.31}, min_sharpe=0.2, sharpe_basis="bar"
    )

    assert (of_year.status, of_year.metric) == ("pass", "sharpe")
    assert "per year" in of_year.words
    assert (of_bar.status, of_bar.metric) == ("fail", "sharpe_bar")
    assert "per bar" in of_bar.words
    assert (of_many.status, of_many.metric) == ("pass", "avg_sharpe_hourly")


def test_sums_over_symbols_come_before_those_of_one():
    many = {"trades_total": 120, "trade_count": 5, "max_position_rate": 0.7}

    assert answer(MEASURED | many, min_trades=50).value == 120
    assert answer(MEASURED | many, max_position_rate=0.5).status == "fail"


def test_what_is_not_known_is_not_met():
    for measured in ({}, {"pbo": None}, {"pbo": float("nan")}):
        verdict = answer(measured, max_pbo=0.5)
        assert (verdict.status, verdict.value) == ("unknown", None)
        assert not all_met([verdict])


def test_cutoffs_that_cannot_be_are_refused_with_their_field():
    for asked, field in (
        ({"min_trades": -1}, "min_trades"),
        ({"min_trades": 1.5}, "min_trades"),
        ({"max_position_rate": 1.2}, "max_position_rate"),
        ({"min_sharpe": float("nan")}, "min_sharpe"),
        ({"sharpe_basis": "month"}, "sharpe_basis"),
        ({"min_tardes": 5}, "min_tardes"),
    ):
        with pytest.raises(ConfigError) as refusal:
            Guardrails(**asked)
        assert refusal.value.problems[0].field == field
