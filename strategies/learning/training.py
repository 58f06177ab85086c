"""Train a model: predict each stretch by what came before it, then learn from all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from strategies import __version__
from strategies.documents import canonical_json
from strategies.errors import ConfigError
from strategies.learning.config import TrainingConfig
from strategies.learning.estimators import one_thread, predicted
from strategies.learning.folds import Fold, folds_of
from strategies.learning.report import Outcome, learnt, training_report
from strategies.learning.samples import Samples
from strategies.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Training:
    """A model that was trained, and what it said of bars it had not seen.

    Attributes
    ----------
    config : TrainingConfig
    samples : Samples
    probability : float64 array of shape (n_rows,)
        Out of sample, of a rise; NaN for rows that no fold predicts.
    estimator : object
        Learnt from every labelled row; what a bar of tomorrow is shown to.
    report : dict
        See `strategies.learning.report.training_report`.
    """

    config: TrainingConfig
    samples: Samples
    probability: FloatArray
    estimator: Any
    report: Mapping[str, Any]

    @cached_property
    def identity(self) -> str:
        """What the model is: sha256 of config, data, code and its probabilities.

        Files of the same model differ, because they hold addresses in memory; these
        bytes do not.
        """
        return identity_of(
            self.config, self.samples.dataset_hash, __version__, self.probability
        )

    def of_symbol(self, symbol: str) -> tuple[IntArray, FloatArray]:
        """Return the opens of a symbol's rows and their probabilities."""
        rows = self.samples.symbol == self.samples.symbols.index(symbol)
        return self.samples.ts[rows], self.probability[rows]


def train(
    config: TrainingConfig,
    samples: Samples,
    *,
    tell: Callable[[int, int], object] = max,
) -> Training:
    """Return a trained model.

    Parameters
    ----------
    config : TrainingConfig
        Of a learned model; its target is that of the samples.
    samples : Samples
    tell : callable ``(done, total)``
        Told before each step.

    Raises
    ------
    ConfigError
        ``nothing_to_train`` for a rule, ``other_target``, ``too_few_bars``,
        ``too_few_rows``; StrategyError ``nothing_to_learn``.

    Notes
    -----
    The same config on the same data gives the same bytes on the same class of
    processor, whatever threads there are.
    """
    _check(config, samples)
    with one_thread():
        return _trained(config, samples, tell)


def predictions(
    config: TrainingConfig,
    samples: Samples,
    *,
    tell: Callable[[int, int], object] = max,
) -> tuple[FloatArray, list[Outcome]]:
    """Return what each stretch is given by what was learnt before it.

    Parameters
    ----------
    config, samples, tell
        As for `train`.

    Returns
    -------
    probability : float64 array of shape (n_rows,)
        Out of sample; NaN for rows that no fold predicts.
    outcomes : list of Outcome
        Of each fold.

    Raises
    ------
    ConfigError, StrategyError
        As `train`.
    """
    _check(config, samples)
    with one_thread():
        folds = folds_of(samples, config)
        return _predicted(config, samples, folds, lambda n: tell(n, len(folds)))


def _predicted(
    config: TrainingConfig,
    samples: Samples,
    folds: Sequence[Fold],
    tell: Callable[[int], object],
) -> tuple[FloatArray, list[Outcome]]:
    probability = np.full(len(samples), np.nan)
    outcomes = []
    for fold in folds:
        tell(fold.index)
        estimator = learnt(config, samples, fold.learn)
        chance = predicted(estimator, samples.features[fold.test])
        probability[fold.test] = chance
        outcomes.append(Outcome(fold, estimator, chance))
    return probability, outcomes


def _trained(
    config: TrainingConfig, samples: Samples, tell: Callable[[int, int], object]
) -> Training:
    folds = folds_of(samples, config)
    total = len(folds) + 2
    probability, outcomes = _predicted(config, samples, folds, lambda n: tell(n, total))
    tell(total - 2, total)
    report = training_report(config, samples, outcomes)
    tell(total - 1, total)
    return Training(
        config=config,
        samples=samples,
        probability=probability,
        estimator=learnt(config, samples, np.flatnonzero(samples.labelled)),
        report=report,
    )


def identity_of(
    config: TrainingConfig,
    dataset_hash: str,
    code_version: str,
    probability: FloatArray,
) -> str:
    """Return the sha256 of what a model is; NaN is one value, bytes are little-endian.

    Parameters
    ----------
    config : TrainingConfig
    dataset_hash, code_version : str
    probability : float64 array of shape (n_rows,)
        Out of sample, in the order of the dataset's rows.
    """
    known = np.where(np.isnan(probability), np.nan, probability)
    facts = [config.config_hash, dataset_hash, code_version]
    digest = hashlib.sha256(canonical_json(facts).encode())
    digest.update(np.ascontiguousarray(known, dtype="<f8").tobytes())
    return digest.hexdigest()


def _check(config: TrainingConfig, samples: Samples) -> None:
    if config.model.kind == "rule":
        raise ConfigError(
            f"{config.model_id} is a rule: there is nothing to train.",
            code="nothing_to_train",
            field="model_id",
            advice="Backtest or sweep it, or train one of the learned models.",
        )
    if config.target != samples.target:
        raise ConfigError(
            "The dataset has other labels than the training is to learn.",
            code="other_target",
            field="target",
            advice="Leave the target out, or build a dataset with these labels.",
        )
