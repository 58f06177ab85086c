"""What a search is said to have found: by the placebo, other bars and luck."""

import json

import numpy as np
import pytest

from strategies import run_backtest
from strategies.discovery.finalists import one_sided
from strategies.discovery.select import conclude
from strategies.library.resolve import resolve
from strategies.trials import MemorySink, reporting_to
from tests.strategies.discovery.worlds import made, panel, plan, usual

PLANTED_IC = 0.25


@pytest.fixture(scope="module")
def found():
    own = plan(n=40, batch=20)
    bars = panel(PLANTED_IC)
    return own, bars, conclude(own, bars, made(own, bars)[0])


def test_in_noise_nothing_is_found_and_it_is_said():
    outcome = conclude(plan(), panel(), usual()[0])

    assert outcome["found"] is False
    assert outcome["kept"] == []
    assert outcome["sentence"].startswith("Nothing was found")
    assert all(one["why"] for one in outcome["rejected_finalists"])
    counts = outcome["counts"]
    assert counts["evaluated"] == counts["asked"] == 24
    assert counts["generated"] == counts["evaluated"] + counts["twins"]
    assert json.loads(json.dumps(outcome, allow_nan=False)) == outcome
    assert conclude(plan(), panel(), usual()[0]) == outcome


def test_what_was_planted_is_kept_with_all_that_is_said_of_it(found):
    own, _, outcome = found

    assert outcome["found"] is True
    json.dumps(outcome, allow_nan=False)
    best, bar = outcome["kept"][0], outcome["bar"]
    assert best["fitness"] > bar["placebo_best"] >= bar["placebo_q95"]
    assert best["q_value"] <= own.q
    assert best["look_ahead"]["ok"]
    assert best["validation"]["sharpe"] > 0.0
    assert 0.0 <= best["dsr"] <= best["psr"] <= 1.0
    assert {one["key"] for one in best["checks"]} >= {"lookahead", "placebo", "dsr"}
    assert sum(outcome["histograms"]["real"]) == outcome["counts"]["candidates"]
    matrix = np.array(outcome["correlation"]["matrix"])
    assert matrix.shape == (len(outcome["kept"]),) * 2
    assert np.diag(matrix) == pytest.approx(np.ones(len(matrix)))
    off = np.abs(matrix - np.diag(np.diag(matrix)))
    assert off.max() <= own.max_correlation + 0.3  # chosen on train, told on both


def test_the_metrics_of_the_train_span_are_those_of_a_run(found):
    own, bars, outcome = found
    best, span = outcome["kept"][0], outcome["protocol"]["train"]
    config = own.config_of(best["expr"])
    config = config.with_changes({"start": span["start_ms"], "end": span["end_ms"]})
    with reporting_to(MemorySink()):
        result = run_backtest(resolve(config), bars)

    for key, value in result.metrics.items():
        if key not in ("alpha", "beta"):
            assert best["train"][key] == value, key


def test_a_search_that_ended_early_is_concluded_on_what_both_sides_have(found):
    own, bars, _ = found
    batches, _ = made(own, bars)

    assert conclude(own, bars, batches[:3])["counts"]["evaluated"] == 20
    alone = conclude(own, bars, batches[:1])
    assert alone["found"] is False
    assert "before its placebo began" in alone["sentence"]
    assert conclude(own, bars, [])["counts"]["evaluated"] == 0


def test_without_a_placebo_the_expected_maximum_is_the_bar():
    own = plan(placebo=False)
    outcome = conclude(own, panel(), [b for b in usual()[0] if not b.is_placebo])

    assert outcome["bar"]["placebo_best"] is None
    assert outcome["bar"]["expected_max"] > 0.0


def test_p_values_know_which_way_is_up():
    [low, high, unknown] = one_sided(np.array([0.2, -0.2, np.nan]), 101)

    # t = 0.2 · √101 = 2.01 with 100 degrees of freedom.
    assert low == pytest.approx(0.0236, abs=1e-4)
    assert high == pytest.approx(1.0 - low)
    assert unknown == 1.0
