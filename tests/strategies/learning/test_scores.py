"""Scores of probabilities: worked by hand, and beside scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from strategies.learning.scores import auc, calibration, confusion, scores


def test_scores_by_hand():
    chance = np.array([0.2, 0.4, 0.4, 0.9])
    rises = np.array([False, False, True, True])

    found = scores(chance, rises)

    # Of the four pairs of a rise and a fall three are in order, one is even.
    assert found["auc"] == pytest.approx(3.5 / 4)
    assert found["brier"] == pytest.approx((0.04 + 0.16 + 0.36 + 0.01) / 4)
    logs = [0.8, 0.6, 0.4, 0.9]
    assert found["log_loss"] == pytest.approx(-sum(map(math.log, logs)) / 4)
    assert (found["base_brier"], found["n"]) == (0.25, 4)
    assert found["base_log_loss"] == pytest.approx(math.log(2))
    assert confusion(chance, rises, level=0.4) == {
        "level": 0.4,
        "called_rose": 2,
        "called_fell": 1,
        "passed_rose": 0,
        "passed_fell": 1,
    }


def test_scores_are_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    chance = rng.random(300).round(2)
    rises = rng.random(300) < chance

    found = scores(chance, rises)

    assert found["auc"] == pytest.approx(metrics.roc_auc_score(rises, chance))
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(rises, chance))
    chance = np.clip(chance, 0.01, 0.99)
    assert scores(chance, rises)["log_loss"] == pytest.approx(
        metrics.log_loss(rises, chance)
    )


def test_one_outcome_alone_has_no_auc_and_no_rows_have_no_scores():
    assert auc(np.array([0.2, 0.4]), np.array([True, True])) is None
    assert scores(np.empty(0), np.empty(0, dtype=bool))["brier"] is None


def test_the_error_of_an_auc_is_what_samples_show():
    rng = np.random.default_rng(2)
    rises = np.arange(200) < 100
    drawn = [auc(rng.random(200), rises) for _ in range(400)]

    assert scores(rng.random(200), rises)["auc_se"] == pytest.approx(
        np.std(drawn), rel=0.15
    )


def test_calibration_keeps_equal_probabilities_together():
    chance = np.array([0.3] * 6 + [0.7] * 4)
    rises = np.array([True, True, False, False, False, False, True, True, True, False])

    low, high = calibration(chance, rises)

    assert (low["predicted"], low["n"]) == (pytest.approx(0.3), 6)
    assert (low["observed"], high["observed"]) == (pytest.approx(1 / 3), 0.75)
    many = calibration(np.linspace(0, 1, 1_000), np.arange(1_000) % 2 == 0)
    assert [one["n"] for one in many] == [100] * 10
