"""Back from the trash: what was deleted in one go, or what is picked from the list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from experiments.models import (
    ModelExperiment,
    ModelRun,
    PipelineRun,
    Preset,
    StrategySnapshot,
    Watchlist,
)
from experiments.selectors.experiments import experiment_get
from experiments.selectors.pipeline import pipeline_get
from experiments.selectors.strategies import strategy_get
from experiments.selectors.universes import watchlist_get
from experiments.services.experiments import experiment_restore
from experiments.services.marks import runs_mark
from experiments.services.pipeline import pipeline_restore
from experiments.services.presets import preset_restore
from experiments.services.runs import runs_show
from experiments.services.strategies import strategy_restore
from experiments.services.watchlists import watchlist_restore
from quantlab.web.problem import Problem


@transaction.atomic
def trash_undo(*, moment: datetime) -> int:
    """Show again exactly what was deleted at that moment; return how many things.

    The runs that went with an experiment or a pipeline come back with it and are not
    counted apart.
    """
    experiments = list(ModelExperiment.objects.filter(deleted_at=moment))
    for experiment in experiments:
        experiment_restore(experiment=experiment)
    alone = ModelRun.objects.filter(deleted_at=moment).exclude(
        experiment__deleted_at__isnull=False
    )
    presets = list(Preset.objects.filter(deleted_at=moment))
    for preset in presets:
        preset_restore(preset=preset)
    strategies = list(StrategySnapshot.objects.filter(deleted_at=moment))
    for strategy in strategies:
        strategy_restore(strategy=strategy)
    watchlists = list(Watchlist.objects.filter(deleted_at=moment))
    for watchlist in watchlists:
        watchlist_restore(watchlist=watchlist)
    pipelines = list(PipelineRun.objects.filter(deleted_at=moment))
    for pipeline in pipelines:
        pipeline_restore(row=pipeline)
    n_runs = runs_show(runs=alone)
    n_others = len(presets) + len(strategies) + len(watchlists) + len(pipelines)
    return len(experiments) + n_runs + n_others


@transaction.atomic
def trash_restore(
    *,
    experiments: Sequence[str] = (),
    runs: Sequence[str] = (),
    pipelines: Sequence[str] = (),
    presets: Sequence[str] = (),
    strategies: Sequence[str] = (),
    watchlists: Sequence[str] = (),
) -> int:
    """Show again what is named; return how many were in the trash."""
    named = [experiment_get(key, deleted=True) for key in experiments]
    gone = [one for one in named if one.deleted_at is not None]
    for experiment in gone:
        experiment_restore(experiment=experiment)
    n_runs = runs_mark(action="restore", run_ids=runs).changed if runs else 0
    rows = [pipeline_get(key, deleted=True) for key in pipelines]
    for row in rows:
        pipeline_restore(row=row)
    saved = [preset_restore(preset=_preset_deleted(key)) for key in presets]
    kept = [strategy_get(key, deleted=True) for key in strategies]
    for strategy in kept:
        strategy_restore(strategy=strategy)
    lists = [watchlist_get(key, deleted=True) for key in watchlists]
    for watchlist in lists:
        watchlist_restore(watchlist=watchlist)
    return len(gone) + n_runs + len(rows) + len(saved) + len(kept) + len(lists)


def _preset_deleted(key: str) -> Preset:
    gone = Preset.objects.filter(deleted_at__isnull=False)
    try:
        return gone.get(pk=key)
    except (Preset.DoesNotExist, ValidationError):
        message = f"There is no deleted preset {key[:40]!r}."
        raise Problem(status=404, message=message) from None
