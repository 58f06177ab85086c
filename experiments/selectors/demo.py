"""Where the demo is, while it is there."""

from __future__ import annotations

from experiments.models import ModelExperiment, ModelRun


def demo_shown() -> ModelExperiment | None:
    """Return the demo's experiment, one query; None once it was removed."""
    shown = ModelExperiment.objects.filter(is_demo=True, deleted_at__isnull=True)
    return shown.first()


def demo_run(experiment: ModelExperiment) -> ModelRun | None:
    """Return its oldest run, the one a newcomer reads first; one query."""
    runs = experiment.runs.filter(deleted_at__isnull=True).select_related("job")
    return runs.order_by("created_at").first()
