"""The critic: every rule on a planted case, on a near miss, and in its words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strategies.critic import RULES, Facts, review
from strategies.critic.facts import NAMES, OF_FILES, facts_of
from strategies.critic.manual import FAMILIES, FILE, manual
from strategies.critic.rule import NO_FILES
from strategies.critic.traces import Traces, figures
from strategies.numerals import FORMATS, names_in, span, written

TEMPLATES = Path(__file__).parents[2] / "templates" / "experiments"
# A run on which no rule has a remark.
FINE = Facts(
    trade_count=200,
    years=20.0,
    n_bars=5_000,
    sharpe=1.2,
    sharpe_se=0.22,
    ann_return=0.1,
    exposure=0.6,
    turnover=8.0,
    max_drawdown=-0.15,
    longest_drawdown=700,
    skew=-0.2,
    beta=0.4,
    is_ruined=False,
    n_trials=12,
    best_by_luck=0.4,
    psr=0.99,
    dsr=0.97,
    years_needed=2.0,
    years_by_luck=1.0,
    pbo=0.1,
    planned_trials=100,
    experiment_trials=12,
    n_tests=3,
    p_timing=0.01,
    p_search=0.02,
    p_entries=0.03,
    growth_low=0.02,
    n_candidates=100,
    is_search_repeated=True,
    n_edges=0,
    edges="",
    plateau=0.95,
    n_windows=12,
    inside=1.0,
    outside=0.8,
    best_found=2.0,
    best_in_noise=1.5,
    sharpe_found=2.0,
    sharpe_sealed=1.2,
    n_openings=0,
    has_costs=True,
    borrow_bps=50.0,
    fills_at_close=False,
    n_symbols=20,
    is_of_survivors=False,
    is_made_up=False,
    restated_bars=0,
    bars_made_from="",
    is_leaking=False,
    is_leak_tested=True,
    best_days_share=0.1,
    best_trips_share=0.1,
    best_symbol_share=0.2,
    best_symbol="AAPL",
    best_year_share=0.2,
    best_year="2003",
    largest_share=0.1,
    sharpe_early=1.0,
    sharpe_late=0.9,
    sharpe_dearer=1.1,
    cost_bps=10.0,
    break_even_bps=60.0,
    short_share=0.2,
    most_gross=1.0,
    held_return=0.05,
    gap_share=0.0,
)
# Of each rule what makes it a hit, and the nearest that does not.
PLANTED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "DATA-01": ({"is_leaking": True}, {"is_leaking": False}),
    "DATA-02": ({"is_leak_tested": False}, {"is_leak_tested": True}),
    "DATA-03": ({"is_of_survivors": True}, {"is_of_survivors": False}),
    "DATA-04": ({"is_made_up": True}, {"is_made_up": False}),
    "DATA-05": ({"restated_bars": 1}, {"restated_bars": 0}),
    "DATA-06": ({"gap_share": 0.0101}, {"gap_share": 0.01}),
    "DATA-07": ({"bars_made_from": "1h"}, {"bars_made_from": ""}),
    "COST-01": ({"has_costs": False}, {"has_costs": True}),
    "COST-02": ({"break_even_bps": 9.99}, {"break_even_bps": 10.0}),
    "COST-03": ({"sharpe_dearer": 0.59}, {"sharpe_dearer": 0.6}),
    "COST-04": ({"turnover": 50.1}, {"turnover": 50.0}),
    "COST-05": ({"borrow_bps": 0.0}, {"borrow_bps": 0.1}),
    "EXEC-01": ({"fills_at_close": True}, {"fills_at_close": False}),
    "EXEC-02": ({"most_gross": 1.11}, {"most_gross": 1.1}),
    "RISK-01": ({"max_drawdown": -0.351}, {"max_drawdown": -0.35}),
    "RISK-02": ({"longest_drawdown": 2_501}, {"longest_drawdown": 2_500}),
    "RISK-03": ({"skew": -1.01}, {"skew": -1.0}),
    "RISK-04": ({"is_ruined": True}, {"is_ruined": False}),
    "MKT-01": ({"beta": 0.8}, {"beta": 0.79}),
    "MKT-02": ({"held_return": 0.101}, {"held_return": 0.1}),
    "LUCK-01": ({"dsr": 0.949}, {"dsr": 0.95}),
    "LUCK-02": ({"psr": 0.949}, {"psr": 0.95}),
    "LUCK-03": ({"years_by_luck": 20.1}, {"years_by_luck": 20.0}),
    "LUCK-04": ({"experiment_trials": 101}, {"experiment_trials": 100}),
    "LUCK-05": ({"pbo": 0.21}, {"pbo": 0.2}),
    "TEST-01": ({"n_tests": 0}, {"n_tests": 1}),
    "TEST-02": ({"p_timing": 0.051}, {"p_timing": 0.05}),
    "TEST-03": ({"p_search": 0.051}, {"p_search": 0.05}),
    "TEST-04": ({"p_entries": 0.051}, {"p_entries": 0.05}),
    "TEST-05": ({"growth_low": -0.001}, {"growth_low": 0.0}),
    "SRCH-01": ({"n_edges": 1, "edges": "fast = 50"}, {"n_edges": 0}),
    "SRCH-02": ({"plateau": 0.69}, {"plateau": 0.7}),
    "SRCH-03": (
        {"is_search_repeated": False},
        {"is_search_repeated": False, "n_candidates": 1},
    ),
    "SRCH-04": ({"outside": 0.49}, {"outside": 0.5}),
    "SRCH-05": ({"n_windows": 4}, {"n_windows": 5}),
    "SRCH-06": ({"best_in_noise": 2.0}, {"best_in_noise": 1.99}),
    "SRCH-07": ({"sharpe_sealed": 0.99}, {"sharpe_sealed": 1.0}),
    "SRCH-08": ({"n_openings": 1}, {"n_openings": 0}),
    "SAMP-01": ({"trade_count": 29}, {"trade_count": 30}),
    "SAMP-02": ({"years": 2.9}, {"years": 3.0}),
    "SAMP-03": ({"exposure": 0.099}, {"exposure": 0.1}),
    "SAMP-04": ({"years_needed": 20.1}, {"years_needed": 20.0}),
    "CONC-01": ({"best_days_share": 0.51}, {"best_days_share": 0.5}),
    "CONC-02": ({"best_trips_share": 0.51}, {"best_trips_share": 0.5}),
    "CONC-03": ({"best_symbol_share": 0.51}, {"best_symbol_share": 0.5}),
    "CONC-04": ({"best_year_share": 0.51}, {"best_year_share": 0.5}),
    "CONC-05": ({"largest_share": 0.51}, {"largest_share": 0.5}),
    "TIME-01": ({"sharpe_late": 0.49}, {"sharpe_late": 0.5}),
}


def hits(facts: Facts) -> list[str]:
    return [one.rule for one in review(facts) if one.status == "hit"]


def test_each_rule_is_hit_alone_and_its_near_miss_is_not():
    assert hits(FINE) == []
    assert {one.status for one in review(FINE)} == {"pass"}
    assert PLANTED.keys() == RULES.keys()
    for key, (planted, near) in PLANTED.items():
        assert hits(replace(FINE, **planted)) == [key]
        assert hits(replace(FINE, **near)) == [], key


def test_a_hit_says_its_numbers_and_what_to_try():
    [first, *_] = review(replace(FINE, trade_count=15))

    assert (first.rule, first.name, first.severity) == ("SAMP-01", "few_trades", "warn")
    assert first.words.startswith("Closed round trips: 15. Below 30 ")
    assert "15" in first.novice
    assert "30" in first.novice
    assert first.evidence == {"trade_count": 15, "least": 30}
    assert first.advice
    assert first.place == "trades"


def test_the_worst_stands_first_and_what_cannot_be_judged_last():
    facts = replace(FINE, trade_count=1, dsr=0.5, beta=None)
    remarks = review(facts)

    assert [one.rule for one in remarks[:2]] == ["LUCK-01", "SAMP-01"]
    assert remarks[-1].rule == "MKT-01"
    assert remarks[-1].status == "not_applicable"
    assert remarks[-1].advice == ""


def test_nothing_is_judged_without_its_facts():
    assert {one.status for one in review(Facts())} == {"not_applicable"}
    for kind, words in NO_FILES.items():
        said = {one.rule: one.words for one in review(Facts(files=kind))}
        assert said["CONC-01"] == words
        assert said["SAMP-01"] == RULES["SAMP-01"].otherwise
    assert OF_FILES < NAMES


def test_a_fact_that_is_nothing_to_judge_is_not_a_pass():
    for facts in (
        replace(FINE, sharpe=-0.1),
        replace(FINE, sharpe_early=0.0),
        replace(FINE, inside=0.0),
        replace(FINE, sharpe_found=0.0),
    ):
        assert "not_applicable" in {one.status for one in review(facts)}


def test_facts_take_what_they_know_from_several_documents():
    facts = facts_of({"sharpe": 1.0, "cagr": 3.0}, {"sharpe": 2.0, "files": "none"})

    assert facts == Facts(sharpe=2.0, files="none")


# --- words ---------------------------------------------------------------------------

PROMISES = re.compile(
    r"\b(will|proven|proves?|guaranteed?|significant(ly)?|surely|always earns?)\b"
    r"|beats? the market|!|please|oops",
    re.IGNORECASE,
)


def test_both_readers_get_the_same_numbers():
    for rule in RULES.values():
        known = {*rule.needs, *rule.cutoffs}
        assert names_in(rule.words) == names_in(rule.novice), rule.key
        assert rule.words != rule.novice
        for template in (rule.words, rule.fine):
            assert {name for name, _ in names_in(template)} <= known, rule.key
            assert {form for _, form in names_in(template)} <= FORMATS.keys()
        for template in (rule.title, rule.advice, rule.otherwise):
            assert names_in(template) == [], rule.key
        assert set(rule.needs) <= NAMES


def test_no_number_is_written_into_a_template_and_nothing_is_promised():
    for rule in RULES.values():
        for text in rule.templates:
            plain = re.sub(r"\{[^}]*\}", "", text)
            assert not re.search(r"\d", plain), (rule.key, text)
            assert not PROMISES.search(plain), (rule.key, text)
            assert text[0].isupper() or text[0] == "{"
        for text in (rule.words, rule.novice, rule.fine, rule.advice, rule.otherwise):
            assert text.endswith("."), (rule.key, text)
    for name in ("_run_critic.html", "_run_worst.html", "finding.html"):
        words = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", "", (TEMPLATES / name).read_text())
        assert not PROMISES.search(words), name


def test_numbers_are_written_as_on_pages():
    evidence = {"a": -0.1234, "b": 12_345, "c": 0.001, "d": 38.2, "e": 2.5, "f": "x"}
    template = "{a:percent} {b:count} {c:p} {d:span} {e:bps} {e:ratio} {f:text}"

    assert written(template, evidence) == "−12.3 12,345 < 0.01 38 years 2.5 2.50 x"


def test_the_manual_is_current_and_has_every_rule():
    text = FILE.read_text()

    assert text == manual(), "run make openapi and commit docs/critic.md"
    for rule in RULES.values():
        assert f"### {rule.key} {rule.title}" in text
        assert rule.key.rpartition("-")[0] in FAMILIES


# --- what files say ------------------------------------------------------------------


def traces(equity: list[float], **fields: Any) -> Traces:
    """Return the traces of an account of daily bars that holds one symbol."""
    n = len(equity)
    known: dict[str, Any] = {
        "equity": np.array(equity),
        "day": np.arange(n),
        "year": np.full(n, 2020),
        "traded": np.zeros(n),
        "cost": np.zeros(n),
        "trip_pnl": np.array([equity[-1] - equity[0]]),
        "trip_symbol": np.array(["A"]),
        "held": np.array(equity)[:, None] * 0.5,
        "has_price": np.ones((n, 1), dtype=bool),
        "n_missing": 0,
        "ppy": 252.0,
    }
    return Traces(**(known | fields))


def test_the_profit_is_divided_by_days_years_trips_and_symbols():
    # 30 days win 1 each, but the fifth 71: 100 in all, in three years of ten days.
    steps = np.ones(30)
    steps[4] = 71.0
    equity = [100.0, *(100.0 + steps.cumsum())]
    year = np.array([2018, *np.repeat([2018, 2019, 2020], 10)])
    found = figures(
        traces(
            equity,
            year=year,
            trip_pnl=np.array([5.0] * 9 + [55.0]),
            trip_symbol=np.array(["A"] * 9 + ["B"]),
            held=np.tile([30.0, 10.0, 0.0, 0.0], (31, 1)),
            has_price=np.ones((31, 4), dtype=bool),
        )
    )

    assert found["best_days_share"] == pytest.approx(0.75)  # 71 + 4 of 100
    assert found["best_year_share"] == pytest.approx(0.80)
    assert found["best_year"] == "2018"
    assert found["best_trips_share"] == pytest.approx(0.65)  # 55 + 5 + 5
    assert (found["best_symbol"], found["best_symbol_share"]) == ("B", 0.55)
    assert found["largest_share"] == pytest.approx(0.75)


def test_intraday_bars_are_added_up_to_days():
    equity = [100.0 + i for i in range(41)]
    found = figures(traces(equity, day=np.arange(41) // 2))

    assert found["best_days_share"] == pytest.approx(10 / 40)  # five days of two bars


def test_what_more_cost_would_leave():
    # Ten bars that win 1 % each; all is bought and sold on every second bar.
    equity = 100.0 * 1.01 ** np.arange(11)
    traded = np.zeros(11)
    traded[2::2] = equity[1:-1:2] * 2.0
    found = figures(traces(list(equity), traded=traded, cost=traded * 10e-4))

    assert found["cost_bps"] == pytest.approx(10.0)
    free = np.where(np.arange(1, 11) % 2 == 0, 1.01 + 2.0 * 10e-4, 1.01)
    at = found["break_even_bps"] * 1e-4
    turned = np.where(np.arange(1, 11) % 2 == 0, 2.0, 0.0)
    assert np.prod(free - at * turned) == pytest.approx(1.0, abs=1e-4)
    dearer = 0.01 - 5e-4 * turned
    expected = dearer.mean() / dearer.std(ddof=1) * 252**0.5
    assert found["sharpe_dearer"] == pytest.approx(expected)


def test_without_profit_or_trades_nothing_is_divided():
    found = figures(traces([100.0 - i for i in range(40)]))

    assert found["best_days_share"] is None
    assert found["best_trips_share"] is None
    assert found["cost_bps"] is None
    assert found["break_even_bps"] is None
    assert found["sharpe_early"] is None
    empty = {"trip_pnl": np.zeros(0), "trip_symbol": np.zeros(0, dtype=str)}
    assert figures(traces([100.0, 100.0, 101.0], **empty))["best_symbol"] is None
    assert figures(traces([100.0, 0.0, 0.0]))["most_gross"] == 0.5


def test_exposure_shorts_and_what_holding_it_would_have_earned():
    held = np.array([[50.0], [-120.0], [0.0], [30.0]])
    found = figures(traces([100.0] * 4, held=held, market_return=0.2))

    assert found["most_gross"] == pytest.approx(1.2)
    assert found["short_share"] == 0.25
    assert found["held_return"] == pytest.approx(-0.1 * 0.2)


def test_gaps_are_bars_inside_the_life_of_a_symbol_and_those_nobody_has():
    has_price = np.ones((10, 2), dtype=bool)
    has_price[:3, 1] = False  # not listed yet
    has_price[5, 1] = False
    two = {"held": np.zeros((10, 2)), "has_price": has_price}

    assert figures(traces([100.0] * 10, **two))["gap_share"] == pytest.approx(1 / 17)
    lost = figures(traces([100.0] * 10, n_missing=2, **two))["gap_share"]
    assert lost == pytest.approx((1 + 4) / (17 + 4))


def test_halves_are_compared_when_they_are_long_enough():
    returns = np.tile([0.02, -0.01], 60)
    returns[60:] -= 0.005
    equity = 100.0 * np.cumprod([1.0, *(1.0 + returns)])
    found = figures(traces(list(equity)))

    expected = [
        part.mean() / part.std(ddof=1) * 252**0.5 for part in np.split(returns, 2)
    ]
    assert [found["sharpe_early"], found["sharpe_late"]] == pytest.approx(expected)
    assert set(found) == OF_FILES - {"bars_made_from"}


def test_a_short_length_is_told_in_days_or_months():
    told = {0.07: "26 days", 1 / 365.25: "1 day", 0.2: "2 months", 0.6: "7 months"}
    told |= {1.0: "1.0 years", 3.24: "3.2 years", 38.2: "38 years", None: "–"}
    assert {value: span(value) for value in told} == told
