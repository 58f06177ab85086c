"""Which models there are: data only, so that a page may list them cheaply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from strategies.errors import StrategyError, did_you_mean
from strategies.features.dataset import Label
from strategies.library.registry import complete_params, strategy_named
from strategies.types import Parameter, Scalar, complete

# Words that stand where a model's name does in the addresses of the API.
RESERVED = ("pipeline", "dataset", "training")

Asked = str | Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A way to come to a probability for each bar.

    Attributes
    ----------
    name : str
        For programs: ``momentum_logit``.
    label, meaning, novice : str
        For people: a title, one exact sentence, the same in plain words.
    kind : {"learned", "rule"}
        A learned one is trained on a dataset. A rule is a strategy of the library:
        its probability is 1 while it wants to be long, else 0.
    estimator : str
        Of a learned one: a name of `strategies.learning.estimators`.
    features : tuple
        What a dataset for it holds, as `strategies.features.dataset.choose` reads it.
    target : Label
        What it predicts.
    settings : tuple of Parameter
        Of the estimator; a rule has those of its strategy.
    """

    name: str
    label: str
    meaning: str
    novice: str
    kind: Literal["learned", "rule"]
    estimator: str = ""
    features: tuple[Asked, ...] = ()
    target: Label = field(default_factory=Label)
    settings: tuple[Parameter, ...] = ()

    def complete(self, params: Mapping[str, object]) -> dict[str, Scalar]:
        """Return every setting: checked, defaults filled, in order.

        Raises
        ------
        ConfigError
            ``unknown_parameter``, ``wrong_type``, ``out_of_range``, ….
        """
        if self.kind == "rule":
            return complete_params(strategy_named(self.name), params)
        return complete(self.settings, params, owner=self.name, field="params")


def _starter(name: str, window: int) -> Asked:
    return MappingProxyType({"name": name, "params": {"d": window}})


# Short windows: a month of hourly bars has to warm them up and leave enough to learn.
MOMENTUM: tuple[Asked, ...] = (
    *(_starter("past_return", bars) for bars in (1, 3, 7, 21)),
    _starter("mean_distance", 20),
    _starter("relative_strength", 14),
    _starter("steady_momentum", 20),
    _starter("up_balance", 10),
    _starter("range_place", 20),
    _starter("realised_volatility", 20),
)


def _number(
    name: str, default: float, low: float, high: float, step: float, meaning: str
) -> Parameter:
    return Parameter(
        name=name,
        kind="float",
        default=default,
        minimum=low,
        maximum=high,
        step=step,
        meaning=meaning,
    )


def _count(name: str, default: int, low: int, high: int, meaning: str) -> Parameter:
    return Parameter(
        name=name,
        kind="int",
        default=default,
        minimum=low,
        maximum=high,
        step=1,
        meaning=meaning,
    )


MOMENTUM_LOGIT = Model(
    name="momentum_logit",
    label="Momentum, logistic",
    meaning="Logistic regression of the direction of the next bars on returns, means, "
    "ranges and volatility of the last ones.",
    novice="Weighs ten measures of the recent past and adds them up to a chance that "
    "the price rises.",
    kind="learned",
    estimator="logit",
    features=MOMENTUM,
    settings=(
        _number("strength", 1.0, 1e-6, 1e6, 0.1, "1 over the penalty on weights."),
    ),
)
MOMENTUM_HGB = Model(
    name="momentum_hgb",
    label="Momentum, boosted trees",
    meaning="Gradient-boosted trees on the same measures as the logistic model.",
    novice="Asks many small questions about the recent past, one after the other, "
    "each mending the mistakes of those before.",
    kind="learned",
    estimator="trees",
    features=MOMENTUM,
    settings=(
        _count("trees", 60, 1, 1_000, "How many trees, one after the other."),
        _number("learning_rate", 0.05, 1e-4, 1.0, 0.01, "How much each tree adds."),
        _count("leaves", 8, 2, 256, "Most leaves of a tree."),
        _count("leaf_rows", 40, 1, 100_000, "Fewest rows in a leaf."),
    ),
)


def _rule(name: str) -> Model:
    strategy = strategy_named(name)
    return Model(
        name=name,
        label=strategy.label,
        meaning=strategy.meaning,
        novice=strategy.novice,
        kind="rule",
        settings=strategy.parameters,
    )


MODELS: Mapping[str, Model] = MappingProxyType(
    {model.name: model for model in (MOMENTUM_LOGIT, MOMENTUM_HGB, _rule("sma_cross"))}
)


def model_named(name: str) -> Model:
    """Return the model called `name`.

    Raises
    ------
    StrategyError
        ``unknown_model``, field ``model_id``.
    """
    if name not in MODELS:
        raise StrategyError(
            f"There is no model named '{name:.40}'.",
            code="unknown_model",
            field="model_id",
            advice=did_you_mean(name, MODELS) or f"Known: {', '.join(MODELS)}.",
        )
    return MODELS[name]
