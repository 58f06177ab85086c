"""The first stage of a pipeline: features and labels, built or found again."""

from __future__ import annotations

from dataclasses import replace

from django.db import transaction

from experiments.models import Dataset
from experiments.selectors.datasets import dataset_page_url
from experiments.selectors.training import features_of
from experiments.services.dataset_build import (
    KIND,
    BuildPlan,
    build_asked,
    build_plan,
    dataset_row,
    dataset_same,
)
from experiments.services.dataset_execute import dataset_made
from experiments.services.pipeline_universe import reach_of
from experiments.services.pipeline_work import Work, is_built
from jobs.models import JobStatus
from jobs.queue import done_within
from strategies.learning.estimators import get_ready

STAGE = "dataset"


def dataset_stage(work: Work) -> None:
    """Leave the dataset on the row; of a rule only what there is to be traded."""
    if work.plan.training is None:
        rows = sum(len(one) for one in work.candles)
        facts = {"rows": rows, "symbols": len(work.candles), "reused": False}
        work.done(STAGE, dataset_facts=facts)
        return
    get_ready()  # here, where nobody counts the seconds of a configuration
    plan = _build_plan(work)
    same = dataset_same(plan)
    if same is not None and _is_done(same):
        work.context.log("dataset_reused", f"Dataset {same.pk} has these rows.")
        work.done(STAGE, dataset_run=same, dataset_facts=_facts(same, reused=True))
        return
    made = dataset_row(plan, dataset_id=work.own_id(STAGE))
    dataset_made(made, work.part(STAGE))
    _commit(work, made)


def _build_plan(work: Work) -> BuildPlan:
    plan = work.plan
    start, end = reach_of(plan)
    asked = build_asked(
        {
            "provider": plan.provider,
            "universe": list(plan.symbols),
            "timeframe": plan.timeframe,
            "start_date": start,
            "end_date": end,
            "features": features_of(plan.model),
            "label": plan.model.target.document(),
        }
    )
    return replace(build_plan(asked), is_static=plan.survivorship)


def _is_done(dataset: Dataset) -> bool:
    job = dataset.job
    return job is not None and job.status == JobStatus.SUCCEEDED and is_built(dataset)


def _facts(dataset: Dataset, *, reused: bool) -> dict[str, object]:
    return {"rows": dataset.rows, "symbols": dataset.n_symbols, "reused": reused}


@transaction.atomic
def _commit(work: Work, made: Dataset) -> None:
    work.hold()
    made.job = done_within(
        work.context.job,
        KIND,
        title=f"Build {made.name}",
        run_id=str(made.pk),
        page=dataset_page_url(made.pk),
    )
    made.save(force_insert=True)
    work.done(STAGE, dataset_run=made, dataset_facts=_facts(made, reused=False))
