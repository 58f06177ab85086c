"""Where the demo is, while it is there."""

from __future__ import annotations

from experiments.models import ModelExperiment, ModelRun, PipelineRun
from jobs.models import JobStatus
from strategies.library.expression import EXPRESSION


def demo_shown() -> ModelExperiment | None:
    """Return the demo's experiment, one query; None once it was removed."""
    shown = ModelExperiment.objects.filter(is_demo=True, deleted_at__isnull=True)
    return shown.first()


def demo_run(experiment: ModelExperiment) -> ModelRun | None:
    """Return its oldest run, the one a newcomer reads first; one query."""
    return _oldest(experiment)


def demo_written(experiment: ModelExperiment) -> ModelRun | None:
    """Return its oldest run of an expression, kept as a strategy; one query."""
    return _oldest(experiment, strategy=EXPRESSION)


def demo_of_kind(experiment: ModelExperiment, kind: str) -> ModelRun | None:
    """Return its oldest run of a kind, a sweep or a walk-forward; one query."""
    return _oldest(experiment, kind=kind)


def demo_pipeline() -> PipelineRun | None:
    """Return its pipeline, one query; None once it was removed."""
    shown = PipelineRun.objects.filter(is_demo=True, deleted_at__isnull=True)
    return shown.first()


def demo_expression(*, job_id: str, expr: str) -> ModelRun | None:
    """Return the run of a job if it is the demo's, of this expression and done."""
    done = ModelRun.objects.filter(
        job_id=job_id,
        job__status=JobStatus.SUCCEEDED,
        experiment__is_demo=True,
        deleted_at__isnull=True,
    )
    run = done.select_related("job", "experiment").first()
    return run if run is not None and run.config.get("expr") == expr else None


def _oldest(experiment: ModelExperiment, **wanted: str) -> ModelRun | None:
    runs = experiment.runs.filter(deleted_at__isnull=True, **wanted)
    return runs.select_related("job").order_by("created_at").first()
