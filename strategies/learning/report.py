"""The training report: how good the probabilities are, and what they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.documents import normal_values
from strategies.errors import StrategyError
from strategies.learning.config import TrainingConfig
from strategies.learning.estimators import fitted, predicted
from strategies.learning.folds import Fold
from strategies.learning.samples import Samples
from strategies.learning.scores import auc, calibration, confusion, scores
from strategies.types import FloatArray, IntArray

SHUFFLES = 3
MOST_SHUFFLED = 4_000  # rows of a fold; more say little more about a feature
SHARES = (0.1, 0.25, 0.5, 0.75, 1.0)
EVEN = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """One fold: what was learnt, and what it said of the rows of its test.

    Attributes
    ----------
    fold : Fold
    estimator : object
    probability : float64 array of shape (len(fold.test),)
    """

    fold: Fold
    estimator: Any
    probability: FloatArray


def training_report(
    config: TrainingConfig, samples: Samples, outcomes: Sequence[Outcome]
) -> dict[str, Any]:
    """Return the report of a training.

    Parameters
    ----------
    config : TrainingConfig
    samples : Samples
    outcomes : sequence of Outcome
        Of every fold, in order.

    Returns
    -------
    dict
        Plain values, the same for the same config and data: ``rows``, ``folds``,
        ``overall`` and ``confusion`` (of all folds' tests together), ``calibration``,
        ``importance`` (how much AUC is lost when one feature is shuffled among the
        rows of a test), ``learning_curve`` (of the last fold: AUC by how much of the
        past is learnt from, the newest first). Numbers with 12 digits.
    """
    tested = np.concatenate([one.fold.test for one in outcomes])
    chance = np.concatenate([one.probability for one in outcomes])
    known = samples.labelled[tested]
    chance, rises = chance[known], samples.rises[tested][known]
    document = {
        "model_id": config.model_id,
        "target": config.target.document(),
        "columns": list(samples.columns),
        "symbols": len(samples.symbols),
        "rows": {
            "all": len(samples),
            "usable": int(samples.usable.sum()),
            "labelled": int(samples.labelled.sum()),
            "predicted": len(tested),
        },
        "folds": [_fold(samples, one) for one in outcomes],
        "overall": scores(chance, rises),
        "calibration": calibration(chance, rises) if chance.size else [],
        "confusion": confusion(chance, rises, level=EVEN),
        "importance": _importance(config, samples, outcomes),
        "learning_curve": _learning_curve(config, samples, outcomes[-1]),
    }
    values: dict[str, Any] = normal_values(document)
    return values


def _fold(samples: Samples, outcome: Outcome) -> dict[str, Any]:
    fold = outcome.fold
    chance, rows = _labelled(samples, outcome)
    return {
        "index": fold.index,
        "train_start": fold.train_start,
        "train_end": fold.train_end,
        "test_start": fold.test_start,
        "test_end": fold.test_end,
        "n_train": len(fold.learn),
        "n_test": len(fold.test),
    } | scores(chance, samples.rises[rows])


def _labelled(samples: Samples, outcome: Outcome) -> tuple[FloatArray, IntArray]:
    """Return probabilities and rows of a test of which it is known what came."""
    known = samples.labelled[outcome.fold.test]
    return outcome.probability[known], outcome.fold.test[known]


def _importance(
    config: TrainingConfig, samples: Samples, outcomes: Sequence[Outcome]
) -> list[dict[str, Any]]:
    """Return what each feature is worth, the most important first."""
    lost = np.array([_lost(config, samples, one) for one in outcomes])
    found = [
        {
            "column": name,
            "auc_lost": float(np.nanmean(drops)) if np.isfinite(drops).any() else None,
            "by_fold": [float(x) if np.isfinite(x) else None for x in drops],
        }
        for name, drops in zip(samples.columns, lost.T, strict=True)
    ]
    return sorted(found, key=lambda one: (-(one["auc_lost"] or 0.0), one["column"]))


def _lost(config: TrainingConfig, samples: Samples, outcome: Outcome) -> FloatArray:
    """Return how much AUC a fold loses by shuffling each feature; NaN: it has none."""
    lost = np.full(len(samples.columns), np.nan)
    _, rows = _labelled(samples, outcome)
    rows = rows[:: -(-len(rows) // MOST_SHUFFLED) or 1]
    whole, rises = samples.features[rows], samples.rises[rows]
    base = auc(predicted(outcome.estimator, whole), rises) if len(rows) else None
    if base is None:
        return lost
    rng = np.random.default_rng([config.seed, outcome.fold.index])
    for column in range(whole.shape[1]):
        kept = []
        for _ in range(SHUFFLES):
            shuffled = whole.copy()
            shuffled[:, column] = rng.permutation(shuffled[:, column])
            kept.append(auc(predicted(outcome.estimator, shuffled), rises) or 0.0)
        lost[column] = base - np.mean(kept)
    return lost


def _learning_curve(
    config: TrainingConfig, samples: Samples, last: Outcome
) -> list[dict[str, Any]]:
    learn = last.fold.learn[np.argsort(samples.ts[last.fold.learn], kind="stable")]
    _, rows = _labelled(samples, last)
    points = []
    for share in SHARES:
        newest = learn[len(learn) - max(round(share * len(learn)), 1) :]
        point = {"share": share, "n_train": len(newest)}
        points.append(point | _aucs(config, samples, newest, rows))
    return points


def _aucs(
    config: TrainingConfig, samples: Samples, learn: IntArray, rows: IntArray
) -> dict[str, Any]:
    """Return the AUC on what was learnt and on what came later."""
    try:
        estimator = learnt(config, samples, np.sort(learn))
    except StrategyError:  # too little was learnt from: the price went one way only
        return {"train_auc": None, "test_auc": None}
    return {
        name: auc(predicted(estimator, samples.features[some]), samples.rises[some])
        if len(some)
        else None
        for name, some in (("train_auc", learn), ("test_auc", rows))
    }


def learnt(config: TrainingConfig, samples: Samples, rows: IntArray) -> Any:
    """Return the estimator of a training, fitted to some rows."""
    return fitted(
        config.model.estimator,
        config.settings,
        samples.features[rows],
        samples.rises[rows],
        samples.weights[rows],
        seed=config.seed,
    )
