"""Where a run begins: from its experiment, or from another run with changes."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from experiments.forms.run import RunForm
from experiments.selectors.experiments import experiment_get
from experiments.selectors.runs import run_get
from experiments.services.experiments import experiment_config, experiment_run
from experiments.services.runs import run_rerun
from experiments.views.run_form import FormPage, opened
from quantlab.web.htmx import HtmxHttpRequest
from strategies import RunConfig

PAGE = "experiments/run_new.html"


@require_http_methods(["GET", "POST"])
def run_new(request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
    """Run the experiment, with whatever the form changes of its setting."""
    experiment = experiment_get(experiment_id)
    experiment.refuse_foreign()
    base = experiment_config(experiment)

    def launch(form: RunForm) -> str:
        submission = experiment_run(experiment=experiment, patch=form.request())
        return opened(request, submission)

    page = FormPage(
        template=PAGE,
        form=partial(RunForm, base=base),
        launch=launch,
        context={
            "experiment": experiment,
            "submit": "Run the backtest",
            "back_url": experiment.get_absolute_url(),
        },
        experiment_id=experiment.pk,
    )
    return page.answer(request)


@require_http_methods(["GET", "POST"])
def run_again(request: HtmxHttpRequest, run_id: UUID) -> HttpResponse:
    """Run the config of a run with changes, which are told before it starts.

    An expression is changed where it was written.
    """
    run = run_get(run_id)
    if run.config.get("expr"):
        return redirect(f"{reverse('experiments:expression')}?run={run.pk}")
    base = RunConfig(**run.config)

    def launch(form: RunForm) -> str:
        return opened(request, run_rerun(run=run, patch=form.request()))

    page = FormPage(
        template=PAGE,
        form=partial(RunForm, base=base),
        launch=launch,
        context={
            "experiment": run.experiment,
            "rerun_of": run,
            "rerun_title": run.name or run.job.title,
            "submit": "Re-run with changes",
            "back_url": run.get_absolute_url(),
        },
        experiment_id=run.experiment_id,
        before=base,
    )
    return page.answer(request)
