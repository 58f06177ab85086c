"""A lab with people in it, and what one of them has."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from experiments.models import ModelRun, SavedView
from experiments.services.presets import preset_create
from experiments.services.strategies import strategy_save
from experiments.services.watchlists import watchlist_create
from quantlab.web.person import Person, Scope, asked_by
from tests.access.people import LAB_KEY, SECRET
from tests.experiments.pipelines import submitted
from tests.experiments.rows import add_dataset, plain_experiment
from tests.experiments.test_expression_runs import expression_run
from tests.jobs.rows import make_job


@pytest.fixture
def asks_for_a_key(db, settings):
    settings.QUANT_API_KEY = LAB_KEY
    cache.clear()


@pytest.fixture
def things(asks_for_a_key):
    """What ann has, by the name of the parameter that asks for it."""
    with asked_by(Person("ann", Scope.RUN)):
        experiment = plain_experiment(name=SECRET)
        with asked_by(Person("ann", Scope.ADMIN)):  # as a worker does it for her
            run = expression_run()
        ModelRun.objects.filter(pk=run.pk).update(name=SECRET, experiment=experiment)
        run = ModelRun.objects.get(pk=run.pk)
        strategy = strategy_save(run=run, name=SECRET)[0]
        job = make_job("queued", owner="ann", title=SECRET)
        dataset = add_dataset(name=SECRET, job=make_job("queued", owner="ann"))
        watchlist = watchlist_create(name=SECRET, symbols=["A"])
        preset_create(kind="run", name=SECRET, config=run.config)
        view = SavedView.objects.create(owner="ann", list="runs", name=SECRET)
        pipeline = submitted(universe=["SYN-gbm-1"], provider="synthetic", name=SECRET)
    return {
        "run_id": str(run.pk),
        "experiment_id": str(experiment.pk),
        "expr_hash": strategy.pk,
        "job_id": job.pk,
        "dataset_id": str(dataset.pk),
        "watchlist_id": str(watchlist.pk),
        "name": SECRET,
        "view_id": str(view.pk),
        "pipeline_run_id": str(pipeline.pk),
        "pipeline_id": str(pipeline.pk),
    }
