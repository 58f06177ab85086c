"""What a plan promises before anything is looked at."""

import json

import pytest

from strategies import RunConfig
from strategies.discovery.protocol import SearchPlan
from strategies.errors import ConfigError

CONFIG = RunConfig(provider="synthetic", universe=["A", "B"], expr="close")


def plan(**changes):
    return SearchPlan(config=CONFIG, **changes)


def test_spans_lie_one_after_the_other_with_all_that_is_read_between():
    spans = plan(lookback_bars=60, embargo_bars=5).spans(1_000)
    # 60 bars back, 1 of lag, 1 held, 5 of distance: 67 bars twice leave 866.
    assert spans.train == range(433)
    assert spans.purged == (range(433, 500), range(716, 783))
    assert spans.validation == range(500, 716)  # round(216.5) is even
    assert spans.test == range(783, 1_000)
    assert spans.seen == range(716)


def test_a_lag_and_a_purge_of_ones_own_widen_the_gap():
    late = CONFIG.with_changes({"execution": {"execution_lag": 3}})

    assert SearchPlan(config=late, lookback_bars=10, embargo_bars=0).gap_bars == 14
    assert plan(lookback_bars=10, purge_bars=30, embargo_bars=2).gap_bars == 32


def test_a_history_that_is_too_short_is_refused():
    own = plan(lookback_bars=20, embargo_bars=0)

    assert len(own.spans(284).validation) == 60
    with pytest.raises(ConfigError) as refused:
        own.spans(280)
    assert refused.value.code == "too_few_bars"


def test_what_cannot_be_planned_is_refused_by_its_field():
    wrong = {
        "purge_bars": {"purge_bars": 30, "lookback_bars": 60},
        "validation_share": {"train_share": 0.7, "validation_share": 0.25},
        "n": {"n": 10_001},
        "method": {"method": "luck"},
        "sed": {"sed": 1},
    }
    for field, changes in wrong.items():
        with pytest.raises(ConfigError) as refused:
            plan(**changes)
        assert refused.value.field == field
    by_rule = RunConfig(symbol="SP500", strategy={"name": "sma_cross"})
    with pytest.raises(ConfigError) as refused:
        SearchPlan(config=by_rule)
    assert refused.value.field == "config"


def test_a_plan_is_read_as_it_was_written():
    own = plan(n=7, seed=3, columns=["close"], lags={"close": 2}, parsimony=0.1 + 0.2)
    written = json.loads(json.dumps(own.as_document()))

    assert SearchPlan.from_document(written) == own
    assert SearchPlan.from_document(written).digest == own.digest
    assert plan(n=7, seed=4).digest != plan(n=7, seed=3).digest
    assert own.config_of("rank(volume)").expr == "rank(volume)"
