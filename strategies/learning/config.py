"""How a model is trained: everything that its probabilities depend on but the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strategies.documents import sha256_of
from strategies.errors import ConfigError
from strategies.features.dataset import Label
from strategies.learning.models import Model, model_named
from strategies.learning.selection import Selection
from strategies.types import MAX_BARS, Scalar

MOST_FOLDS = 50
SHARES = (0.1, 0.9)


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """A training.

    Attributes
    ----------
    model_id : str
        A key of `strategies.learning.models.MODELS`.
    target : Label
        What the labels of the dataset are. Of a ``sign`` all rows weigh the same; of a
        ``return`` each weighs as much as it moved.
    params : mapping
        Settings of the model; completed with the defaults.
    selection : Selection
        What the trained version is used with.
    folds : int
        How many stretches are predicted, each by what was learnt before it.
    first_share : float
        About how much of the time only teaches.
    purge_bars : int, optional
        Bars between learning and predicting; the horizon of the label if left out,
        and never less.
    embargo_bars : int, optional
        Bars after a stretch that are not predicted; as many as the horizon if left out.
    seed : int

    Raises
    ------
    ConfigError
        ``out_of_range``; StrategyError ``unknown_model``.
    """

    model_id: str
    target: Label = field(default_factory=Label)
    params: Mapping[str, object] = field(default_factory=dict)
    selection: Selection = field(default_factory=Selection)
    folds: int = 5
    first_share: float = 0.4
    purge_bars: int | None = None
    embargo_bars: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        params = self.model.complete(self.params)
        object.__setattr__(self, "params", params)
        horizon = self.target.horizon_bars
        _within("folds", self.folds, 1, MOST_FOLDS)
        _within("first_share", self.first_share, *SHARES)
        _within("purge_bars", self.purge, horizon, MAX_BARS)
        _within("embargo_bars", self.embargo, 0, MAX_BARS)
        _within("seed", self.seed, 0, 2**32 - 1)

    @property
    def model(self) -> Model:
        """The model that is trained."""
        return model_named(self.model_id)

    @property
    def purge(self) -> int:
        """Bars between learning and predicting."""
        horizon = self.target.horizon_bars
        return horizon if self.purge_bars is None else self.purge_bars

    @property
    def embargo(self) -> int:
        """Bars after a stretch that are not predicted."""
        horizon = self.target.horizon_bars
        return horizon if self.embargo_bars is None else self.embargo_bars

    @property
    def settings(self) -> Mapping[str, Scalar]:
        """Every setting of the model."""
        return self.params  # type: ignore[return-value]

    def document(self) -> dict[str, Any]:
        """Return it as plain values, complete."""
        return {
            "model_id": self.model_id,
            "target": self.target.document(),
            "params": dict(self.params),
            "selection": self.selection.document(),
            "folds": self.folds,
            "first_share": self.first_share,
            "purge_bars": self.purge,
            "embargo_bars": self.embargo,
            "seed": self.seed,
        }

    @property
    def config_hash(self) -> str:
        """The sha256 of the document."""
        return sha256_of(self.document())


def training_config(document: Mapping[str, Any]) -> TrainingConfig:
    """Return the training that a document describes; the other way than `document`."""
    chosen = document.get("selection", {})
    return TrainingConfig(
        **{k: v for k, v in document.items() if k not in ("target", "selection")},
        target=Label(**document["target"]),
        selection=Selection(**{name: tuple(values) for name, values in chosen.items()}),
    )


def _within(name: str, value: float, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        raise ConfigError(
            f"{name} is {value!r:.40}, which is outside {low} to {high}.",
            code="out_of_range",
            field=name,
            advice=f"Choose {low} to {high}.",
        )
