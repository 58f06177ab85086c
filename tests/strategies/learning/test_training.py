"""Training: luck is told from skill, nothing leaks, and it is the same every time."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from strategies.errors import ConfigError, StrategyError
from strategies.features.dataset import Label
from strategies.learning.config import TrainingConfig, training_config
from strategies.learning.files import model_bytes, model_of
from strategies.learning.folds import folds_of
from strategies.learning.models import MODELS, RESERVED, model_named
from strategies.learning.samples import NEVER, told_at
from strategies.learning.selection import Selection
from strategies.learning.training import train
from tests.strategies.learning.panels import SIGN, panel, samples_of

LOGIT = TrainingConfig("momentum_logit", folds=3)
TREES = TrainingConfig("momentum_hgb", params={"trees": 15}, folds=3)


@pytest.fixture(scope="module")
def luck(tmp_path_factory):
    return samples_of(panel(), tmp_path_factory.mktemp("luck"))


@pytest.fixture(scope="module")
def skill(tmp_path_factory):
    return samples_of(panel(memory=0.2, seed=1), tmp_path_factory.mktemp("skill"))


@pytest.fixture(scope="module")
def trained(skill):
    return train(LOGIT, skill)


def test_luck_is_not_learnt_and_what_is_there_is(luck, trained, skill):
    for training, low, high in (
        (train(LOGIT, luck), 0.45, 0.55),
        (train(TREES, luck), 0.45, 0.55),
        (trained, 0.53, 0.7),
        (train(TREES, skill), 0.53, 0.7),
    ):
        overall = training.report["overall"]
        assert low <= overall["auc"] <= high
        assert overall["auc_se"] < 0.02
        assert len(training.report["folds"]) == 3
    best = trained.report["importance"][0]
    assert best["column"] == "pct_change(close, 1)"
    assert best["auc_lost"] > 0.01


def test_equal_bytes_on_two_trainings_whatever_threads_there_are(trained, skill):
    with threadpool_limits(limits=2):
        again = train(LOGIT, skill)
        many = train(TREES, skill)
    with threadpool_limits(limits=1):
        one = train(TREES, skill)

    for first, second in ((trained, again), (one, many)):
        assert first.probability.tobytes() == second.probability.tobytes()
        assert first.identity == second.identity
        assert json.dumps(first.report) == json.dumps(second.report)
    assert len({trained.identity, one.identity}) == 2
    other = replace(trained, samples=replace(skill, dataset_hash="0" * 64))
    assert other.identity != trained.identity


def test_nothing_leaks_over_the_border_of_a_fold(tmp_path):
    """Bars behind the first one of a test say nothing of that one's probability."""
    target = Label("sign", 5)
    config = replace(LOGIT, target=target)
    bars = panel(n_bars=400)
    honest = samples_of(bars, tmp_path / "honest", target=target)
    fold = folds_of(honest, config)[1]
    # What comes after the border doubles: labels that reach over it would tell.
    planted = [
        replace(
            one,
            **{
                name: np.where(one.ts > fold.test_start, 2.0, 1.0) * getattr(one, name)
                for name in ("open", "high", "low", "close")
            },
        )
        for one in bars
    ]
    leaky = samples_of(planted, tmp_path / "leaky", target=target)
    at_border = np.flatnonzero(honest.ts == fold.test_start)
    reaching = (honest.ts < fold.test_start) & (honest.known_ts > fold.test_start)
    assert (leaky.label[reaching] == 1.0).all()  # the leak is there
    assert not reaching[fold.learn].any()

    known = train(config, honest).probability[at_border]
    assert np.isfinite(known).all()
    assert known.tobytes() == train(config, leaky).probability[at_border].tobytes()
    careless = replace(leaky, known_ts=leaky.ts)  # as if labels were known at once
    fresh = [folds_of(careless, config)[1].learn, fold.learn]
    assert fresh[0].size == fresh[1].size  # the purged bars of the split still hold


def test_a_symbol_with_gaps_is_purged_by_its_own_bars(tmp_path):
    target = Label("sign", 3)
    whole, gappy = panel(n_symbols=2, n_bars=400)
    begins = folds_of(
        samples_of([whole, gappy], tmp_path / "a", target=target),
        replace(LOGIT, target=target),
    )[0].test_start
    hour = 3_600_000
    kept = (gappy.ts <= begins - 30 * hour) | (gappy.ts >= begins)
    names = ("ts", "open", "high", "low", "close", "volume")
    gappy = replace(gappy, **{name: getattr(gappy, name)[kept] for name in names})

    samples = samples_of([whole, gappy], tmp_path / "b", target=target)
    fold = folds_of(samples, replace(LOGIT, target=target))[0]

    # Its last labels before the gap are told behind it: they do not teach.
    assert (samples.known_ts[fold.learn] < fold.test_start).all()
    of_gappy = fold.learn[samples.symbol[fold.learn] == 1]
    assert samples.ts[of_gappy].max() == begins - 33 * hour


def test_labels_are_told_by_bars_of_the_same_symbol():
    ts, symbol = np.array([1, 2, 3, 1, 5]), np.array([0, 0, 0, 1, 1])

    assert told_at(ts, symbol, 1).tolist() == [2, 3, NEVER, 5, NEVER]
    assert told_at(ts, symbol, 9).tolist() == [NEVER] * 5


def test_folds_go_forward_and_every_row_is_predicted_at_most_once(skill, trained):
    folds = folds_of(skill, LOGIT)

    rows = np.concatenate([fold.test for fold in folds])
    assert len(np.unique(rows)) == len(rows)
    assert np.isfinite(trained.probability[rows]).all()
    assert np.isfinite(trained.probability).sum() == len(rows)
    for fold in folds:
        assert skill.ts[fold.learn].max() < fold.test_start == skill.ts[fold.test].min()
        assert (skill.known_ts[fold.learn] < fold.test_start).all()
    assert folds[-1].test_end == skill.stamps[-1]
    # One bar under embargo lies between two tests.
    assert folds[1].test_start - folds[0].test_end == 2 * 3_600_000
    ts, chance = trained.of_symbol("S1")
    assert ts.shape == chance.shape == (500,)


def test_a_model_is_kept_without_pickle_and_says_the_same(trained, skill):
    for training in (trained, train(TREES, skill)):
        rows = skill.features[skill.usable][:50]
        again = model_of(model_bytes(training.estimator))
        expected = training.estimator.predict_proba(rows)
        assert again.predict_proba(rows).tobytes() == expected.tobytes()


def test_what_is_no_model_of_ours_is_refused(monkeypatch):
    from sklearn.neighbors import KDTree

    strange = model_bytes({"tree": KDTree(np.zeros((3, 2)))})
    for data in (b"", b"PK", strange, strange[:-30]):
        with pytest.raises(StrategyError) as refused:
            model_of(data)
        assert refused.value.code == "bad_model"
    monkeypatch.setattr("strategies.learning.files.MOST_UNPACKED", 10)
    with pytest.raises(StrategyError) as refused:
        model_of(strange)
    assert refused.value.code == "model_too_large"


def test_size_of_moves_weighs_where_the_label_is_a_return(tmp_path):
    bars = panel(n_symbols=3, n_bars=300)
    target = Label("return", 2)
    samples = samples_of(bars, tmp_path, target=target)

    assert (samples.rises == (samples.label > 0)).all()
    known = np.isfinite(samples.label)
    assert np.array_equal(samples.weights[known], np.abs(samples.label[known]))
    report = train(replace(LOGIT, target=target), samples).report
    assert report["target"] == {"kind": "return", "horizon_bars": 2}


def test_what_cannot_be_trained_is_refused(luck, tmp_path):
    short = samples_of(panel(n_symbols=1, n_bars=80), tmp_path / "short")
    rising = samples_of([panel(1)[0]], tmp_path / "up")
    rising = replace(rising, label=np.abs(rising.label))
    for config, samples, code in (
        (TrainingConfig("sma_cross"), luck, "nothing_to_train"),
        (replace(LOGIT, target=Label("sign", 2)), luck, "other_target"),
        (replace(LOGIT, folds=50), short, "too_few_bars"),
        (LOGIT, short, "too_few_rows"),
        (LOGIT, rising, "nothing_to_learn"),
    ):
        with pytest.raises(StrategyError) as refused:
            train(config, samples)
        assert refused.value.code == code, code


def test_configs_are_checked_complete_and_come_back_from_their_documents():
    config = TrainingConfig(
        "momentum_hgb",
        target=Label("sign", 3),
        params={"leaves": 4},
        selection=Selection((0.5, 0.6), (9, 10)),
    )

    assert (config.purge, config.embargo) == (3, 3)
    assert config.document()["params"]["trees"] == 60
    again = training_config(json.loads(json.dumps(config.document())))
    assert again.config_hash == config.config_hash
    assert replace(config, seed=1).config_hash != config.config_hash
    for changes in ({"folds": 0}, {"purge_bars": 2}, {"seed": -1}, {"folds": True}):
        with pytest.raises(ConfigError) as refused:
            replace(config, **changes)
        assert refused.value.code == "out_of_range"
    with pytest.raises(ConfigError, match="no parameter 'tress'"):
        TrainingConfig("momentum_hgb", params={"tress": 3})


def test_models_have_names_that_no_address_needs():
    assert list(MODELS) == ["momentum_logit", "momentum_hgb", "sma_cross"]
    assert not set(RESERVED) & set(MODELS)
    with pytest.raises(StrategyError) as refused:
        model_named("momentum_logti")
    assert refused.value.advice == "Did you mean 'momentum_logit'?"
    assert MODELS["momentum_logit"].target == SIGN
