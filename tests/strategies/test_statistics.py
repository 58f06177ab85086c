"""Sharpe ratios and luck: published examples, limits, calibration, refusals."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strategies.errors import StrategyError
from strategies.statistics import (
    deflated_sharpe,
    effective_trials,
    expected_max_sharpe,
    min_backtest_years,
    min_track_record,
    overfitting_logits,
    pbo,
    probabilistic_sharpe,
    sharpe_se,
    sharpe_se_normal,
)


@pytest.mark.parametrize(
    ("sr", "n", "published"), [(0.5, 12, 0.306), (1.5, 12, 0.421), (3.0, 500, 0.105)]
)
def test_the_normal_form_reproduces_lo_2002(sr, n, published):
    # √((1 + 0.5²/2)/12) = √(1.125/12) = 0.3062; the others likewise
    assert sharpe_se_normal(sr, n) == pytest.approx(published, abs=5e-4)


def test_the_first_formula_by_hand():
    # 1 + 2·0.1 + (9 − 1)/4·0.01 = 1.22; √(1.22/100) = 0.110454
    assert sharpe_se(0.1, 101, -2.0, 9.0) == pytest.approx(math.sqrt(0.0122))


@given(st.floats(-3, 3), st.integers(2, 10_000))
def test_normal_moments_give_the_normal_form_but_for_one_return(sr, n):
    # (kurt − 1)/4 = 1/2 and skew = 0 leave (1 + SR²/2)/(n − 1)
    expected = sharpe_se_normal(sr, n - 1)

    assert sharpe_se(sr, n, 0.0, 3.0) == pytest.approx(expected, rel=1e-12)


@given(st.lists(st.floats(-0.1, 0.1), min_size=3, max_size=40), st.floats(-5, 5))
def test_the_moments_of_any_sample_have_an_error(sample, sr):
    gaps = np.array(sample) - np.mean(sample)
    assume(gaps.std() > 1e-6)
    z = gaps / gaps.std()

    assert sharpe_se(sr, len(sample), np.mean(z**3), np.mean(z**4)) >= 0.0


def test_it_is_as_wide_as_the_estimates_scatter():
    rng = np.random.default_rng(3)
    r = rng.normal(0.05, 1.0, size=(4000, 250))
    estimates = r.mean(axis=1) / r.std(axis=1, ddof=1)

    assert sharpe_se(0.05, 250, 0.0, 3.0) == pytest.approx(estimates.std(), rel=0.05)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_returns_have_no_error(n):
    assert math.isnan(sharpe_se(0.1, n, 0.0, 3.0))
    assert math.isnan(sharpe_se_normal(0.1, 0))


def test_unknown_stays_unknown():
    assert math.isnan(sharpe_se(math.nan, 100, 0.0, 3.0))
    assert math.isnan(sharpe_se(0.1, 100, math.nan, 3.0))
    assert math.isnan(sharpe_se_normal(math.nan, 100))


def test_excess_kurtosis_is_refused_where_it_can_be_told():
    with pytest.raises(StrategyError, match="kurtosis of 0") as refusal:
        sharpe_se(0.1, 100, 0.0, 0.0)

    assert "not 0" in refusal.value.advice


class TestProbabilistic:
    # Bailey & López de Prado (2012): 24 months, 1.585 a year
    PUBLISHED = (1.585 / math.sqrt(12), 24)

    @pytest.mark.parametrize(
        ("skew", "kurt", "published"), [(-2.448, 10.164, 0.913), (0.0, 3.0, 0.982)]
    )
    def test_reproduces_the_published_example(self, skew, kurt, published):
        answer = probabilistic_sharpe(*self.PUBLISHED, skew, kurt)

        assert answer == pytest.approx(published, abs=5e-4)

    def test_is_a_coin_toss_at_the_benchmark(self):
        assert probabilistic_sharpe(0.1, 50, -1.0, 6.0, benchmark=0.1) == 0.5

    def test_unknown_stays_unknown(self):
        assert math.isnan(probabilistic_sharpe(0.1, 1, 0.0, 3.0))
        assert math.isnan(probabilistic_sharpe(0.1, 50, 0.0, 3.0, math.nan))

    def test_an_alarm_is_as_rare_as_the_level_promises(self):
        r = np.random.default_rng(5).normal(size=(2000, 120))
        ratios = r.mean(axis=1) / r.std(axis=1, ddof=1)

        sure = [probabilistic_sharpe(sr, 120, 0.0, 3.0) > 0.95 for sr in ratios]

        assert 0.03 <= np.mean(sure) <= 0.07


class TestDeflated:
    def test_the_expected_maximum_of_a_hundred(self):
        assert expected_max_sharpe(100, 1.0) == pytest.approx(2.5306, abs=5e-5)

    def test_reproduces_the_published_example(self):
        # Bailey & López de Prado (2014): 2.5 a year of 250 days, V = 0.5/250
        benchmark = expected_max_sharpe(100, 0.5 / 250)
        answer = deflated_sharpe(2.5 / math.sqrt(250), 1250, -3.0, 10.0, 100, 0.5 / 250)

        assert benchmark == pytest.approx(0.1132, abs=5e-5)
        assert answer == pytest.approx(0.9004, abs=5e-5)

    @pytest.mark.parametrize(("n_trials", "variance"), [(1, 0.3), (50, 0.0)])
    def test_nothing_to_pick_from_deflates_nothing(self, n_trials, variance):
        assert expected_max_sharpe(n_trials, variance) == 0.0
        deflated = deflated_sharpe(0.1, 100, -1.0, 5.0, n_trials, variance)
        assert deflated == probabilistic_sharpe(0.1, 100, -1.0, 5.0)

    def test_grows_with_the_number_of_trials_however_large(self):
        rising = [expected_max_sharpe(n, 1.0) for n in (1, 1.5, 2, 10, 1e6, 1e18)]

        assert rising == sorted(rising)
        assert math.isfinite(rising[-1])

    def test_the_best_of_noise_is_believed_as_often_as_not(self):
        r = np.random.default_rng(8).normal(size=(400, 10, 250))
        ratios = r.mean(axis=2) / r.std(axis=2, ddof=1)

        deflated = [
            deflated_sharpe(row.max(), 250, 0.0, 3.0, 10, row.var(ddof=1))
            for row in ratios
        ]

        assert 0.45 <= np.mean(deflated) <= 0.55

    @pytest.mark.parametrize(("n_trials", "variance"), [(0, 1.0), (5, -1.0)])
    def test_impossible_counts_are_refused(self, n_trials, variance):
        with pytest.raises(StrategyError, match="at least"):
            expected_max_sharpe(n_trials, variance)


class TestLengths:
    @pytest.mark.parametrize(("ppy", "years"), [(252, 2.73), (52, 2.83)])
    def test_two_against_one_takes_as_long_as_published(self, ppy, years):
        sr, benchmark = 2.0 / math.sqrt(ppy), 1.0 / math.sqrt(ppy)

        bars = min_track_record(sr, benchmark, 0.0, 3.0)

        assert bars / ppy == pytest.approx(years, abs=5e-3)

    def test_the_length_is_where_the_probability_reaches_the_level(self):
        bars = min_track_record(0.1, 0.02, -1.0, 6.0, alpha=0.1)
        around = [
            probabilistic_sharpe(0.1, n, -1.0, 6.0, 0.02)
            for n in (math.floor(bars), math.ceil(bars))
        ]

        assert around[0] < 0.9 <= around[1]

    def test_what_is_not_better_takes_for_ever(self):
        assert min_track_record(0.1, 0.1, 0.0, 3.0) == math.inf
        assert math.isnan(min_track_record(math.nan, 0.1, 0.0, 3.0))

    def test_forty_five_trials_need_five_years(self):
        assert min_backtest_years(45, 1.0) == pytest.approx(5.0, abs=0.15)
        assert min_backtest_years(1, 1.0) == 0.0

    def test_nonsense_is_refused(self):
        with pytest.raises(StrategyError, match="alpha"):
            min_track_record(0.1, 0.0, 0.0, 3.0, alpha=1.0)
        with pytest.raises(StrategyError, match="target"):
            min_backtest_years(10, 0.0)


class TestOverfitting:
    def test_equals_the_definition_spelled_out(self):
        r = np.random.default_rng(2).normal(size=(43, 5))
        blocks = np.array_split(r[3:], 4)  # 43 mod 4 rows are dropped
        expected = []
        for inside in combinations(range(4), 2):
            known = np.vstack([blocks[i] for i in inside])
            later = np.vstack([blocks[i] for i in range(4) if i not in inside])
            best = (known.mean(axis=0) / known.std(axis=0, ddof=1)).argmax()
            ratios = later.mean(axis=0) / later.std(axis=0, ddof=1)
            omega = ((ratios < ratios[best]).sum() + 1) / 6  # no ties in noise
            expected.append(math.log(omega / (1 - omega)))

        logits = overfitting_logits(r, 4)
        np.testing.assert_allclose(np.sort(logits), np.sort(expected))
        assert pbo(r, 4) == np.mean(np.array(expected) <= 0)

    def test_noise_is_a_coin_toss_and_an_edge_is_seen(self):
        rng = np.random.default_rng(11)
        noise = [pbo(rng.normal(size=(160, 20)), 8) for _ in range(100)]
        edge = rng.normal(size=(800, 20))
        edge[:, 3] += 0.25

        assert 0.46 <= np.mean(noise) <= 0.54
        assert pbo(edge, 16) < 0.15

    def test_trials_that_never_moved_tie_in_the_middle(self):
        # All ratios are 0: average rank 2 of 3, ω = 1/2, λ = 0 counts as overfitting.
        assert pbo(np.zeros((8, 3)), 4) == 1.0

    @pytest.mark.parametrize(
        ("matrix", "n_blocks", "field"),
        [
            (np.zeros((40, 1)), 4, "matrix"),
            (np.full((40, 2), np.nan), 4, "matrix"),
            (np.zeros((40, 2)), 5, "n_blocks"),
            (np.zeros((7, 2)), 4, "n_blocks"),
        ],
    )
    def test_a_matrix_that_cannot_be_split_is_refused(self, matrix, n_blocks, field):
        with pytest.raises(StrategyError) as refusal:
            pbo(matrix, n_blocks)

        assert refusal.value.field == field


class TestEffectiveTrials:
    def test_copies_count_once_and_opposites_do_not(self):
        a, b = np.random.default_rng(4).normal(size=(2, 200))
        nearly = a + 0.1 * b  # ρ = 1/√1.01 ≈ 0.995
        still = np.zeros(200)

        assert effective_trials(np.array([a, nearly, 3 * a])) == 1
        assert effective_trials(np.array([a, nearly, b, -b, still, still])) == 4

    def test_independent_trials_all_count(self):
        assert effective_trials(np.random.default_rng(6).normal(size=(40, 300))) == 40

    @pytest.mark.parametrize(("n_trials", "count"), [(0, 0), (1, 1)])
    def test_few_are_counted_too(self, n_trials, count):
        r = np.random.default_rng(1).normal(size=(n_trials, 10))

        assert effective_trials(r) == count

    def test_a_hole_is_refused(self):
        with pytest.raises(StrategyError, match="finite"):
            effective_trials(np.array([[0.0, np.nan]]))
