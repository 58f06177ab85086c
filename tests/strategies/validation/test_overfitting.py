"""Reality check, SPA, StepM as `arch` has them; families as published; refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import SPA, StepM

from strategies.errors import StrategyError
from strategies.statistics import overfitting_splits, pbo
from strategies.validation.family import (
    METHODS,
    adjusted_p_values,
    haircut,
    sharpe_p_values,
)
from strategies.validation.overfitting import superiority

DRAWS = 200
# Benjamini & Hochberg (1995), table 1: fifteen hypotheses of a trial.
PUBLISHED = np.array(
    [
        *(0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344),
        *(0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0),
    ]
)


@pytest.fixture
def noise():
    return np.random.default_rng(7).normal(size=(300, 12))


class TestSuperiority:
    def test_equals_arch_called_directly(self, noise):
        rng = np.random.default_rng(1)
        held = rng.normal(0.02, 1.0, 300)
        models = noise + np.linspace(-0.3, 0.25, 12)
        for benchmark, block in ((held, 7), (np.zeros(300), 17), (held, 1)):
            mine = superiority(
                models,
                benchmark,
                rng=np.random.default_rng(3),
                draws=DRAWS,
                block_size=block,
            )
            theirs = SPA(-benchmark, -models, block_size=block, reps=DRAWS, seed=3)
            theirs.compute()
            steps = StepM(-benchmark, -models, block_size=block, reps=DRAWS, seed=3)
            steps.compute()

            shares = theirs.pvalues
            for name in ("lower", "consistent", "upper"):
                share = (1 + shares[name] * DRAWS) / (1 + DRAWS)
                assert getattr(mine, name) == pytest.approx(share, abs=1e-12)
            assert list(mine.superior) == steps.superior_models
            assert mine.reality_check == mine.upper >= mine.consistent >= mine.lower

    def test_every_model_can_be_superior(self, noise):
        # arch 8.0.0 raises here: nothing is left to take a maximum of
        answer = superiority(
            noise * 0.1 + 1.0, rng=np.random.default_rng(0), draws=DRAWS
        )

        assert answer.superior == tuple(range(12))
        assert answer.consistent == 1 / (1 + DRAWS)  # never 0

    def test_models_that_are_the_benchmark_beat_nothing(self):
        held = np.random.default_rng(2).normal(size=64)
        answer = superiority(
            np.column_stack([held, held]), held, rng=np.random.default_rng(0), draws=20
        )

        assert answer.lower == answer.upper == 1.0
        assert answer.superior == ()

    @pytest.mark.parametrize(
        ("change", "field", "code"),
        [
            ({"models": np.full((40, 2), np.nan)}, "models", "bad_returns"),
            ({"models": np.zeros((8, 2))}, "models", "too_few_bars"),
            ({"benchmark": np.zeros(39)}, "models", "bad_returns"),
            ({"block_size": 41}, "block_size", "out_of_range"),
            ({"draws": 0}, "draws", "out_of_range"),
            ({"alpha": 1.0}, "alpha", "out_of_range"),
        ],
    )
    def test_what_cannot_be_told_is_refused(self, change, field, code):
        asked = {"models": np.zeros((40, 2)), "benchmark": 0.0, "draws": 20} | change

        with pytest.raises(StrategyError) as refusal:
            superiority(**asked, rng=np.random.default_rng(0))

        assert (refusal.value.field, refusal.value.code) == (field, code)


class TestFamily:
    def test_reproduces_benjamini_and_hochberg(self):
        found = {
            m: int((adjusted_p_values(PUBLISHED, m) <= 0.05).sum()) for m in METHODS
        }

        assert found["bh"] == 4
        assert found["bonferroni"] == 3
        assert found["holm"] == 3
        assert found["by"] == 3

    def test_by_hand(self):
        # Bonferroni: 3p. Holm: 3·.01, 2·.02, 1·.04. BH: the least of 3p/rank upwards.
        p = np.array([0.04, 0.01, 0.02])

        assert adjusted_p_values(p, "bonferroni") == pytest.approx([0.12, 0.03, 0.06])
        assert adjusted_p_values(p, "holm") == pytest.approx([0.04, 0.03, 0.04])
        assert adjusted_p_values(p, "bh") == pytest.approx([0.04, 0.03, 0.03])
        # BY: BH times 1 + 1/2 + 1/3
        assert adjusted_p_values(p, "by") == pytest.approx([0.22 / 3, 0.055, 0.055])

    def test_reproduces_harvey_and_liu(self):
        # 120 months, 1 a year, autocorrelation .1, 100 tests
        cut = haircut(1.0, 120, 12, n_tests=100, rho=0.1)

        assert cut.share == pytest.approx(0.746, abs=5e-4)
        assert cut.sharpe == pytest.approx(0.912, abs=5e-4)

    def test_one_test_cuts_nothing_and_a_million_all(self):
        assert haircut(0.8, 500, 252, n_tests=1).adjusted == pytest.approx(0.8)
        assert haircut(0.8, 500, 252, n_tests=1e6).share == 1.0
        assert math.isnan(haircut(-0.8, 500, 252, p_adjusted=0.3).share)
        assert sharpe_p_values(np.array([0.0, np.nan]), 9)[0] == 1.0

    def test_nonsense_is_refused(self):
        refused = (
            lambda: adjusted_p_values(np.array([1.5])),
            lambda: adjusted_p_values(np.array([])),
            lambda: adjusted_p_values(np.array([0.5]), "sidak"),
            lambda: haircut(1.0, 1, 12, n_tests=5),
            lambda: haircut(1.0, 50, 12),
            lambda: haircut(1.0, 50, 12, n_tests=5, rho=1.0),
        )
        for ask in refused:
            with pytest.raises(StrategyError):
                ask()


def test_the_splits_say_what_became_of_the_chosen_one(noise):
    splits = overfitting_splits(noise, 4)

    assert pbo(noise, 4) == np.mean(splits.logits <= 0.0)
    # blocks 0 and 1 chosen on, 2 and 3 later; the first split holds blocks 0 and 1
    known, later = noise[:150], noise[150:]
    ratios = known.mean(axis=0) / known.std(axis=0, ddof=1)
    best = ratios.argmax()
    after = later[:, best].mean() / later[:, best].std(ddof=1)
    assert splits.inside[0] == pytest.approx(ratios[best])
    assert splits.outside[0] == pytest.approx(after)
