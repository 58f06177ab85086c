"""What a pipeline is asked to do: everything its result depends on but the bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strategies import __version__
from strategies.config import ExecutionConfig, RunConfig
from strategies.documents import sha256_of
from strategies.errors import ConfigError
from strategies.guardrails import Guardrails
from strategies.learning.config import TrainingConfig, training_config
from strategies.learning.models import Model, model_named
from strategies.market.timeframe import DAY_MS
from strategies.pipeline.grid import Configuration, configuration
from strategies.types import Scalar

MOST_DAYS = 90
MOST_SYMBOLS = 50
MOST_CONFIGURATIONS = 50
INITIAL_CASH = 100_000.0
# Named so in the config of a configuration's run: nothing of the library is, so that
# nobody takes accounts side by side for a portfolio that is rebalanced.
PREFIX = "pipeline:"

# Trading is never free; these are the costs of what is traded most.
COSTS = ExecutionConfig(commission_bps=1, slippage_bps=1)
# The deflated ratio asks more, the more was tried: so that noise seldom passes.
GUARDRAILS = Guardrails(
    min_trades=50, min_sharpe=0.05, sharpe_basis="bar", min_dsr=0.95
)


@dataclass(frozen=True, kw_only=True)
class PipelinePlan:
    """A pipeline that can be run.

    Attributes
    ----------
    model_id, provider, timeframe : str
    start, end : int
        First and last moment whose bars are read, ms UTC.
    symbols : tuple of str
        Sorted, each with bars in that time.
    survivorship : bool
        Whether the symbols were chosen by somebody who knew how it went on.
    grid : tuple of Configuration
        What is tried, in this order.
    guardrails : Guardrails
    training : TrainingConfig or None
        How the model is trained; None for a rule.
    execution : ExecutionConfig
        Costs, lag and fill price.
    seed : int

    Raises
    ------
    ConfigError
        ``too_many_symbols``, ``window_too_long``, ``too_many_configurations``.
    """

    model_id: str
    provider: str
    timeframe: str
    start: int
    end: int
    symbols: tuple[str, ...]
    survivorship: bool
    grid: tuple[Configuration, ...]
    guardrails: Guardrails = GUARDRAILS
    training: TrainingConfig | None = None
    execution: ExecutionConfig = field(default_factory=lambda: COSTS)
    seed: int = 0

    def __post_init__(self) -> None:
        check_symbols(len(self.symbols))
        check_days(days_of(self.start, self.end))
        check_configurations(len(self.grid))

    @property
    def model(self) -> Model:
        """The model whose configurations are tried."""
        return model_named(self.model_id)

    @property
    def days(self) -> int:
        """Days from the first moment to the last, both counted."""
        return days_of(self.start, self.end)

    def document(self) -> dict[str, Any]:
        """Return it as plain values, complete."""
        return {
            "model_id": self.model_id,
            "provider": self.provider,
            "timeframe": self.timeframe,
            "start": self.start,
            "end": self.end,
            "symbols": list(self.symbols),
            "survivorship": self.survivorship,
            "grid": [one.document() for one in self.grid],
            "guardrails": self.guardrails.model_dump(exclude_none=True),
            "training": self.training.document() if self.training else None,
            "execution": self.execution.model_dump(),
            "seed": self.seed,
        }

    @property
    def plan_hash(self) -> str:
        """The sha256 of the document and the code's version."""
        return sha256_of(self.document() | {"code_version": __version__})

    def run_config(self, one: Configuration) -> RunConfig:
        """Return what the run of one configuration is the run of.

        It names every setting, and its strategy names what no library has: accounts
        beside each other are not what a rule on a universe means there.
        """
        params: dict[str, Scalar] = {
            "thresholds": _listed(one.selection.thresholds),
            "allowed_hours": _listed(one.selection.allowed_hours) or "all",
        }
        if self.training is None:
            params = dict(one.params) | {"allowed_hours": params["allowed_hours"]}
        else:
            params |= dict(self.training.settings)
            params["training"] = self.learning_hash[:12]
        return RunConfig(
            provider=self.provider,
            universe=list(self.symbols),
            timeframe=self.timeframe,
            start=self.start,
            end=self.end,
            strategy={"name": f"{PREFIX}{self.model_id}", "params": params},
            execution=self.execution.model_dump(),
            initial_cash=INITIAL_CASH,
            seed=self.seed,
        )

    @property
    def learning_hash(self) -> str:
        """The sha256 of all that the probabilities depend on but the bars."""
        said = {} if self.training is None else self.training.document()
        features = [
            one if isinstance(one, str) else dict(one) for one in self.model.features
        ]
        return sha256_of(said | {"selection": None, "features": features})


def plan_of(document: Mapping[str, Any]) -> PipelinePlan:
    """Return the plan that a document describes; the other way than `document`."""
    said = dict(document)
    training = said.pop("training")
    return PipelinePlan(
        **said
        | {
            "symbols": tuple(said["symbols"]),
            "grid": tuple(configuration(one) for one in said["grid"]),
            "guardrails": Guardrails(**said["guardrails"]),
            "training": None if training is None else training_config(training),
            "execution": ExecutionConfig(**said["execution"]),
        }
    )


def days_of(start: int, end: int) -> int:
    """Return how many days a window spans, both ends counted."""
    return -(-(end - start + 1) // DAY_MS)


# --- caps: asked before anything is looked at --------------------------------------


def check_days(days: int) -> None:
    """Refuse a window that is longer than a pipeline looks at."""
    if days > MOST_DAYS:
        raise ConfigError(
            f"{days} days are more than the {MOST_DAYS} that a pipeline looks at.",
            code="window_too_long",
            field="start_date",
            advice=f"Choose dates that are at most {MOST_DAYS} days apart; a sweep of "
            "the model lab may be longer.",
        )


def check_symbols(n: int) -> None:
    """Refuse more symbols than a pipeline trades."""
    if n > MOST_SYMBOLS:
        raise ConfigError(
            f"{n} symbols are more than the {MOST_SYMBOLS} that a pipeline trades.",
            code="too_many_symbols",
            field="universe.cap",
            advice=f'Set "cap" to {MOST_SYMBOLS} or less, or name fewer symbols.',
        )


def check_configurations(n: int) -> None:
    """Refuse more configurations than a pipeline tries, or none."""
    if n > MOST_CONFIGURATIONS:
        raise ConfigError(
            f"{n} configurations are more than the {MOST_CONFIGURATIONS} that a "
            "pipeline tries.",
            code="too_many_configurations",
            field="grid",
            advice="Give fewer values: the numbers of values multiply.",
        )
    if n == 0:
        raise ConfigError(
            "There is nothing to try.",
            code="empty_grid",
            field="grid",
            advice="Give at least one value of each list that fits the others.",
        )


def _listed(values: tuple[float, ...] | tuple[int, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
