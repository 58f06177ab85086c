"""Who sees a thing: its owner alone, or everybody in the lab, to read."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from experiments.models import (
    Dataset,
    ModelExperiment,
    ModelRun,
    Owned,
    PipelineRun,
    Preset,
    StrategySnapshot,
    Visibility,
)
from experiments.services.presets import preset_update
from strategies.errors import ConfigError


@transaction.atomic
def shared(*, one: Owned, visibility: str) -> Owned:
    """Say who sees a thing and what it consists of; 403 for what is another's.

    An experiment has its runs, a strategy the one that shows it, a pipeline those of
    its grid, its dataset and its training. What was made of it by others is theirs.
    """
    if visibility not in Visibility.values:
        raise ConfigError(
            f"visibility cannot be {visibility!r:.40}.",
            code="invalid_value",
            field="visibility",
            advice="Use private or public.",
        )
    one.refuse_foreign()
    if isinstance(one, Preset):  # which has to be fit for others
        return preset_update(preset=one, visibility=visibility)
    one.visibility = visibility
    one.save(update_fields=["visibility"])
    if isinstance(one, ModelExperiment):
        _runs_too(one, ModelRun.objects.filter(experiment=one))
    if isinstance(one, StrategySnapshot):
        _runs_too(one, ModelRun.objects.filter(strategies=one))
    if isinstance(one, PipelineRun):
        ids = [*one.backtest_run_ids, one.training_run_id]
        _runs_too(one, ModelRun.objects.filter(pk__in=[key for key in ids if key]))
        own = Dataset.objects.filter(pipelines=one, owner=one.owner)
        own.update(visibility=visibility)
    return one


def _runs_too(one: Owned, runs: QuerySet[ModelRun]) -> None:
    runs.filter(owner=one.owner).update(visibility=one.visibility)
