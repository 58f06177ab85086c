"""A trained model as a strategy: what it says when, and that it never sees ahead."""

from __future__ import annotations

import io
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from strategies import Panel, RunConfig, check_lookahead, run_backtest, validate
from strategies.errors import ConfigError
from strategies.learning.config import TrainingConfig
from strategies.learning.files import model_bytes
from strategies.learning.published import Version, read_learnt
from strategies.learning.selection import Selection
from strategies.learning.training import train
from strategies.library.registry import LIBRARY, STRATEGIES, describe
from strategies.library.resolve import resolve
from strategies.library.trained import TRAINED_MODEL, models_come_from, settled
from strategies.sweep import run_sweep
from strategies.trials import MemorySink, reporting_to
from strategies.validation.splits import rolling_splits
from strategies.validation.walk_forward import walk_forward
from tests.strategies.learning.panels import panel, samples_of

N_BARS, LEARNT = 500, 300
FEATURES = ("returns", "rsi", {"expr": "close / ts_mean(close, 5) - 1"})
BARS = panel(2, N_BARS, seed=3, memory=0.2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A training on the first bars of the first symbol, and its version."""
    known = [BARS[0].between(None, int(BARS[0].ts[LEARNT - 1]))]
    folder = tmp_path_factory.mktemp("dataset")
    samples = samples_of(known, folder, features=FEATURES)
    training = train(TrainingConfig("momentum_logit", folds=3), samples)
    file = io.BytesIO()
    rows = {
        "ts_utc": pa.array(samples.ts),
        "symbol": pa.array(["S0"] * len(samples)),
        "probability": pa.array(
            training.probability, mask=np.isnan(training.probability)
        ),
    }
    pq.write_table(pa.table(rows), file)
    learnt = read_learnt(model_bytes(training.estimator), file.getvalue())
    return training, version_of(lambda: learnt, training.identity)


def version_of(read, identity="0123456789abcdef", features=FEATURES, **changes):
    values = {
        "model_id": "momentum_logit",
        "version": 3,
        "whole_identity": identity,
        "provider": "frame",
        "timeframe": "1h",
        "features": features,
        "selection": Selection((0.5, 0.52), ()),
        "read": read,
    }
    return Version(**values | changes)


@contextmanager
def known(version):
    models_come_from(lambda model_id, number, identity: version)
    try:
        yield
    finally:
        models_come_from(None)


@pytest.fixture(autouse=True)
def _source_of_the_lab():
    """Tests set sources of their own; the lab's comes back."""
    from experiments.selectors.published import published_version

    yield
    models_come_from(published_version)


def config(**changes):
    values = {
        "provider": "frame",
        "symbol": "S0",
        "timeframe": "1h",
        "strategy": {"name": "trained_model"},
        "benchmark": "none",
    }
    return RunConfig(**values | changes)


def test_inside_its_training_it_repeats_itself_and_later_it_is_asked(trained):
    training, version = trained
    mine, other = BARS

    chance = version.probability(mine)
    ts, told = training.of_symbol("S0")
    np.testing.assert_array_equal(mine.ts[:LEARNT], ts)
    np.testing.assert_array_equal(chance[:LEARNT], told)
    assert np.isnan(told[:100]).all()
    assert np.isfinite(told[-20:]).all()
    assert np.isfinite(chance[LEARNT:]).all()
    close = mine.close
    row = [close[400] / close[399] - 1, 0.0, close[400] / close[396:401].mean() - 1]
    kept = version.read().estimator
    columns = version._columns(mine)
    np.testing.assert_allclose(columns[400, [0, 2]], [row[0], row[2]])
    alone = kept.predict_proba(columns[400:401])[0, 1]
    assert chance[400] == pytest.approx(alone, rel=1e-12)
    # A symbol it never learnt from, and the same name from another source
    stranger = version.probability(other)
    assert np.isnan(stranger[:LEARNT]).all()
    assert np.isfinite(stranger[LEARNT:]).all()
    elsewhere = version_of(version.read, provider="upload").probability
    fresh = panel(2, N_BARS, seed=3, memory=0.2)[0]
    assert np.isnan(elsewhere(fresh)[:LEARNT]).all()


def test_nothing_that_comes_later_changes_what_it_wants(trained):
    _, version = trained

    with known(version):
        leaks = check_lookahead(
            TRAINED_MODEL, Panel.of(BARS[:1]), rng=np.random.default_rng(1)
        )

    assert leaks == []


def test_a_run_holds_the_share_of_levels_and_says_which_model_it_was(trained):
    _, version = trained
    with known(version):
        result = run_backtest(config(), BARS[0])
        many = run_backtest(
            config(symbol=None, universe=["S0", "S1"], strategy=result.config.strategy),
            Panel.of(BARS),
        )
        one = run_backtest(
            config(strategy={"name": "trained_model", "params": {"threshold": 0.52}}),
            BARS[0],
        )

    chance = version.probability(BARS[0])
    shares = (chance >= 0.5) * 0.5 + (chance >= 0.52) * 0.5
    np.testing.assert_array_equal(result.position, shares)
    np.testing.assert_array_equal(one.position, chance >= 0.52)
    params = result.config.strategy.params
    assert (params["version"], params["identity"]) == (3, version.identity)
    assert result.config.config_hash != config().config_hash
    assert {0.0, 0.5, 1.0} == set(result.position)
    held = many.weights
    np.testing.assert_allclose(held[:, 0], shares / 2)
    assert not held[:LEARNT, 1].any()
    assert held[LEARNT:, 1].any()


def test_thresholds_are_swept_and_walked_like_runs(trained):
    _, version = trained
    space = {"threshold": [0.0, 0.5, 0.53]}
    with known(version), reporting_to(MemorySink()):
        swept = run_sweep(config(), space, BARS[0])
        runs = [run_backtest(swept.config_of(row), BARS[0]) for row in range(3)]
        splits = rolling_splits(N_BARS, train=200, test=100, windows=3)
        walked = walk_forward(config(), space, splits, BARS[0])

    for key in ("sharpe", "total_return", "trade_count"):
        expected = [np.nan if r.metrics[key] is None else r.metrics[key] for r in runs]
        np.testing.assert_array_equal(swept.metrics[key], expected)
    assert len({one.config.config_hash for one in runs}) == 3
    # A window that chose the version's own levels holds what the run holds there
    first = walked.fits[0]
    chosen = [0.0, 0.5, 0.53][first.point]
    test = slice(first.split.test.start, first.split.test.stop)
    wanted = version.position(BARS[0], version.probability(BARS[0]), chosen)[1]
    held = walked.result.position[: len(first.split.test)]
    np.testing.assert_array_equal(held, wanted[test])


def test_what_cannot_be_is_refused_in_words(trained):
    _, version = trained

    def refusal(call, *given):
        with pytest.raises(ConfigError) as caught:
            call(*given)
        assert caught.value.advice
        return caught.value.code

    models_come_from(None)
    assert refusal(run_backtest, config(), BARS[0]) == "no_models"
    with known(version):
        assert refusal(settled, resolve(config(timeframe="1d"))) == "other_timeframe"
        for name, value in (("version", [1, 2]), ("model_id", ["momentum_hgb"])):
            asked = {name: value}
            assert refusal(run_sweep, config(), asked, BARS[0]) == "shared_path"
        result = run_backtest(config(), BARS[0])
        for name in ("permutation_rerun", "candle_monte_carlo"):
            asked = {name: {"n": 2}}
            assert refusal(validate, result, asked) == "needs_real_bars"
    with known(version_of(version.read, "another")):
        assert refusal(run_backtest, result.config, BARS[0]) == "other_version"
    ranked = version_of(version.read, features=({"expr": "rank(close)"},))
    assert refusal(lambda: ranked.chosen) == "compares_symbols"


def test_it_is_listed_with_the_others():
    assert [one["name"] for one in describe()] == [*STRATEGIES, "trained_model"]
    assert list(LIBRARY) == [*STRATEGIES, "trained_model"]
