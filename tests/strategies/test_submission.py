"""The checks before a strategy is kept: each passes, fails by a little, or waits."""

from __future__ import annotations

from dataclasses import replace

from strategies.submission import SUBMISSION, Facts, submission_checks

PARTS = [{"sharpe": one} for one in (0.4, -0.1, None, 1.2)]
GOOD = Facts(
    metrics={
        "sharpe": 1.0,
        "fitness": 1.3,
        "turnover_daily": 0.7,
        "gross_exposure": 0.01,
        "max_drawdown": -0.35,
    },
    dsr=0.95,
    lookahead={"ok": True},
    nearest={"name": "Other", "correlation": 0.69},
    sub_universe={
        "applicable": True,
        "n_symbols": 8,
        "n_sub": 4,
        "sharpe": 0.6,
        "cutoff": 0.53,
    },
    sub_periods=[*PARTS[:3], {"sharpe": 0.2}, PARTS[3]],
)
NOTHING = Facts(
    metrics={},
    dsr=None,
    lookahead=None,
    nearest=None,
    sub_universe=None,
    sub_periods=None,
)


def statuses(facts, cutoffs=SUBMISSION):
    return {one["key"]: one["status"] for one in submission_checks(facts, cutoffs)}


def words(facts, key):
    [found] = [one["words"] for one in submission_checks(facts) if one["key"] == key]
    return found


def test_what_meets_every_cutoff_exactly_passes():
    assert set(statuses(GOOD).values()) == {"PASS"}


def test_what_is_not_known_is_never_passed():
    known = statuses(NOTHING)

    assert known.pop("self_correlation") == "PASS"  # there is nothing to be like
    assert set(known.values()) == {"PENDING"}


def test_a_little_too_little_fails_alone_and_says_by_how_much():
    near_misses = {
        "sharpe": {"metrics": GOOD.metrics | {"sharpe": 0.99}},
        "fitness": {"metrics": GOOD.metrics | {"fitness": 0.99}},
        "turnover": {"metrics": GOOD.metrics | {"turnover_daily": 0.71}},
        "exposure": {"metrics": GOOD.metrics | {"gross_exposure": 0.0099}},
        "max_drawdown": {"metrics": GOOD.metrics | {"max_drawdown": -0.36}},
        "dsr": {"dsr": 0.94},
        "self_correlation": {"nearest": {"name": "Other", "correlation": 0.7}},
        "sub_universe": {"sub_universe": GOOD.sub_universe | {"sharpe": 0.52}},
        "sub_periods": {"sub_periods": PARTS},  # two of four earned something
        "lookahead": {"lookahead": {"ok": False, "node": "x", "offset_bars": 1}},
    }
    for key, changes in near_misses.items():
        found = statuses(replace(GOOD, **changes))
        assert [name for name, one in found.items() if one == "FAIL"] == [key]

    low = replace(GOOD, metrics=GOOD.metrics | {"turnover_daily": 0.009})
    assert statuses(low)["turnover"] == "FAIL"
    assert words(low, "turnover") == (
        "It trades 0.9% of the account a day; 1.0% to 70.0% is asked."
    )
    tiny = replace(GOOD, metrics=GOOD.metrics | {"gross_exposure": 1e-5})
    assert words(tiny, "exposure") == (
        "It holds less than 0.1% of the account on the mean; at least 1.0% is asked."
    )
    assert words(replace(GOOD, dsr=0.94), "dsr") == (
        "The deflated Sharpe ratio, after all trials, is 0.94; at least 0.95 is asked."
    )


def test_few_symbols_are_not_halved_and_an_idle_half_fails():
    few = replace(GOOD, sub_universe={"applicable": False, "n_symbols": 2})
    idle = replace(GOOD, sub_universe=GOOD.sub_universe | {"sharpe": None})

    assert statuses(few)["sub_universe"] == "PASS"
    assert "too few symbols to halve them: 2" in words(few, "sub_universe")
    assert statuses(idle)["sub_universe"] == "FAIL"


def test_other_cutoffs_make_another_preset():
    strict = replace(SUBMISSION, sharpe=1.5, good_parts=5)
    found = statuses(GOOD, strict)

    assert (found["sharpe"], found["sub_periods"]) == ("FAIL", "FAIL")
    assert found["fitness"] == "PASS"
