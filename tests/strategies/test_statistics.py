"""Standard errors of the Sharpe ratio: published examples, limits, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strategies.errors import StrategyError
from strategies.statistics import sharpe_se, sharpe_se_normal


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
