"""The only room that learns with scikit-learn: on one thread, from one seed.

Sums on several threads depend on how many there are; on one they are the same bytes
every time, and a model is what its probabilities are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from strategies.errors import StrategyError
from strategies.types import BoolArray, FloatArray, Scalar

Settings = Mapping[str, Scalar]
MOST_BINS = 64  # values of a feature that trees tell apart; finer ones are noise


@contextmanager
def one_thread() -> Iterator[None]:
    """Have BLAS and OpenMP use one thread, however many they are told to.

    What follows is called inside it.
    """
    import sklearn.utils  # noqa: F401  both libraries have to be there to be limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield


def get_ready() -> None:
    """Import what learning takes, a second for the first time; say when it suits."""
    import sklearn.ensemble
    import sklearn.linear_model
    import sklearn.pipeline
    import sklearn.preprocessing  # noqa: F401


def fitted(
    name: str,
    settings: Settings,
    features: FloatArray,
    rises: BoolArray,
    weights: FloatArray,
    *,
    seed: int,
) -> Any:
    """Return an estimator that learnt from some rows.

    Parameters
    ----------
    name : {"logit", "trees"}
    settings : mapping
        Complete, as the model lists them.
    features : float64 array of shape (n, n_features)
        No NaN.
    rises : bool array of shape (n,)
    weights : float64 array of shape (n,)
        How much each row counts; scaled to a mean of 1.
    seed : int

    Raises
    ------
    StrategyError
        ``nothing_to_learn`` if the price only rose, or never.
    """
    weights = weights if weights.any() else np.ones_like(weights)
    counted = rises[weights > 0.0]
    if counted.all() or not counted.any():
        raise StrategyError(
            "In the bars to learn on the price "
            + ("rose after every one." if counted.all() else "never rose."),
            code="nothing_to_learn",
            field="dataset_id",
            advice="Take an earlier start, or more symbols.",
        )
    make, step = ESTIMATORS[name]
    uneven = weights.min() < weights.max()  # even ones cost time and change nothing
    how = {f"{step}sample_weight": weights / weights.mean()} if uneven else {}
    return make(settings, seed).fit(features, rises.astype(np.int64), **how)


def predicted(estimator: Any, features: FloatArray) -> FloatArray:
    """Return the probability of a rise for each row."""
    chance = estimator.predict_proba(features)[:, 1]
    return np.ascontiguousarray(chance, dtype=np.float64)


def _logit(settings: Settings, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(
        C=float(settings["strength"]), max_iter=1_000, random_state=seed
    )
    return make_pipeline(StandardScaler(), regression)


def _trees(settings: Settings, seed: int) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        max_iter=int(settings["trees"]),
        learning_rate=float(settings["learning_rate"]),
        max_leaf_nodes=int(settings["leaves"]),
        min_samples_leaf=int(settings["leaf_rows"]),
        max_bins=MOST_BINS,
        early_stopping=False,  # it would hold back rows at random
        random_state=seed,
    )


# How each is made, and which of its steps takes the weights.
ESTIMATORS: Mapping[str, tuple[Callable[[Settings, int], Any], str]] = {
    "logit": (_logit, "logisticregression__"),
    "trees": (_trees, ""),
}
