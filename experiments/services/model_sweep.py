"""A sweep of a rule by the name of its model: the same sweep as an experiment's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from experiments.models import ModelExperiment
from experiments.selectors.sweep import SweepCost, sweep_cost
from experiments.selectors.training import model_get
from experiments.selectors.universes import config_settled
from experiments.services.experiments import experiment_create
from experiments.services.runs import Submission
from experiments.services.sweep import (
    SweepRequest,
    sweep_asked,
    sweep_plan,
    sweep_request,
)
from strategies import RunConfig
from strategies.errors import ConfigError
from strategies.learning.models import Model

OF_EXPERIMENT = ("provider", "timeframe")


def model_sweep_asked(*, model_id: str, body: Mapping[str, Any]) -> SweepRequest:
    """Return what a body asks for; a learned model is refused, 404 for none."""
    model = model_get(model_id)
    if model.kind != "rule":
        raise ConfigError(
            f"{model.name} is trained: what is tried of it are thresholds and hours.",
            code="not_a_rule",
            field="model_id",
            advice=f"POST /api/models/{model.name}/pipeline/run with a grid does that.",
        )
    return sweep_asked(body)


def model_sweep_dry_run(*, model_id: str, asked: SweepRequest) -> SweepCost:
    """Return what the sweep would cost; nothing is written."""
    base = _base(model_get(model_id), asked)
    return sweep_cost(sweep_plan(base=base, asked=asked))


@transaction.atomic
def model_sweep_request(
    *, model_id: str, asked: SweepRequest, owner: str = ""
) -> Submission:
    """Sweep a rule in the experiment that keeps its sweeps on these symbols."""
    model = model_get(model_id)
    experiment = _experiment(model, _base(model, asked))
    return sweep_request(experiment=experiment, asked=asked, owner=owner)


def _base(model: Model, asked: SweepRequest) -> RunConfig:
    said = asked.config
    if not said.get("symbol") and not said.get("universe"):
        raise ConfigError(
            "Nobody said which symbol the rule is tried on.",
            code="missing_field",
            field="config.symbol",
            advice='For instance "config": {"symbol": "SP500"}.',
        )
    where = {key: said[key] for key in ("symbol", "universe") if said.get(key)}
    frame = {key: said[key] for key in OF_EXPERIMENT if said.get(key)}
    return RunConfig(**where, **frame, strategy={"name": model.name})


def _experiment(model: Model, base: RunConfig) -> ModelExperiment:
    name = f"Sweeps of {model.label}"
    universe = config_settled(base).symbols
    known = ModelExperiment.objects.filter(
        name=name,
        model_key=model.name,
        provider=base.provider,
        timeframe=base.timeframe,
        deleted_at__isnull=True,
    )
    for one in known.order_by("created_at"):
        if one.universe == universe:
            return one
    return experiment_create(
        name=name,
        model_key=model.name,
        params={},
        provider=base.provider,
        universe=universe,
        timeframe=base.timeframe,
    )
