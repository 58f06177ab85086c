"""A model that was trained, as a strategy: the lab says which there are.

The library keeps no models. Whoever does gives a source (`models_come_from`); of what
it finds a feature, a rule in words and a strategy are made here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from strategies.config import RunConfig
from strategies.errors import ConfigError
from strategies.features.catalog import TRAINED, Feature
from strategies.library.base import Strategy
from strategies.library.rule import Column, Columns, Condition, Rule
from strategies.market.candles import Candles
from strategies.types import FloatArray, Params

NAME = TRAINED.name
NEWEST = 0  # stands for the newest published version


class Predictor(Protocol):
    """One version of a model, ready to be asked."""

    @property
    def version(self) -> int:
        """Its number, from 1."""

    @property
    def identity(self) -> str:
        """Which training it is: the same text, the same probabilities."""

    @property
    def timeframe(self) -> str:
        """Of the bars that it learnt from."""

    @property
    def lookback_bars(self) -> int:
        """Bars at the start of a history that it cannot predict."""

    def probability(self, candles: Candles) -> FloatArray:
        """Return the chance of a rise after each bar, NaN where it says nothing.

        Row ``t`` depends on bars ``0 … t`` and on what was learnt before them.
        """

    def position(
        self, candles: Candles, probability: FloatArray, threshold: float
    ) -> tuple[FloatArray, FloatArray]:
        """Return the lowest threshold and the position wanted after each close.

        Of `threshold` alone if it is above 0, else of the thresholds of the version.
        """


# From model, version and identity to what predicts. An identity names a version that
# was found before, published or not; without one it has to be published.
Source = Callable[[str, int, str], Predictor]


def _nothing(model_id: str, version: int, identity: str) -> Predictor:
    raise ConfigError(
        "No trained models are known here.",
        code="no_models",
        field="strategy.name",
        advice="They belong to a lab: run it there, or choose another strategy.",
    )


_sources: list[Source] = [_nothing]


def models_come_from(source: Source | None) -> None:
    """Have trained models found by `source`; None: there are none."""
    _sources[0] = source or _nothing


def settled(config: RunConfig) -> RunConfig:
    """Return a resolved config with version and identity of the model it names.

    Raises
    ------
    ConfigError
        What the source refuses: ``unknown_version``, ``not_published``, …;
        ``other_version`` for an identity that is not the version's;
        ``other_timeframe``.
    """
    if config.strategy is None or config.strategy.name != NAME:
        return config
    params = config.strategy.params
    found = _predictor(params)
    if found.timeframe != config.timeframe:
        raise ConfigError(
            f"Version {found.version} of {params['model_id']} learnt from bars of "
            f"{found.timeframe}, and these are bars of {config.timeframe}.",
            code="other_timeframe",
            field="timeframe",
            advice=f"Use {found.timeframe}, or train a version on such bars.",
        )
    known = {"version": found.version, "identity": found.identity}
    if all(params[name] == value for name, value in known.items()):
        return config
    return config.with_changes({"strategy": {"params": known}})


def columns_of(
    candles: Candles, model_id: str, version: int, threshold: float, identity: str
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return probability, lowest threshold and position: the feature's three arrays.

    Raises
    ------
    ConfigError
        As `settled`.
    """
    params = {"model_id": model_id, "version": version, "identity": identity}
    found = _predictor(params)
    chance = found.probability(candles)
    return chance, *found.position(candles, chance, threshold)


def _predictor(params: Mapping[str, object]) -> Predictor:
    model_id, identity = str(params["model_id"]), str(params["identity"])
    found = _sources[0](model_id, int(str(params["version"])), identity)
    if identity not in ("", found.identity):
        raise ConfigError(
            f"Version {found.version} of {model_id} is {found.identity} here, and "
            f"{identity} is meant.",
            code="other_version",
            field="strategy.params.identity",
            advice="Leave the identity out for the one of this lab, or use the lab "
            "that trained it.",
        )
    return found


def _said(output: int) -> Column:
    return Column(NAME, output, **{name: name for name in _NAMES})


_NAMES = tuple(parameter.name for parameter in TRAINED.params)


class _TrainedModel(Strategy):
    """Holds the share of thresholds that the model's probability reaches.

    Its rule says in words when it is long at all; how much of it, and in which hours
    it may enter, is known to the version.
    """

    def signal(self, candles: Candles, columns: Columns, params: Params) -> FloatArray:
        """Return the position that the version wants: 0 to 1, never NaN."""
        return columns[Feature(NAME, params).columns[2]]

    def lookback(self, params: Params) -> int:
        """Return how many bars at the start it cannot predict."""
        return _predictor(params).lookback_bars


TRAINED_MODEL = _TrainedModel(
    name=NAME,
    label="Trained model",
    meaning="Long as far as the probability of a published version reaches its "
    "thresholds; inside its training only what it said of bars it had not seen.",
    novice="Hold while a model that you trained and published gives a rise a good "
    "chance.",
    parameters=TRAINED.params,
    rule=Rule(Condition(_said(0), _said(1))),
    is_ruled=False,
    shared=("model_id", "version", "identity"),
)
