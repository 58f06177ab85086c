"""Block bootstraps: the very draws of arch, and its statistics without its work."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import CircularBlockBootstrap, StationaryBootstrap
from arch.bootstrap import optimal_block_length as length_of_arch

from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.validation.bootstrap import (
    _drawn_sums,
    bootstrap_moments,
    bootstrap_paths,
    draw_blocks,
    optimal_block_length,
)

RETURNS = np.random.default_rng(1).standard_t(4, 503) * 0.01 + 0.0003
ARCH = {"circular": CircularBlockBootstrap, "stationary": StationaryBootstrap}


def rng():
    return np.random.default_rng(7)


def sharpe(returns):
    return np.array([returns.mean() / returns.std(ddof=1) * np.sqrt(252)])


def fall(returns):
    equity = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    return np.array([(equity / np.maximum.accumulate(equity) - 1.0).min()])


@pytest.mark.parametrize("kind", ["circular", "stationary"])
def test_draws_and_statistics_are_those_of_arch(kind):
    for block in (1, 10, 37, 503):
        drawn = list(draw_blocks(503, 40, block, kind, rng()))
        bars = [b.indices(i) % 503 for b in drawn for i in range(len(b))]
        theirs = ARCH[kind](block, RETURNS, seed=rng())
        for own in bars:
            assert (own == theirs.update_indices()).all()
        ours = bootstrap_moments(RETURNS, 40, block, rng=rng(), kind=kind)
        expected = ARCH[kind](block, RETURNS, seed=rng()).apply(sharpe, 40)[:, 0]
        assert ours.sharpe(252) == pytest.approx(expected, rel=1e-9)
        growth, falls = bootstrap_paths(RETURNS, 40, block, rng=rng(), kind=kind)
        expected = ARCH[kind](block, RETURNS, seed=rng()).apply(fall, 40)[:, 0]
        assert falls == pytest.approx(expected, rel=1e-9)
        assert growth[0] == pytest.approx(np.prod(1.0 + RETURNS[bars[0]]), rel=1e-9)


def test_the_automatic_length_is_that_of_arch():
    walk = np.zeros(400)
    for i in range(1, 400):
        walk[i] = 0.5 * walk[i - 1] + RETURNS[i]
    for series in (RETURNS, walk, RETURNS[:60], np.cumsum(RETURNS)):
        theirs = length_of_arch(series)
        for kind in ARCH:
            ours = optimal_block_length(series, kind)
            assert ours == pytest.approx(max(1.0, theirs[kind].iloc[0]), rel=1e-12)
    assert optimal_block_length(np.zeros(50)) == 1.0


def test_blocks_longer_than_the_series_or_empty_are_refused():
    for block in (0, 504):
        with pytest.raises(StrategyError) as caught:
            next(draw_blocks(503, 1, block, "circular", rng()))
        assert caught.value.field == "block_size"


def test_returns_that_do_not_vary_have_no_sharpe_and_ruin_is_the_end():
    assert np.isnan(bootstrap_moments(np.zeros(50), 5, 5, rng=rng()).sharpe(252)).all()
    lost = np.full(20, 0.01)
    lost[7] = -1.0
    growth, falls = bootstrap_paths(lost, 50, 20, rng=rng())
    assert (growth == 0.0).all()
    assert (falls == -1.0).all()


def test_batches_and_threads_change_nothing(monkeypatch):
    def all_draws():
        moments = bootstrap_moments(RETURNS, 300, 9, rng=rng())
        return np.vstack([moments.mean, *bootstrap_paths(RETURNS, 300, 9, rng=rng())])

    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    whole = all_draws()
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    monkeypatch.setattr("strategies.validation.shares.AT_ONCE", 1_000)
    assert (all_draws() == whole).all()


def test_intervals_cover_the_truth_and_ignoring_dependence_does_not():
    noise, hits = np.random.default_rng(3), {1: 0, 10: 0}
    for _ in range(200):
        series = noise.normal(size=300)
        for i in range(1, 300):
            series[i] += 0.3 * series[i - 1]
        for block in hits:
            mean = bootstrap_moments(series, 200, block, rng=noise).mean
            low, high = np.quantile(mean, (0.025, 0.975))
            hits[block] += low <= 0.0 <= high
    assert 0.86 <= hits[10] / 200 <= 0.98
    assert hits[1] < hits[10]


def test_blocks_are_drawn_as_the_generator_draws_them_and_leave_it_there():
    returns = np.random.default_rng(0).normal(0.0, 0.01, 777)
    for block, n_draws in ((777, 3), (400, 2), (300, 4), (99, 5), (7, 6), (1, 3)):
        ours, theirs = np.random.default_rng(block), np.random.default_rng(block)
        each = -(-len(returns) // block)

        found = bootstrap_moments(returns, n_draws, block, rng=ours)

        begins = theirs.integers(len(returns), size=(n_draws, each))
        twice = np.tile(returns, 2)
        draws = [
            np.concatenate([twice[b : b + block] for b in row])[: len(returns)]
            for row in begins
        ]
        np.testing.assert_allclose(found.mean, np.mean(draws, axis=1), rtol=1e-9)
        np.testing.assert_allclose(found.spread, np.std(draws, axis=1, ddof=1))
        assert (ours.integers(9, size=9) == theirs.integers(9, size=9)).all()


def test_a_number_that_has_to_be_drawn_again_is_left_to_the_generator():
    n = 3_000_000  # 2³² is no multiple: one number of some two thousand is refused
    whole = np.random.default_rng(0).normal(size=(n, 2))
    ours, theirs = np.random.default_rng(4), np.random.default_rng(4)
    add_up = resolve("strategies.kernels.resampling:equal_block_sums_nb")
    drawn = resolve("strategies.kernels.resampling:drawn_block_sums_nb")
    raw = np.random.default_rng(4).bit_generator.random_raw(10_000)
    assert not drawn(whole, whole, raw, 500)[1]

    found = _drawn_sums(whole, whole, 500, 40, ours)

    expected = add_up(whole, whole, theirs.integers(n, size=(500, 40)))
    np.testing.assert_array_equal(found, expected)
    assert (ours.integers(9, size=9) == theirs.integers(9, size=9)).all()
